"""Rows of plain words."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from budgets.domain.states import BudgetState
from budgets.domain.units import Unit
from dashboard.presentation.budgets import budget_rows
from dashboard.presentation.region import provider_name
from dashboard.presentation.rows import decision_row
from market.domain.views import DecisionRow

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def budget(number: int, *, used_percent: float, status: str, depth: int = 1) -> BudgetState:
    return BudgetState(
        id=UUID(int=number),
        name=f"b{number}",
        level="team",
        organisation_id=1,
        team_id=None,
        team_name="",
        parent_id=None,
        depth=depth,
        unit=Unit.TOKENS,
        period="month",
        window_hours=None,
        period_starts_at=NOW,
        period_ends_at=None,
        limit=Decimal(100),
        spent=Decimal(used_percent),
        reserved=Decimal(0),
        tradeable=Decimal(0),
        overdraft=Decimal(0),
        available=Decimal(100) - Decimal(used_percent),
        base_limit=Decimal(100),
        carried=Decimal(0),
        pooled=Decimal(0),
        bonus=Decimal(0),
        sold=Decimal(0),
        pool=Decimal(0),
        pool_drawn=Decimal(0),
        floor=Decimal(0),
        warning_amounts=(),
        rollover_percent=0,
        rollover_cap_percent=100,
        overflow_percent=0,
        tradeable_percent=50,
        model_class="",
        gear_choice="auto",
        needs_two=False,
        used_percent=used_percent,
        status=status,
        utilisation="low",
        crossed=(),
        warnings_passed=(),
        is_default=False,
    )


def decision(status: str, explanation: str = "") -> DecisionRow:
    return DecisionRow(
        decision_id=1,
        request_id=UUID(int=1),
        made_at=NOW,
        team_id=1,
        team_name="Floods",
        organisation_name="Delta Relief",
        purpose="p",
        purpose_title="P",
        origin_code="BD",
        model_class="L",
        asked_tokens=10,
        granted_tokens=0,
        status=status,
        region_code=None,
        region_city="",
        zone_code="",
        starts_at=None,
        intensity_g_per_kwh=None,
        basis="",
        source="",
        as_of=None,
        location_g=None,
        avoided_g=None,
        total_micro_usd=None,
        weight=1,
        explanation=explanation,
        policy="default v1",
        is_simulated=False,
    )


def test_budgets_past_a_mark_come_first_the_fullest_on_top_and_the_others_keep_their_order():
    rows = budget_rows(
        [
            budget(1, used_percent=10, status="ok", depth=0),
            budget(2, used_percent=80, status="warn"),
            budget(3, used_percent=5, status="ok"),
            budget(4, used_percent=97, status="emergency"),
        ],
        {},
    )
    assert [row["name"] for row in rows] == ["b4", "b2", "b1", "b3"]
    assert [row["depth"] for row in rows] == ["depth-0", "depth-0", "depth-0", "depth-1"]


@pytest.mark.parametrize(
    ("status", "explanation", "region", "note"),
    [
        ("queued", "Refused: Nothing is free. Weight 1.", "no region yet", ""),
        ("denied", "Refused: No budget is left. Weight 1. Policy default v1.", "no region", "No budget is left"),
        ("cancelled", "", "no region", ""),
    ],
)
def test_a_request_without_a_region_says_whether_one_may_come_and_why_not(status, explanation, region, note):
    row = decision_row(decision(status, explanation))
    assert (row["region"], row["city"], row["source"]) == (region, note, "none was used")


def test_a_provider_is_called_by_its_name_where_it_has_one():
    assert [provider_name(code) for code in ("gcp", "own-site")] == ["Google Cloud", "own-site"]
