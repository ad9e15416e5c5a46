"""Versions of the policy that reads alerts: added, never changed, refused by name."""

from __future__ import annotations

import pytest

from climate.models import Alert, Emergency, EmergencyPolicy
from climate.selectors import (
    list_active_emergencies,
)
from climate.services.reference import load_reference
from config.kernel.errors import InvalidInput
from tests.integration.climate.alert_examples import (
    FLOOD,
    NOW,
    ORANGE,
    keep,
    make_version,
    terms,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def world(db):
    load_reference(now=NOW)


def test_a_new_version_reads_the_next_list():
    body = terms()
    body["kinds"]["flood"] |= {"orange": "activate", "multiplier": 2}
    assert make_version(body) == 2
    keep(ORANGE)
    emergency = list_active_emergencies(now=NOW)[0]
    assert (emergency.multiplier, emergency.policy_version) == (2.0, 2)


def test_a_source_that_the_policy_does_not_count_is_kept_and_lifts_nothing():
    make_version(terms(sources=["nws"]))
    keep(FLOOD)
    assert (Alert.objects.count(), Emergency.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"terms": {}}, "terms.sources"),
        ({"terms": []}, "terms"),
        ({"rationale": " "}, "rationale"),
    ],
)
def test_a_version_that_cannot_be_meant_is_refused_and_none_is_made(changes, field):
    with pytest.raises(InvalidInput) as refused:
        make_version(**{"body": terms(), **changes} if "terms" not in changes else {"body": changes["terms"]})
    assert refused.value.field == field
    assert EmergencyPolicy.objects.count() == 1


def test_a_version_names_sources_that_there_are():
    with pytest.raises(InvalidInput, match="nowhere") as refused:
        make_version(terms(sources=["gdacs", "nowhere"]))
    assert refused.value.field == "terms.sources"


def test_the_shipped_version_is_added_once_and_never_over_another():
    make_version(terms(lasts_hours=48))
    assert load_reference(now=NOW)["emergency_policies"] == 0
    assert EmergencyPolicy.objects.count() == 2
    first = EmergencyPolicy.objects.get(version=1)
    assert first.author is None
    assert first.rationale


def test_before_the_reference_data_is_loaded_alerts_are_kept_and_lift_nothing():
    EmergencyPolicy.objects.all().delete()
    keep(FLOOD)
    assert (Alert.objects.count(), Emergency.objects.count()) == (1, 0)
