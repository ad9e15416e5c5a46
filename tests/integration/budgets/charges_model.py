"""What work must cost, said apart from the code that charges it: for each hold what is counted where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import F, Sum

from budgets.domain.periods import Period, bounds, bucket_of, leaves_at
from budgets.models import Budget, Hold, LedgerEntry
from tests.integration.budgets.twin_trees import PATHS, Tree

STEPS_PER_TOKEN = {"window": 1000, "meter": 3000, "alone": 3000}
"""Steps of a budget for each token of work, where that is not one."""


@dataclass
class Charged:
    """A hold: tokens held and used, when it was settled; `lost` tokens of a correction do not come back, by budget."""

    leaf: str
    held: int
    used: int | None = None
    settled_at: datetime | None = None
    settled_in: int = 0
    is_unverified: bool = False
    lost: dict[str, int] = field(default_factory=dict)


class Costs:
    """Follows the tree without blocks. What comes back late comes back where it still counts, else not at all."""

    def __init__(self, tree: Tree):
        self.tree = tree
        self.work: dict[UUID, Charged] = {}
        self.turn = 0
        self.reset_in: dict[str, int] = defaultdict(int)

    def held(self, hold_id: UUID, leaf: str, tokens: int) -> None:
        self.work[hold_id] = Charged(leaf, tokens)

    def reported(self, hold_id: UUID, tokens: int, *, now: datetime) -> None:
        """A report that was accepted: the first one, or one that corrects what nobody had reported."""
        self.turn += 1
        work = self.work[hold_id]
        if work.used is None:
            work.used, work.settled_at, work.settled_in = tokens, now, self.turn
            return
        assert work.is_unverified, "a second report was accepted"
        for name in PATHS[work.leaf] if tokens < work.held else ():
            if not self._counts(name, work, now=now):
                work.lost[name] = work.held - tokens
        work.used, work.is_unverified = tokens, False

    def swept(self, *, now: datetime) -> None:
        """What was dispatched and nobody reported is settled at what was held."""
        self.turn += 1
        unknown = [hold_id for hold_id, work in self.work.items() if work.used is None]
        for hold_id in Hold.objects.filter(pk__in=unknown, status=Hold.Status.SETTLED).values_list("pk", flat=True):
            work = self.work[hold_id]
            work.used, work.settled_at, work.settled_in, work.is_unverified = work.held, now, self.turn, True

    def was_reset(self, name: str) -> None:
        self.turn += 1
        self.reset_in[name] = self.turn

    def assert_charged(self) -> None:
        """The ledger charges every hold exactly that, on every budget of its path and nowhere else."""
        names = {budget_id: name for name, budget_id in self.tree.ids.items()}
        entries = LedgerEntry.objects.filter(hold__in=self.work).order_by().values("hold", "budget")
        sums = entries.annotate(steps=Sum(F("spent_delta") + F("overdraft_delta")))
        charged = {(row["hold"], names[row["budget"]]): row["steps"] for row in sums}
        assert {key: steps for key, steps in charged.items() if steps} == dict(self._expected())

    def _expected(self) -> Iterable[tuple[tuple[UUID, str], int]]:
        for hold_id, work in self.work.items():
            for name in PATHS[work.leaf]:
                if tokens := (work.used or 0) + work.lost.get(name, 0):
                    yield (hold_id, name), tokens * STEPS_PER_TOKEN.get(name, 1)

    def _counts(self, name: str, work: Charged, *, now: datetime) -> bool:
        assert work.settled_at is not None
        budget = Budget.objects.get(pk=self.tree.ids[name])
        if self.reset_in[name] > work.settled_in:
            return False
        if budget.period == Period.ROLLING:
            hours = budget.window_hours or 0
            return leaves_at(bucket_of(work.settled_at, window_hours=hours), window_hours=hours) > now
        if budget.period == Period.ONE_OFF:
            return True
        return bounds(Period(budget.period), work.settled_at) == bounds(Period(budget.period), now)
