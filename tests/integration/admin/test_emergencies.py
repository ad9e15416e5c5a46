"""Emergencies and their policy through the administration: decided with a reason, kept with who and when."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from climate.admin.emergencies import EmergencyAdmin
from climate.domain.alerts import AlertLevel
from climate.models import Alert, Emergency
from climate.selectors import list_active_emergencies
from climate.services.alerts import keep_alerts
from config.administration.audit import Question, list_changes
from tests.integration.climate.alert_examples import FLOOD, ORANGE, newer
from tests.integration.world import load_world

pytestmark = pytest.mark.django_db
LIST = "/admin/climate/emergency/"
POLICIES = "/admin/climate/emergencypolicy/"


@pytest.fixture(autouse=True)
def world(db):
    load_world()


def newest(model_label="climate.emergency"):
    return list_changes(Question(model_label=model_label), offset=0, limit=1)[0]


def split(name, at):
    return {f"{name}_0": f"{at:%Y-%m-%d}", f"{name}_1": f"{at:%H:%M:%S}"}


def declared(**changes):
    values = {
        "kind": "flood",
        "title": "Brahmaputra",
        "countries": ["BD"],
        "purposes": ["disaster_response"],
        "multiplier": "5",
        "reason": "GloFAS alert",
    }
    return {**values, **changes}


@pytest.fixture
def proposed():
    keep_alerts(source="gdacs", alerts=[ORANGE], is_complete=True, now=timezone.now())
    return Emergency.objects.get()


def in_force():
    return [each.title for each in list_active_emergencies(now=timezone.now())]


def act(client, emergency, action, **form):
    return client.post(f"{LIST}{emergency.pk}/{action}/", {"reason": "Seen from the bridge.", **form}, follow=True)


def test_an_emergency_is_declared_and_lifted_with_its_reason(root):
    assert "it is in the list now" in root.post(f"{LIST}add/", declared(), follow=True).content.decode()
    emergency = Emergency.objects.get()
    assert (emergency.country_codes, emergency.purposes, emergency.multiplier) == (["BD"], ["disaster_response"], 5)
    assert (emergency.decided_by, emergency.is_kept_by_person, in_force()) == ("person root", True, ["Brahmaputra"])
    lift = f"{LIST}{emergency.pk}/lift/"
    assert "required" in root.post(lift, {"reason": ""}).content.decode()
    assert in_force() == ["Brahmaputra"]
    root.post(lift, {"reason": "The water fell."})
    assert in_force() == []
    assert (newest().who, newest().reason) == ("root", "lifted: The water fell.")
    assert root.post(lift, {"reason": "Again."}).status_code == 403, "what is over is not offered"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"countries": ["XX"]}, "countries"),
        ({"countries": []}, "countries"),
        ({"purposes": ["war"]}, "purposes"),
        ({"multiplier": "0.5"}, "multiplier"),
        ({"multiplier": "nan"}, "multiplier"),
        ({"reason": ""}, "reason"),
        ({"title": "  "}, "title"),
        (split("ends_at", timezone.now() - timedelta(days=1)), "ends_at"),
    ],
)
def test_an_emergency_that_cannot_be_meant_is_refused_beside_its_field(root, changes, field):
    page = root.post(f"{LIST}add/", declared(**changes))
    assert page.status_code == 200
    assert field in page.context["form"].errors
    assert Emergency.objects.count() == 0


def test_a_drill_is_marked_as_one_and_must_end(root):
    address = reverse("admin:climate_emergency_start_drill")
    assert "ends_at" in root.post(address, declared()).context["form"].errors
    root.post(address, declared(**split("ends_at", timezone.now() + timedelta(hours=2))))
    drill = Emergency.objects.get()
    assert (drill.is_drill, in_force()) == (True, [])
    assert "drill" in root.get(LIST).content.decode()
    act(root, drill, "lift")
    assert Emergency.objects.get().state == "ended"


def test_a_proposal_is_confirmed_and_then_only_lifted(root, proposed):
    page = root.get(f"{LIST}{proposed.pk}/change/").content.decode()
    assert f"{LIST}{proposed.pk}/confirm/" in page
    assert f"{LIST}{proposed.pk}/lift/" not in page
    act(root, proposed, "confirm")
    assert in_force() == ["Flood in Bangladesh"]
    assert (newest().who, newest().reason) == ("root", "confirmed: Seen from the bridge.")
    assert root.post(f"{LIST}{proposed.pk}/dismiss/", {"reason": "x"}).status_code == 403
    page = root.get(f"{LIST}{proposed.pk}/change/").content.decode()
    assert f"{LIST}{proposed.pk}/lift/" in page
    assert f"{LIST}{proposed.pk}/confirm/" not in page


def test_a_confirmed_one_may_be_kept_beyond_its_event(root, proposed):
    act(root, proposed, "confirm", keep="on")
    over = newer(ORANGE, is_current=False)
    keep_alerts(source="gdacs", alerts=[over], is_complete=True, now=timezone.now())
    assert in_force() == ["Flood in Bangladesh"]


def test_a_proposal_is_dismissed_and_then_read_only(root, proposed):
    act(root, proposed, "dismiss")
    assert Emergency.objects.get().state == "dismissed"
    form = {"title": "Other", "country_codes": ["IN"], "purposes": ["disaster_response"], "multiplier": "9"}
    assert 'name="_save"' not in root.get(f"{LIST}{proposed.pk}/change/").content.decode()
    page = root.post(f"{LIST}{proposed.pk}/change/", form)
    assert "This emergency is dismissed meanwhile. Nothing was changed." in page.content.decode()
    assert Emergency.objects.get().title == "Flood in Bangladesh"


def change_form(emergency, **changes):
    values = {
        "title": emergency.title,
        "country_codes": emergency.country_codes,
        "purposes": emergency.purposes,
        "multiplier": emergency.multiplier,
        "change_reason": "Too strong.",
    }
    ends = split("ends_at", emergency.ends_at) if emergency.ends_at else {}
    return {**values, **ends, **changes}


def test_what_a_person_changes_the_feed_leaves_alone(root):
    keep_alerts(source="gdacs", alerts=[FLOOD], is_complete=True, now=timezone.now())
    emergency = Emergency.objects.get()
    root.post(f"{LIST}{emergency.pk}/change/", change_form(emergency, multiplier="2"))
    over = newer(FLOOD, is_current=False, level=AlertLevel.GREEN)
    keep_alerts(source="gdacs", alerts=[over], is_complete=True, now=timezone.now())
    changed = Emergency.objects.get()
    assert (changed.multiplier, changed.state, changed.is_kept_by_person) == (2.0, "active", True)
    assert newest().reason == "Too strong."


def once_read(monkeypatch, alert):
    """Let `alert` arrive after the page has read the row and before it stores the change."""
    get_form = EmergencyAdmin.get_form

    def late(*args, **options):
        keep_alerts(source="gdacs", alerts=[alert], is_complete=True, now=timezone.now())
        return get_form(*args, **options)

    monkeypatch.setattr(EmergencyAdmin, "get_form", late)


def test_an_emergency_that_ends_while_its_form_is_stored_stays_ended(root, monkeypatch):
    keep_alerts(source="gdacs", alerts=[FLOOD], is_complete=True, now=timezone.now())
    emergency = Emergency.objects.get()
    once_read(monkeypatch, newer(FLOOD, is_current=False))
    page = root.post(f"{LIST}{emergency.pk}/change/", change_form(emergency, multiplier="2"))
    assert "This emergency is ended meanwhile. Nothing was changed." in page.content.decode()
    ended = Emergency.objects.get()
    assert (ended.state, ended.multiplier, ended.is_kept_by_person) == ("ended", 5.0, False)


def test_a_change_stores_what_was_changed_and_leaves_what_moved_meanwhile(root, monkeypatch):
    keep_alerts(source="gdacs", alerts=[FLOOD], is_complete=True, now=timezone.now())
    emergency = Emergency.objects.get()
    once_read(monkeypatch, newer(FLOOD, places=("BD", "IN")))
    root.post(f"{LIST}{emergency.pk}/change/", change_form(emergency, multiplier="2"))
    changed = Emergency.objects.get()
    assert (changed.multiplier, changed.country_codes, changed.is_kept_by_person) == (2.0, ["BD", "IN"], True)


def test_saving_without_a_change_leaves_it_to_the_feed(root):
    keep_alerts(source="gdacs", alerts=[FLOOD], is_complete=True, now=timezone.now())
    emergency = Emergency.objects.get()
    assert root.post(f"{LIST}{emergency.pk}/change/", change_form(emergency)).status_code == 302
    assert not Emergency.objects.get().is_kept_by_person


def test_declaring_takes_the_permission_that_deciding_takes(member_of, client, django_user_model):
    adder = django_user_model.objects.create_user("adder", is_staff=True)
    adder.user_permissions.set(Permission.objects.filter(codename__in=["add_emergency", "view_emergency"]))
    client.force_login(adder)
    assert client.post(f"{LIST}add/", declared()).status_code == 403
    assert Emergency.objects.count() == 0
    member_of("operators").post(f"{LIST}add/", declared())
    assert in_force() == ["Brahmaputra"]


def test_an_end_in_the_past_is_refused_and_changes_nothing(root):
    keep_alerts(source="gdacs", alerts=[FLOOD], is_complete=True, now=timezone.now())
    emergency = Emergency.objects.get()
    past = change_form(emergency, **split("ends_at", timezone.now() - timedelta(hours=1)))
    assert "ends_at" in root.post(f"{LIST}{emergency.pk}/change/", past).context["adminform"].form.errors
    assert Emergency.objects.get().ends_at == emergency.ends_at


def test_one_that_follows_an_alert_or_has_begun_is_not_deleted(root, proposed):
    assert root.post(f"{LIST}{proposed.pk}/delete/", {"post": "yes"}).status_code == 403
    root.post(f"{LIST}add/", declared(**split("starts_at", timezone.now() + timedelta(days=1))))
    announced = Emergency.objects.get(title="Brahmaputra")
    assert root.post(f"{LIST}{announced.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Emergency.objects.filter(title="Brahmaputra").exists()


# --- alerts ----------------------------------------------------------------------------------


def test_an_alert_is_shown_with_its_versions_and_what_became_of_it(root):
    now = timezone.now()
    keep_alerts(source="gdacs", alerts=[ORANGE], is_complete=True, now=now)
    keep_alerts(source="gdacs", alerts=[newer(FLOOD, places=("BD", "Atlantis"))], is_complete=True, now=now)
    page = root.get(f"/admin/climate/alert/{Alert.objects.get().pk}/change/").content.decode()
    for words in ("FL1103999", "Atlantis", "&quot;level&quot;: &quot;orange&quot;", "rose from orange to red"):
        assert words in page
