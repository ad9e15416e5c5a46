"""Whatever is asked for, a grant of the fast path leaves the same rows behind as `submit` and `dispatch` do."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budgets.domain.estimates import Estimate, Mode
from budgets.domain.units import Unit
from budgets.models import Budget, BudgetAlert, Hold, HoldLine, LedgerEntry, SpendBucket
from budgets.selectors import get_estimate
from climate.models import RegionCapacity
from config.kernel.errors import DomainError
from market.models import AllocationRequest, Decision, Fund, FundEntry, Policy, RegionHour
from market.services import deposit_to_fund
from tests.integration.market.inline.asking import REGIONS, grant, inline_ask, submit_the_same
from tests.integration.world import NOW, load_world, make_budget, make_team, undone

pytestmark = pytest.mark.django_db

OWN = {"id", "request", "request_id", "hold", "hold_id", "reference", "decision_id", "budget_id", "reason"}
"""Names and keys that differ from one request to the next."""
ORDER = ("preferred", "routing", "least_tokens", "candidates", "left_out")
"""What facts of the fast path say of the order in which regions were asked for, and of no other region."""


def rows_of(model: Any) -> list[dict[str, Any]]:
    names = [each.attname for each in model._meta.concrete_fields if each.attname not in OWN]
    return (
        list(model.objects.order_by("pk").values(*names)) if model is not Hold else list(model.objects.values(*names))
    )


def stored() -> dict[str, Any]:
    """Everything that either path leaves behind, but what tells one request from another."""
    decisions = rows_of(Decision)
    for each in decisions:
        each["inputs"]["facts"] = {name: of for name, of in each["inputs"]["facts"].items() if name not in ORDER}
        each["inputs"].get("budget_refusal", {}).pop("budget", None)
        each["reasons"] = [] if each["verdict"] == "granted" else each["reasons"][1:]
        each.pop("explanation")
    return {
        "requests": rows_of(AllocationRequest),
        "decisions": decisions,
        "holds": rows_of(Hold),
        "lines": rows_of(HoldLine),
        "ledger": [{**each, "reason": ""} for each in rows_of(LedgerEntry)[-len(HoldLine.objects.all()) or 10**6 :]],
        "budgets": list(Budget.objects.order_by("depth").values("spent", "reserved", "limit")),
        "alerts": list(BudgetAlert.objects.order_by("level", "budget__depth").values("kind", "level", "facts")),
        "refusals": list(SpendBucket.objects.order_by("pk").values("starts_at", "refusals")),
        "hours": list(
            RegionHour.objects.filter(promised_tokens__gt=0).values("region", "capacity_tokens", "promised_tokens")
        ),
        "fund": list(Fund.objects.values("balance_micro_usd", "reserved_micro_usd")),
        "entries": rows_of(FundEntry),
    }


ALSO_KNOWN_AS = {"crypto_mining": "cryptocurrency_mining"}


class _Done(Exception):
    pass


def left_by(work: Any) -> dict[str, Any]:
    """What some work leaves behind, from the same beginning each time."""
    found: dict[str, Any] = {}
    try:
        with transaction.atomic():
            try:
                with transaction.atomic():
                    outcome = work()
            except DomainError as refusal:
                outcome = refusal
            refused = getattr(outcome, "refusal", outcome) if not isinstance(outcome, list) else outcome[0]
            code = getattr(refused, "code", None)
            found = {**stored(), "code": None if code == "no_room" else code, "field": getattr(refused, "field", None)}
            raise _Done
    except _Done:
        return found


def _estimate(ask: dict[str, Any]) -> Estimate:
    """What `submit` learns from later, where the shape of the work is known."""
    purpose = ALSO_KNOWN_AS.get(ask["purpose"], ask["purpose"])
    known = {"model_class": ask["model_class"], "purpose": purpose, "complexity": ask["complexity"]}
    return get_estimate(mode=Mode.EXPRESS, role_count=1, **known)


@pytest.fixture
def world(db):
    load_world()
    deposit_to_fund(micro_usd=30_000, actor="test", reason="test", now=NOW)
    RegionCapacity.objects.filter(model_class="M").update(tokens_per_hour=5_000)


ASKS = st.fixed_dictionaries(
    {
        "purpose": st.sampled_from(["general_ai_research", "climate_adaptation", "crypto_mining", "juggling"]),
        "origin": st.sampled_from(["DE", "BD", "KE", "US", "XX"]),
        "model_class": st.sampled_from(["S", "M", "L"]),
        "tokens": st.integers(1, 9_000),
        "input_tokens": st.integers(0, 2_000),
        "latency_class": st.sampled_from(["anywhere", "regional", "interactive"]),
        "residency": st.sampled_from([None, None, ("SE",), ("DE",), ("DE", "FR", "SE")]),
        "price_cap_micro_usd": st.sampled_from([None, None, 10, 5_000]),
        "complexity": st.sampled_from([None, None, 0.2]),
    }
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ask=ASKS,
    region=st.sampled_from(REGIONS),
    country=st.sampled_from(["DE", "BD"]),
    type_=st.sampled_from(["ngo", "company"]),
    origins=st.sampled_from([("*",), ()]),
    unit=st.sampled_from(list(Unit)),
    limit=st.sampled_from(["0.0003", "5", "2000", "10000"]),
    has_parent=st.booleans(),
    policy=st.sampled_from(["default", "seed-2025"]),
)
def test_both_paths_store_the_same(world, ask, region, country, type_, origins, unit, limit, has_parent, policy):
    with undone():
        Policy.objects.filter(is_default=True).update(is_default=False)
        Policy.objects.filter(name=policy, is_current=True).update(is_default=True)
        team = make_team(country_code=country, type=type_, origins=origins)
        limit = limit if unit in (Unit.CARBON_G, Unit.ENERGY_WH) else str(max(1, int(float(limit))))
        parent = make_budget(team, 6000, team_id=None, level="organisation", name="above") if has_parent else None
        budget = make_budget(team, limit, unit=unit, parent_id=parent)
        estimate = _estimate(ask) if ask["complexity"] is not None else None
        asked = inline_ask(team, **ask, regions=(region,), budget_id=budget, least_tokens=1, estimate=estimate)
        fast = left_by(lambda: grant(asked))
        plain = left_by(lambda: submit_the_same(asked))
    if plain["code"] == "budget_exhausted" and fast["code"] is None:
        assert fast["decisions"][0]["inputs"]["facts"]["payable_tokens"] < ask["tokens"]
    else:
        assert fast == plain
