"""Holds and leases in the administration: filtered, in their units, never counted."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from budgets.models import Budget, EscrowLease, Hold, HoldLine
from tests.integration.admin.rows import make_rows

pytestmark = pytest.mark.django_db
ADDRESS = "/admin/budgets/hold/"


def references(answer):
    return [row.reference for row in answer.context["cl"].result_list]


@pytest.fixture
def holds(db):
    """Three: one open, one settled without a report, one whose late report has come."""
    rows = make_rows(Hold, range(1, 4))
    now = timezone.now()
    settled = {"status": "settled", "resolved_at": now}
    Hold.objects.filter(pk=rows[1].pk).update(**settled, is_unverified=True, gear="leased")
    Hold.objects.filter(pk=rows[2].pk).update(**settled, corrected_at=now)
    return rows


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"status__exact": "reserved"}, 0),
        ({"gear__exact": "leased"}, 1),
        ({"is_unverified__exact": "1"}, 1),
        ({"corrected_at__isempty": "0"}, 2),
    ],
)
def test_they_are_filtered_by_what_became_of_them(root, holds, asked, found):
    assert references(root.get(ADDRESS, asked)) == [holds[found].reference]


def test_one_is_found_by_its_whole_reference(root, holds):
    assert references(root.get(ADDRESS, {"reference": holds[0].reference})) == [holds[0].reference]
    assert references(root.get(ADDRESS, {"reference": holds[0].reference[:3]})) == []


def test_the_list_says_which_settled_without_a_report_and_which_were_corrected(root, holds):
    page = root.get(ADDRESS).content.decode()
    assert "unverified" in page
    assert "corrected" in page


def test_the_list_counts_no_holds(root, holds):
    with CaptureQueriesContext(connection) as captured:
        root.get(ADDRESS)
    assert not [query["sql"] for query in captured if "COUNT(" in query["sql"] and "budgets_hold" in query["sql"]]


def test_the_lines_of_a_hold_are_in_the_unit_of_each_budget(root, holds):
    budget = make_rows(Budget, range(8, 9))[0]
    Budget.objects.filter(pk=budget.pk).update(unit="carbon_g")
    HoldLine.objects.create(hold=holds[0], budget=budget, reserved=1_500_000)
    page = root.get(f"{ADDRESS}{holds[0].pk}/change/").content.decode()
    assert "1.5 g CO2e" in page
    assert f"/admin/budgets/ledgerentry/?hold__id={holds[0].pk}" in page


def test_a_lease_shows_its_three_parts_in_every_unit(root):
    lease = make_rows(EscrowLease, range(1, 2))[0]
    parts = {"free_tokens": 1200, "used_carbon_ug": 2_000_000, "pending_micro_usd": 7, "free_energy_uwh": 2_500_000}
    EscrowLease.objects.filter(pk=lease.pk).update(**parts)
    page = root.get(f"/admin/budgets/escrowlease/{lease.pk}/change/").content.decode()
    for amount in ("1,200 tokens", "2 g CO2e", "7 micro-USD", "2.5 Wh"):
        assert amount in page
