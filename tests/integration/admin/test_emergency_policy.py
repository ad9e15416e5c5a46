"""The emergency policy through the administration: versions with their author, refused beside the field."""

import pytest
from django.utils import timezone

from climate.models import EmergencyPolicy
from climate.selectors import list_active_emergencies
from climate.services.alerts import keep_alerts
from config.administration.audit import Question, list_changes
from tests.integration.climate.alert_examples import ORANGE
from tests.integration.world import load_world

pytestmark = pytest.mark.django_db
LIST = "/admin/climate/emergency/"
POLICIES = "/admin/climate/emergencypolicy/"


@pytest.fixture(autouse=True)
def world(db):
    load_world()


def newest(model_label="climate.emergency"):
    return list_changes(Question(model_label=model_label), offset=0, limit=1)[0]


def policy_form(root, **changes):
    start = root.get(f"{POLICIES}add/").context["form"].initial
    filled = {name: value for name, value in start.items() if value is not None}
    return {**filled, "rationale": "Monsoon.", **changes}


def test_a_new_version_is_in_force_at_once_with_its_author(root):
    form = policy_form(root, **{"kinds.flood.orange": "activate", "kinds.flood.multiplier": "7.5"})
    page = root.post(f"{POLICIES}add/", form, follow=True).content.decode()
    assert "Version 2 is in force" in page
    first, second = EmergencyPolicy.objects.order_by("version")
    expected = {**first.terms, "kinds": {**first.terms["kinds"]}}
    expected["kinds"]["flood"] = {**expected["kinds"]["flood"], "orange": "activate", "multiplier": 7.5}
    assert second.terms == expected, "nothing else differs"
    assert (second.author.username, second.rationale) == ("root", "Monsoon.")
    assert (newest("climate.emergencypolicy").who, newest("climate.emergencypolicy").kind) == ("root", "created")
    keep_alerts(source="gdacs", alerts=[ORANGE], is_complete=True, now=timezone.now())
    assert [each.multiplier for each in list_active_emergencies(now=timezone.now())] == [7.5]
    shown = root.get(f"{POLICIES}{second.pk}/change/").content.decode()
    assert "kinds.flood.multiplier" in shown
    assert "superseded" in root.get(POLICIES).content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kinds.flood.multiplier": "0.5"}, "kinds.flood.multiplier"),
        ({"kinds.flood.multiplier": ""}, "kinds.flood.multiplier"),
        ({"kinds.flood.red": "panic"}, "kinds.flood.red"),
        ({"lasts_hours": "0"}, "lasts_hours"),
        ({"longest_hours": "9999"}, "longest_hours"),
        ({"sources": ["gb-carbon-intensity"]}, "sources"),
        ({"purposes": ["war"]}, "purposes"),
        ({"rationale": ""}, "rationale"),
    ],
)
def test_a_version_that_cannot_be_meant_is_refused_beside_its_field(root, changes, field):
    page = root.post(f"{POLICIES}add/", policy_form(root, **changes))
    assert page.status_code == 200
    assert field in page.context["form"].errors
    assert EmergencyPolicy.objects.count() == 1


def test_the_longest_time_may_be_set_and_left_empty(root):
    root.post(f"{POLICIES}add/", policy_form(root, longest_hours="720"))
    root.post(f"{POLICIES}add/", policy_form(root, longest_hours=""))
    versions = EmergencyPolicy.objects.order_by("version")
    assert [each.terms["longest_hours"] for each in versions] == [None, 720, None]


def test_a_version_is_never_changed(root):
    policy = EmergencyPolicy.objects.get()
    assert root.post(f"{POLICIES}{policy.pk}/change/", {"rationale": "Other."}).status_code == 403
    assert root.post(f"{POLICIES}{policy.pk}/delete/", {"post": "yes"}).status_code == 403
    assert EmergencyPolicy.objects.get().rationale == policy.rationale
