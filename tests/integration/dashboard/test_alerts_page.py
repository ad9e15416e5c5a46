"""Emergencies and alerts: what everybody sees, and what an operator decides."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from climate.models import Alert, DataSource, Emergency
from dashboard.presentation.alerts import alert_digest
from dashboard.selectors.alerts import get_alert_board
from tests.integration.dashboard.test_pages import text_of


@pytest.fixture
def operator(member):
    member.user_permissions.add(Permission.objects.get(codename="change_emergency"))
    member.is_staff = True
    member.save()
    return member


def declare(title: str = "Cyclone over Mozambique", **changes) -> Emergency:
    now = datetime.now(UTC)
    values = {
        "kind": "cyclone",
        "title": title,
        "country_codes": ["MZ"],
        "purposes": ["disaster_response"],
        "multiplier": 5.0,
        "reason": "GDACS TC1000999, Orange.",
        "starts_at": now - timedelta(hours=3),
    }
    return Emergency.objects.create(**{**values, **changes})


def alert(**changes) -> Alert:
    now = datetime.now(UTC)
    values = {
        "source": "gdacs",
        "external_id": "FL1102983",
        "kind": "flood",
        "level": "red",
        "title": "Flood in Bangladesh",
        "country_codes": ["BD"],
        "glide": "FL-2026-000123-BGD",
        "url": "https://www.gdacs.org/report.aspx?eventid=1102983",
        "starts_at": now - timedelta(days=1),
        "is_current": True,
        "version_at": now - timedelta(minutes=5),
        "first_seen_at": now,
        "last_seen_at": now,
    }
    return Alert.objects.create(**{**values, **changes})


def part(client, name: str) -> str:
    page = client.get("/alerts/").content.decode()
    found = page.partition(f'id="part-{name}"')[2].partition("</section>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found))


def test_an_emergency_in_force_says_what_it_lifts_where_since_when_and_why(world, client):
    declare()
    words = part(client, "in-force")
    assert "Cyclone over Mozambique" in words
    assert "Mozambique: weight × 5 for disaster response" in words
    assert "until it is lifted" in words
    assert "GDACS TC1000999, Orange." in words


def test_a_drill_is_called_a_drill_and_is_not_on_the_overview(world, client):
    declare("Autumn exercise", is_drill=True, ends_at=datetime.now(UTC) + timedelta(hours=1))
    assert "drill: changes no decision" in part(client, "in-force")
    assert "Autumn exercise" not in text_of(client.get("/"))


def test_a_proposal_is_on_both_pages_as_one_that_waits(world, client):
    declare(state="proposed", alert=alert())
    assert "Cyclone over Mozambique" in part(client, "proposed")
    assert "Cyclone over Mozambique" not in part(client, "in-force")
    overview = text_of(client.get("/"))
    assert "cyclone, proposed" in overview
    assert "waits for an operator" in overview


def test_an_alert_of_a_feed_has_level_in_words_countries_glide_and_a_safe_link(world, client):
    alert()
    words = part(client, "alerts")
    for expected in ("Red", "Flood in Bangladesh", "Bangladesh", "GLIDE FL-2026-000123-BGD", "no emergency"):
        assert expected in words
    link = re.search(r'<a href="https://www.gdacs.org[^>]*>', client.get("/alerts/").content.decode())
    assert link
    assert 'rel="noopener noreferrer"' in link.group()


def test_an_end_that_has_passed_of_an_event_that_goes_on_is_when_it_was_observed_last(world, client):
    now = datetime.now(UTC)
    alert(ends_at=now - timedelta(hours=6))
    assert f"last observed {now - timedelta(hours=6):%d %b %Y %H:%M} UTC" in part(client, "alerts")
    Alert.objects.update(ends_at=now + timedelta(hours=6))
    assert "last observed" not in part(client, "alerts")


def test_feeds_that_never_answered_or_no_longer_do_are_not_taken_for_quiet_ones(world, client):
    DataSource.objects.all().delete()
    feed = DataSource.objects.create(name="gdacs", title="GDACS")
    assert "No feed has answered yet." in part(client, "alerts")
    now = datetime.now(UTC)
    feed.state, feed.last_success_at = "ok", now
    feed.save()
    assert "No feed reports a current event." in part(client, "alerts")
    feed.last_success_at = now - timedelta(days=2)
    feed.save()
    since = f"No feed has answered since {now - timedelta(days=2):%d %b %Y %H:%M} UTC."
    assert since in part(client, "alerts")
    alert()
    assert since in part(client, "alerts")


def test_an_old_red_alert_is_shown_before_newer_light_ones_and_all_are_counted(world, client, monkeypatch):
    monkeypatch.setattr("dashboard.selectors.alerts.MOST_ALERTS", 2)
    now = datetime.now(UTC)
    alert(external_id="DR1", kind="drought", title="Drought of last year", version_at=now - timedelta(days=300))
    for number, level in enumerate(("green", "orange", "unknown", "green")):
        alert(external_id=f"EQ{number}", kind="earthquake", title=f"Earthquake {level}", level=level)
    words = part(client, "alerts")
    assert "5 current, the gravest 2 are shown" in words
    assert words.index("Drought of last year") < words.index("Earthquake orange")
    assert "Earthquake green" not in words
    monkeypatch.setattr("dashboard.selectors.alerts.MOST_ALERTS", 200)
    words = part(client, "alerts")
    assert "5 current, the gravest first" in words
    assert words.index("Earthquake unknown") < words.index("Earthquake green"), "nobody has said that it is light"


def test_an_open_page_reads_itself_again_for_what_it_shows_and_for_nothing_else(world):
    shown = alert()
    declare()
    now = datetime.now(UTC)

    def digest():
        return alert_digest(get_alert_board(now=now), now=now)["digest"]

    before = digest()
    Alert.objects.update(last_seen_at=now + timedelta(minutes=10))
    assert digest() == before, "the feed was asked again and said the same"
    Alert.objects.filter(pk=shown.pk).update(severity_text="Magnitude 7.1")
    assert digest() != before
    after = digest()
    Emergency.objects.update(state="ended")
    assert digest() != after


def test_an_address_that_is_none_of_the_web_is_not_a_link(world, client):
    alert(url="javascript:alert(1)")
    assert "javascript:" not in client.get("/alerts/").content.decode()


def test_what_is_over_is_history(world, client):
    now = datetime.now(UTC)
    declare("Storm of last week", state="ended", starts_at=now - timedelta(days=6), ends_at=now - timedelta(days=2))
    declare("Never mind", state="dismissed")
    words = part(client, "past")
    assert "Storm of last week" in words
    assert "ended" in words
    assert "Never mind" in words
    assert "dismissed" in words


def test_without_anything_every_part_says_so(world, client):
    text = text_of(client.get("/alerts/"))
    for words in ("No emergency is in force.", "Nothing waits for a decision.", "No feed has answered yet."):
        assert words in text


@pytest.mark.parametrize(
    ("state", "decision", "becomes"),
    [("proposed", "confirm", "active"), ("proposed", "dismiss", "dismissed"), ("active", "lift", "ended")],
)
def test_an_operator_decides_with_a_reason_and_is_told_what_became_of_it(
    world, operator, client, state, decision, becomes
):
    emergency = declare(state=state, alert=alert())
    client.force_login(operator)
    assert f'action="/alerts/emergencies/{emergency.pk}/' in client.get("/alerts/").content.decode()
    answer = client.post(f"/alerts/emergencies/{emergency.pk}/{decision}/", {"reason": "Seen on site."}, follow=True)
    assert answer.redirect_chain == [("/alerts/", 302)]
    assert "The emergency is" in text_of(answer) or "The proposal is dismissed." in text_of(answer)
    emergency.refresh_from_db()
    assert emergency.state == becomes
    assert "Seen on site." in emergency.history.first().history_change_reason
    assert emergency.decided_by == f"person {operator.username}"


def test_without_a_reason_nothing_is_decided(world, operator, client):
    emergency = declare(state="proposed")
    client.force_login(operator)
    answer = client.post(f"/alerts/emergencies/{emergency.pk}/confirm/", {"reason": " "}, follow=True)
    assert "Say why." in text_of(answer)
    emergency.refresh_from_db()
    assert emergency.state == "proposed"


def test_a_decision_that_comes_too_late_is_refused_in_words(world, operator, client):
    emergency = declare(state="dismissed")
    client.force_login(operator)
    answer = client.post(f"/alerts/emergencies/{emergency.pk}/confirm/", {"reason": "late"}, follow=True)
    assert 'role="alert"' in answer.content.decode()
    emergency.refresh_from_db()
    assert emergency.state == "dismissed"


@pytest.mark.parametrize("who", ["a visitor", "a member", "a member with the permission who is not of the staff"])
def test_others_see_no_button_and_may_not_decide(world, member, client, who):
    emergency = declare(state="proposed")
    if who != "a visitor":
        client.force_login(member)
    if "permission" in who:
        member.user_permissions.add(Permission.objects.get(codename="change_emergency"))
    assert "/alerts/emergencies/" not in client.get("/alerts/").content.decode()
    assert client.post(f"/alerts/emergencies/{emergency.pk}/confirm/", {"reason": "why"}).status_code == 403
    emergency.refresh_from_db()
    assert emergency.state == "proposed"


def test_a_decision_needs_the_forms_token(world, operator):
    emergency = declare(state="proposed")
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    assert client.post(f"/alerts/emergencies/{emergency.pk}/confirm/", {"reason": "why"}).status_code == 403
    emergency.refresh_from_db()
    assert emergency.state == "proposed"


def test_a_decision_is_no_page(world, operator, client):
    emergency = declare(state="proposed")
    client.force_login(operator)
    assert client.get(f"/alerts/emergencies/{emergency.pk}/confirm/").status_code == 405
    assert client.post("/alerts/emergencies/999999/confirm/", {"reason": "why"}).status_code == 404
    assert client.post(f"/alerts/emergencies/{emergency.pk}/forget/", {"reason": "why"}).status_code == 404


def test_nobody_is_named_who_decided(world, client):
    declare(decided_by="zoe.operator")
    words = part(client, "in-force")
    assert "Decided by a person" in words
    assert "zoe.operator" not in words
