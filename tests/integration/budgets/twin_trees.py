"""Two trees of budgets that live through the same: one with blocks in escrow, one that never has any.

Whatever happens to both must come out the same. Work on the first may crash at any statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F

from budgets.domain.gears import GearChoice
from budgets.domain.periods import Period
from budgets.domain.units import Amounts, Unit
from budgets.models import Budget, BudgetAlert, EscrowLease, Hold, LedgerEntry, SpendBucket
from budgets.selectors import list_ledger_differences
from budgets.services.escrow.recall import recall_at
from budgets.services.periods import begin_period_if_over
from config.kernel.errors import DomainError
from tests.integration.world import NOW, Team, make_budget, undone

NAMES = ("root", "team", "window", "meter", "desk", "agent", "other", "alone")
PATHS = {
    "desk": ("desk", "team", "root"),
    "agent": ("agent", "meter", "window", "root"),
    "other": ("other", "root"),
    "alone": ("alone",),
}
LEAVES = tuple(PATHS)
COLUMNS = ("limit", "spent", "reserved", "overdraft", "tradeable", "carried", "pooled", "bonus", "sold", "pool_drawn")


class Crash(Exception):
    """The process ends here: nothing of the transaction is left."""


@contextmanager
def crashing_at(statement: int | None) -> Iterator[None]:
    """Let the database fail at the given statement of a block, counted from 1; None: never."""
    count = 0

    def run(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal count
        if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            count += 1
            if count == statement:
                raise Crash
        return execute(sql, params, many, context)

    with connection.execute_wrapper(run):
        yield


class Tree:
    """root (day, pool) > team (hour, carries over, draws) > desk; root > window (grams, rolling) > meter (Wh) > agent.

    Beside them root > other; alone (Wh).
    """

    def __init__(self, team: Team, *, gear: GearChoice = GearChoice.AUTO):
        self.team, self.gear = team, gear
        self.ids: dict[str, UUID] = {}
        self.holds: list[UUID] = []
        self._add("root", 3000, period=Period.DAY, pool=Decimal(300))
        self._add("team", 1500, "root", period=Period.HOUR, rollover_percent=50, overflow_percent=20)
        self._add("window", 2, "root", unit=Unit.CARBON_G, period=Period.ROLLING, window_hours=1)
        self._add("desk", 1200, "team", period=Period.DAY, warning_amounts=(Decimal(600),))
        self._add("meter", 3, "window", unit=Unit.ENERGY_WH, period=Period.DAY)
        self._add("agent", 900, "meter")
        self._add("other", 1000, "root", period=Period.HOUR, overflow_percent=30)
        self._add("alone", 2, unit=Unit.ENERGY_WH)
        self._earn("desk", 200)
        self._earn("other", 100)

    def _add(self, name: str, limit: int, parent: str | None = None, **knobs: Any) -> None:
        parent_id = self.ids[parent] if parent else None
        self.ids[name] = make_budget(self.team, limit, name=name, parent_id=parent_id, gear=self.gear, **knobs)

    def _earn(self, name: str, steps: int) -> None:
        """A bonus that may be sold."""
        earned = {"limit": F("limit") + steps, "bonus": steps, "tradeable": steps}
        Budget.objects.filter(pk=self.ids[name]).update(**earned)
        LedgerEntry.objects.create(
            budget_id=self.ids[name],
            kind=LedgerEntry.Kind.BONUS,
            limit_delta=steps,
            tradeable_delta=steps,
            at=NOW,
            actor="test",
        )

    def books(self, now: datetime) -> dict[str, Any]:
        """Every budget in the present period with nothing idle in escrow, without changing anything."""
        with undone():
            recall_at(list(self.ids.values()), now=now)
            for budget in Budget.objects.filter(pk__in=self.ids.values()).order_by("-depth", "name"):
                begin_period_if_over(budget, now=now)
            rows = Budget.objects.in_bulk(self.ids.values())
            slices: dict[UUID, list[Any]] = {budget_id: [] for budget_id in rows}
            for each in SpendBucket.objects.filter(budget__in=rows, spent__gt=0).order_by("starts_at"):
                slices[each.budget_id].append((each.starts_at, each.spent))
        return {
            name: {column: getattr(rows[budget_id], column) for column in COLUMNS} | {"slices": slices[budget_id]}
            for name, budget_id in self.ids.items()
        }

    def alerts(self, now: datetime) -> set[tuple[Any, ...]]:
        """What was told of which budget in which period, once nothing that blocks spent waits to be counted."""
        names = {budget_id: name for name, budget_id in self.ids.items()}
        with undone():
            recall_at(list(names), now=now)
            told = BudgetAlert.objects.filter(budget__in=names).exclude(kind=BudgetAlert.Kind.OVERDRAFT)
            rows = set(told.values_list("budget", "kind", "level", "period_starts_at"))
        return {(names[budget_id], *rest) for budget_id, *rest in rows}

    def holds_now(self) -> list[tuple[str, bool, int]]:
        """Status of every hold, in the order in which they were made."""
        rows = Hold.objects.in_bulk(self.holds)
        return [(rows[each].status, rows[each].is_unverified, rows[each].fence) for each in self.holds]


def amounts_of(tokens: int) -> Amounts:
    """So many tokens, with a milligram, two micro-USD and three milliwatt hours for each."""
    return Amounts(tokens=tokens, carbon_ug=tokens * 1000, micro_usd=tokens * 2, energy_uwh=tokens * 3000)


def attempt(work: Callable[[], Any]) -> Any:
    """What came of it: the result, or the refusal in words that do not name the tree."""
    try:
        return work()
    except DomainError as refusal:
        facts = {name: value for name, value in refusal.facts.items() if name != "budget"}
        return (type(refusal).__name__, refusal.code, refusal.detail, facts)


def assert_sound() -> None:
    """The invariants of DOMAIN section 7 that can be seen from the rows."""
    if differences := list_ledger_differences():
        raise AssertionError("\n".join(differences))
    for row in Budget.objects.all():
        assert row.spent >= 0
        assert row.reserved >= 0
        assert row.spent + row.reserved <= row.limit
        assert row.base_limit >= 0
    for lease in EscrowLease.objects.filter(status=EscrowLease.Status.CLOSING):
        idle = [name for name in EscrowLease.AMOUNTS if not name.startswith("used") and getattr(lease, name)]
        assert not idle, f"a closing block keeps {idle}"
    overdrawn = LedgerEntry.objects.filter(hold__isnull=False, overdraft_delta__gt=0).values_list("budget", "hold")
    told = BudgetAlert.objects.filter(kind=BudgetAlert.Kind.OVERDRAFT).values_list("budget", "hold")
    assert set(overdrawn) == set(told)
    alerts = list(BudgetAlert.objects.values_list("budget", "kind", "level", "period_starts_at", "hold"))
    assert len(alerts) == len(set(alerts))
