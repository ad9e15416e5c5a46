"""One commit for the asks of several threads, with the answers of those that carry an Idempotency-Key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from accounts.services.idempotency import Answer, Claim, keep_answers, recall_answers, replay_within
from budgets.domain.admission import Admitted, Refused
from budgets.domain.asks import HoldAsk, PlacedHold
from budgets.domain.gears import Gear
from budgets.events import BudgetAlerted, BudgetsChanged
from budgets.services.holds.batching import Alone, Batcher
from budgets.services.holds.direct import admit_all_directly
from budgets.services.holds.together import admit_together
from config.kernel.errors import DomainError
from config.kernel.events import publish
from config.kernel.transactions import in_transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """The key of an ask, and what is answered if it is placed."""

    claim: Claim
    answer_of: Callable[[PlacedHold], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """One ask of a batch."""

    ask: HoldAsk
    now: datetime
    once: Once | None = None


Outcome = Admitted | Refused | Answer | DomainError | Alone


def hold_of(ask: HoldAsk, admitted: Admitted) -> PlacedHold:
    """What the caller gets to know of its hold."""
    return PlacedHold(
        hold_id=admitted.hold_id,
        expires_at=ask.lease_expires_at,
        warning_percent=admitted.warning_percent,
        gear=admitted.gear,
    )


def tell(admitted: Iterable[Admitted], *, now: datetime) -> None:
    """Publish once for all what changed, after the commit."""
    changed: dict[object, None] = {}
    alerted: dict[object, None] = {}
    for each in admitted:
        changed |= dict.fromkeys(each.path)
        if each.is_alerted:
            alerted |= dict.fromkeys(each.path)
    if changed:
        publish(BudgetsChanged(budget_ids=tuple(changed), at=now))  # type: ignore[arg-type]
    if alerted:
        publish(BudgetAlerted(budget_ids=tuple(alerted), at=now))  # type: ignore[arg-type]


def commit(batch: Sequence[Shared]) -> Sequence[Outcome]:
    """Decide all of a batch in one transaction, in the order in which they came."""
    if any(each.once for each in batch):
        return in_transaction(lambda: _decide(batch))
    now = max(each.now for each in batch)
    verdicts = _admit([each.ask for each in batch], now=now)
    tell((each for each in verdicts if isinstance(each, Admitted)), now=now)
    return verdicts


def _admit(asks: Sequence[HoldAsk], *, now: datetime) -> list[Admitted | Refused]:
    """PostgreSQL's function, in a single round trip where all ask for one leaf; else the engine."""
    if connection.vendor != "postgresql":
        return in_transaction(lambda: admit_together(asks, gear=Gear.BATCHED, now=now))
    if len({ask.budget_id for ask in asks}) > 1:
        return in_transaction(lambda: admit_all_directly(asks, gear=Gear.BATCHED, now=now))
    return admit_all_directly(asks, gear=Gear.BATCHED, now=now)


def _decide(batch: Sequence[Shared]) -> list[Outcome]:
    now = max(each.now for each in batch)
    outcomes: list[Outcome] = [Alone()] * len(batch)
    recalled = recall_answers([each.once.claim for each in batch if each.once], now=now)
    firsts: dict[tuple[int, str], int] = {}
    repeats: dict[int, int] = {}
    asked: list[int] = []
    for index, each in enumerate(batch):
        if each.once and each.once.claim in recalled:
            outcomes[index] = recalled[each.once.claim] or Alone()
        elif each.once and each.once.claim.name in firsts:
            repeats[index] = firsts[each.once.claim.name]
        else:
            asked.append(index)
            if each.once:
                firsts[each.once.claim.name] = index
    verdicts = _admit([batch[index].ask for index in asked], now=now) if asked else []
    for index, verdict in zip(asked, verdicts, strict=True):
        outcomes[index] = verdict
    _answer(batch, outcomes, firsts.values(), repeats, now=now)
    tell((each for each in verdicts if isinstance(each, Admitted)), now=now)
    return outcomes


def _answer(
    batch: Sequence[Shared], outcomes: list[Outcome], firsts: Iterable[int], repeats: dict[int, int], *, now: datetime
) -> None:
    """Turn admissions of asks with a key into stored answers, and their repeats into replays."""
    kept: list[tuple[Claim, Answer]] = []
    for index in firsts:
        once, verdict = batch[index].once, outcomes[index]
        if once and isinstance(verdict, Admitted):
            outcomes[index] = answer = once.answer_of(hold_of(batch[index].ask, verdict))
            kept.append((once.claim, answer))
    for index, first in repeats.items():
        once, before, answered = batch[index].once, batch[first].once, outcomes[first]
        if once and before and isinstance(answered, Answer):
            outcomes[index] = replay_within(once.claim, before.claim, answered)
    if kept:
        keep_answers(kept, now=now)


BATCHES: Batcher[Shared, Outcome] = Batcher(commit)
