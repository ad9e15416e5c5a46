"""Emergencies that a person declares or changes, as the services keep them, whatever door they come through."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from climate.models import Emergency
from climate.services.emergencies import NewEmergency, change_emergency, declare_emergency, lift_emergency, start_drill
from config.kernel.errors import Conflict, InvalidInput, NotFound
from market.models import Purpose
from tests.integration.world import load_world

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
FLOOD = NewEmergency(
    kind="flood",
    title="Brahmaputra",
    country_codes=["BD"],
    purposes=["disaster_response"],
    multiplier=5.0,
    reason="GloFAS alert",
    ends_at=NOW + 48 * HOUR,
)


@pytest.fixture(autouse=True)
def world(db):
    load_world()


@pytest.mark.parametrize("begin", [declare_emergency, start_drill])
@pytest.mark.parametrize("purposes", [["disaster_respones"], ["disaster_response", "war"], []])
def test_a_purpose_that_nobody_knows_is_refused_by_name_and_declares_nothing(begin, purposes):
    with pytest.raises(InvalidInput) as refused:
        begin(replace(FLOOD, purposes=purposes), by="person ada", now=NOW)
    assert refused.value.field == "purposes"
    assert Emergency.objects.count() == 0


def test_a_purpose_is_known_once_the_market_has_it():
    Purpose.objects.create(name="sea_rescue", title="Sea rescue", tier="standard", priority=1)
    declare_emergency(replace(FLOOD, purposes=["sea_rescue"]), by="person ada", now=NOW)
    assert Emergency.objects.get().purposes == ["sea_rescue"]


def test_a_change_keeps_what_it_does_not_name_and_its_reason():
    emergency_id = declare_emergency(FLOOD, by="person ada", now=NOW)
    change_emergency(emergency_id=emergency_id, changes={"multiplier": 2.0}, reason="Too strong.", now=NOW + HOUR)
    changed = Emergency.objects.get()
    assert (changed.multiplier, changed.title, changed.decided_by) == (2.0, "Brahmaputra", "person ada")
    newest = changed.history.first()
    assert (newest.history_change_reason, newest.history_date) == ("Too strong.", NOW + HOUR)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"purposes": ["war"]}, "purposes"),
        ({"country_codes": ["XX"]}, "countries"),
        ({"multiplier": 0.5}, "multiplier"),
        ({"ends_at": NOW}, "ends_at"),
        ({"title": " "}, "title"),
    ],
)
def test_a_change_that_cannot_be_meant_is_refused_and_changes_nothing(changes, field):
    emergency_id = declare_emergency(FLOOD, by="person ada", now=NOW)
    before = Emergency.objects.values().get()
    with pytest.raises(InvalidInput) as refused:
        change_emergency(emergency_id=emergency_id, changes=changes, reason="", now=NOW + HOUR)
    assert refused.value.field == field
    assert Emergency.objects.values().get() == before


def test_what_is_over_is_not_changed():
    lifted = declare_emergency(FLOOD, by="person ada", now=NOW)
    lift_emergency(emergency_id=lifted, reason="The water fell.", by="person ada", now=NOW + HOUR)
    run_out = declare_emergency(FLOOD, by="person ada", now=NOW)
    for emergency_id, now in ((lifted, NOW + 2 * HOUR), (run_out, NOW + 48 * HOUR)):
        with pytest.raises(Conflict, match="Nothing was changed"):
            change_emergency(emergency_id=emergency_id, changes={"ends_at": None}, reason="", now=now)
        assert Emergency.objects.get(pk=emergency_id).ends_at is not None
    with pytest.raises(NotFound):
        change_emergency(emergency_id=0, changes={"ends_at": None}, reason="", now=NOW)
