"""Thresholds, purposes, regions and sources: checked, and kept with who, why, before and after."""

from datetime import timedelta

import pytest
from django.utils import timezone

from budgets.models import Threshold
from budgets.services import load_reference
from climate.models import GridZone, Region, RegionCapacity
from climate.services.reference import load_reference as load_places
from config.administration.audit import Question, list_changes
from market.models import Purpose
from tests.integration.admin.rows import make_rows

pytestmark = pytest.mark.django_db


def newest(model_label):
    return list_changes(Question(model_label=model_label), offset=0, limit=1)[0]


@pytest.fixture
def thresholds(db):
    load_reference(now=timezone.now())


def set_threshold(client, name, value, reason=""):
    form = {"value": value, "rationale": "tried", "change_reason": reason}
    return client.post(f"/admin/budgets/threshold/{name}/change/", form)


def test_a_changed_threshold_is_kept_with_who_why_before_and_after(root, thresholds):
    set_threshold(root, "budget-warn", 70, reason="Too late a warning.")
    assert Threshold.objects.get(name="budget-warn").value == 70
    change = newest("budgets.threshold")
    assert (change.who, change.kind, change.reason) == ("root", "changed", "Too late a warning.")
    assert timezone.now() - change.at < timedelta(minutes=1)
    assert ("value", "75.0", "70.0") in [(field.field, field.before, field.after) for field in change.fields]
    page = root.get("/admin/budgets/threshold/budget-warn/history/").content.decode()
    assert "75.0" in page
    assert "70.0" in page
    assert "Too late a warning." in page


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("budget-warn", 85),
        ("budget-warn", 90),
        ("budget-critical", 75),
        ("budget-critical", 95),
        ("budget-emergency", 85),
        ("budget-emergency", 101),
        ("budget-warn", 0),
        ("budget-warn", 70.5),
        ("budget-warn", -1),
        ("budget-warn", "nan"),
        ("council-complexity", 1.1),
        ("utilisation-high", 50),
        ("utilisation-high", 95),
        ("pool-warning", 180_000),
        ("pool-critical", 150_000),
        ("pool-critical", 200_001),
        ("pool-total", 170_000),
        ("pool-reserve", 200_000),
        ("pool-reserve", 0.5),
        ("swarm-allotment", 0),
        ("swarm-allotment", 200_001),
        ("share-least", 50),
        ("share-most", 101),
        ("share-step", 0),
        ("estimate-learning-rate", 0),
        ("estimate-learning-rate", 0.6),
        ("estimate-target-share", 1.5),
        ("estimate-most", 50),
        ("estimate-margin", "1e300"),
        ("exhaustions-many", 2.5),
        ("rebalance-recent", 0),
        ("estimate-express", -1),
    ],
)
def test_a_threshold_that_cannot_be_meant_is_refused_and_stays(root, thresholds, name, value):
    before = Threshold.objects.get(name=name).value
    page = set_threshold(root, name, value)
    assert page.status_code == 200
    assert "value" in page.context["adminform"].form.errors
    assert Threshold.objects.get(name=name).value == before
    assert Threshold.history.filter(name=name).count() == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("pool-critical", 200_000), ("swarm-allotment", 200_000), ("estimate-learning-rate", 0.5), ("share-least", 0)],
)
def test_a_threshold_at_its_bound_is_taken(root, thresholds, name, value):
    set_threshold(root, name, value)
    assert Threshold.objects.get(name=name).value == value


def purpose_form(**changes):
    return {
        "title": "Floods",
        "tier": "public",
        "priority": 4,
        "aliases": "",
        "rationale": "",
        "is_active": "on",
    } | changes


def test_other_names_of_a_purpose_are_written_with_commas_and_taken_once(root):
    Purpose.objects.create(name="floods", title="Floods", tier="public", priority=4)
    Purpose.objects.create(name="mining", title="Mining", tier="commercial", priority=0.1, aliases=["crypto"])
    root.post("/admin/market/purpose/floods/change/", purpose_form(aliases=" high water,dykes , ,dykes"))
    assert Purpose.objects.get(name="floods").aliases == ["high water", "dykes"]
    for taken in ("mining", "crypto"):
        page = root.post("/admin/market/purpose/floods/change/", purpose_form(aliases=taken))
        assert "means Mining already" in page.content.decode()
    assert Purpose.objects.get(name="floods").aliases == ["high water", "dykes"]


def region_form(region, **changes):
    values = {
        "provider": "aws",
        "name": "North",
        "city": "Umeå",
        "country": region.country_id,
        "zone": region.zone_id,
        "latitude": 63.8,
        "longitude": 20.3,
        "is_active": "on",
        "change_reason": "New hall.",
        "capacities-TOTAL_FORMS": 1,
        "capacities-INITIAL_FORMS": 0,
        "capacities-0-model_class": "L",
        "capacities-0-tokens_per_hour": 1000,
        "capacities-0-source": "contract 12",
    }
    return {**values, **changes}


def test_a_capacity_is_added_below_its_region_and_shares_the_reason(root):
    region = make_rows(Region, range(1, 2))[0]
    root.post(f"/admin/climate/region/{region.pk}/change/", region_form(region))
    assert RegionCapacity.objects.get().tokens_per_hour == 1000
    change = newest("climate.regioncapacity")
    assert (change.who, change.reason) == ("root", "New hall.")
    assert change.object_name == f"{Region.objects.get()} · L"


def test_the_first_change_of_a_reference_row_shows_what_was_before(root):
    load_places(now=timezone.now())
    region = Region.objects.get(pk="aws-us-east-1")
    kept = {name: getattr(region, name) for name in ("provider", "name", "city", "latitude", "longitude")}
    no_capacity = {"capacities-TOTAL_FORMS": 0}
    form = region_form(region, **kept, **no_capacity, pue=1.25, pue_source="Measured on site.")
    root.post("/admin/climate/region/aws-us-east-1/change/", form)
    change = newest("climate.region")
    assert (change.who, change.kind) == ("root", "changed")
    assert [(field.field, field.before, field.after) for field in change.fields] == [
        ("PUE", "1.15", "1.25"),
        ("pue source", region.pue_source, "Measured on site."),
    ]
    before = list_changes(Question(model_label="climate.region", kind="+"), offset=0, limit=1)[0]
    assert (before.who, before.reason) == ("the system", "reference data")


@pytest.mark.parametrize(
    "changes",
    [
        {"pue": 1.2},
        {"pue": 0.9, "pue_source": "leaflet"},
        {"contracted_cfe_share": 0.5},
        {"capacities-0-model_class": "XS"},
        {"capacities-0-tokens_per_hour": -1},
        {"latitude": 91},
    ],
)
def test_a_region_without_sources_or_sense_is_refused_as_a_whole(root, changes):
    region = make_rows(Region, range(1, 2))[0]
    page = root.post(f"/admin/climate/region/{region.pk}/change/", region_form(region, **changes))
    assert page.status_code == 200
    assert Region.objects.get().city == region.city
    assert RegionCapacity.objects.count() == 0


def test_a_zone_of_the_reference_data_is_not_deleted(root):
    zone = make_rows(GridZone, range(1, 2))[0]
    assert root.post(f"/admin/climate/gridzone/{zone.pk}/delete/", {"post": "yes"}).status_code == 403
    assert GridZone.objects.exists()
