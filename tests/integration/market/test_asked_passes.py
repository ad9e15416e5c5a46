"""What happens leads to a pass: at once, once for many events, and never lost while another runs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache

from climate.events import EmergencyChanged, OutageChanged, ReadingsCollected
from climate.services import emergencies
from config.kernel.errors import Conflict
from config.kernel.events import publish
from market import subscribers, tasks
from market.models import AllocationRun
from tests.integration.world import NOW, load_world

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
FLOOD = emergencies.NewEmergency(
    kind="flood",
    title="Brahmaputra",
    country_codes=["BD"],
    purposes=["disaster_response"],
    multiplier=5,
    reason="GloFAS",
    ends_at=NOW + timedelta(days=1),
)


@pytest.fixture(autouse=True)
def world(db, time_machine):
    time_machine.move_to(NOW, tick=False)
    load_world()
    cache.clear()


@pytest.fixture
def sent(monkeypatch):
    """Messages as they would go to the broker."""
    messages = []
    monkeypatch.setattr(tasks.run_asked_pass, "apply_async", lambda **message: messages.append(message))
    return messages


@pytest.fixture
def told(django_capture_on_commit_callbacks):
    """Publishes an event as if its transaction had committed."""

    def tell(*events):
        with django_capture_on_commit_callbacks(execute=True):
            for event in events:
                publish(event)

    return tell


def outage():
    return OutageChanged(outage_id=1, region="aws-eu-north-1", at=NOW)


def readings():
    return ReadingsCollected(source="entsoe", zones=("DE",), at=NOW)


def begin(message):
    """The worker takes the message: until it runs, the mark stands."""
    tasks.run_asked_pass(**message["kwargs"])


@pytest.mark.parametrize("act", ["declared", "ended"])
def test_an_emergency_has_a_pass_run_at_once(sent, django_capture_on_commit_callbacks, act):
    with django_capture_on_commit_callbacks(execute=True):
        emergency_id = emergencies.declare_emergency(FLOOD, by="test", now=NOW)
    if act == "ended":
        begin(sent.pop())
        with django_capture_on_commit_callbacks(execute=True):
            emergencies.lift_emergency(
                emergency_id=emergency_id, reason="over", by="test", now=NOW + timedelta(hours=1)
            )
    (message,) = sent
    assert (message["countdown"], message["kwargs"]["trigger"][:9]) == (0, "emergency")
    assert "Brahmaputra" in message["kwargs"]["trigger"]


def test_a_drill_of_people_and_a_proposal_change_no_plan(sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        emergencies.start_drill(FLOOD, by="test", now=NOW)
    assert sent == []


def test_an_emergency_that_is_gone_asks_for_nothing(sent, told):
    told(EmergencyChanged(emergency_id=12345, at=NOW))
    assert sent == []


def test_a_burst_of_events_leads_to_one_pass_and_to_one_more_for_what_came_while_it_ran(sent, told, monkeypatch):
    told(*[outage() for _ in range(20)])
    assert len(sent) == 1
    monkeypatch.setattr(tasks.services, "run_allocation_pass", lambda **_: told(*[outage() for _ in range(20)]))
    begin(sent.pop())
    assert len(sent) == 1


def test_readings_lead_to_one_pass_a_minute_that_sees_them_all(sent, told):
    told(*[readings() for _ in range(50)])
    (message,) = sent
    assert (message["countdown"], message["kwargs"]["trigger"]) == (60, "after new readings")


def test_an_emergency_does_not_wait_for_the_pass_after_new_readings(sent, told):
    told(readings(), outage())
    assert [message["countdown"] for message in sent] == [60, 0]


def test_what_is_asked_for_while_a_pass_runs_is_tried_again_until_it_could_run(sent, told):
    running = AllocationRun.objects.create(trigger="t", started_at=NOW, lease_expires_at=NOW + timedelta(minutes=10))
    told(outage())
    begin(sent.pop())
    (again,) = sent
    assert again["countdown"] == tasks.RUNNING_RETRY_SECONDS
    AllocationRun.objects.filter(pk=running.pk).update(state="finished")
    sent.clear()
    begin(again)
    assert sent == []
    assert AllocationRun.objects.latest("pk").trigger.startswith("outage of aws-eu-north-1")
    told(outage())
    assert len(sent) == 1


def test_a_pass_that_was_taken_over_is_not_tried_again(sent, monkeypatch):
    def refuse(**_):
        raise Conflict("taken over", code="pass_taken_over")

    monkeypatch.setattr(tasks.services, "run_allocation_pass", refuse)
    tasks.run_asked_pass(trigger="t", asked=subscribers.AT_ONCE)
    assert sent == []
