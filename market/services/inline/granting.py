"""Granting work that begins at once: many asks in one transaction, by few statements for all of them.

Rows are taken in the order that everybody keeps: hours, Fund, budgets leaf to root.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.db import connection

from budgets import services as budgets
from budgets.domain.asks import HoldAsk, PlacedHold
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import Unit, to_steps
from config.kernel.errors import DomainError, Unavailable
from config.kernel.events import publish
from config.kernel.transactions import in_transaction
from market.domain.inline import InlineAsk, InlineGrant
from market.events import RequestsDecided
from market.selectors.scenes import Scene, get_scene
from market.services.inline.answering import answer_of
from market.services.inline.checking import Checked, checked
from market.services.inline.deciding import Decided, Place, Room, decide_all, within_budget
from market.services.inline.recording import Record, record_all
from market.services.inline.taking import (
    lock_free_fund,
    lock_hours,
    note_promises,
    promises,
    reserve_fund,
)

MOST_LEVELS = 4  # each may be the one that has least left
NO_ROOM_SECONDS = 60


def grant_inline(asks: Sequence[InlineAsk], *, now: datetime) -> list[InlineGrant | DomainError]:
    """Decide each ask in the order given and take what it needs: held and dispatched, or why not.

    In the caller's transaction, or one of its own. InvalidInput and NotAllowed name the field at fault and
    store nothing; where a budget cannot pay (BudgetExhausted) or no region has room (Unavailable, code
    `no_room`) the denial is stored like any other. A request id that is known raises IntegrityError: then the
    caller's transaction is over.
    """
    if connection.in_atomic_block:
        return _grant(asks, now=now)
    return in_transaction(lambda: _grant(asks, now=now))


def _grant(asks: Sequence[InlineAsk], *, now: datetime) -> list[InlineGrant | DomainError]:
    scene = get_scene(now)
    answers: dict[int, InlineGrant | DomainError] = {}
    found: dict[int, Checked] = {}
    for index, ask in enumerate(asks):
        try:
            found[index] = checked(ask, scene)
        except DomainError as refusal:
            answers[index] = refusal
    answers |= dict(zip(found, _granted(list(found.values()), scene, now=now), strict=True))
    return [answers[index] for index in range(len(asks))]


@dataclass(slots=True)
class _Case:
    """One ask on its way: what was decided, and what its budget said."""

    decided: Decided
    hold: PlacedHold | None = None
    refusal: DomainError | None = None


def _granted(asks: Sequence[Checked], scene: Scene, *, now: datetime) -> list[InlineGrant | DomainError]:
    if not asks:
        return []
    hours = lock_hours(_capacities(asks, scene), hour=scene.hour)
    cases = _served(asks, scene, hours.room, now=now)
    refused = [each.refusal for each in cases if isinstance(each.refusal, BudgetExhausted)]
    budgets.note_refusals(refused, now=now)
    return _recorded(cases, hours.ids, scene, now=now)


def _served(asks: Sequence[Checked], scene: Scene, room: Room, *, now: datetime) -> list[_Case]:
    """Each ask with its hold or its refusal.

    Where budgets refuse, the room that they leave free is offered to asks that found none: nobody is told that
    an hour is full which is not.
    """
    cases, is_freed = _round(asks, scene, room, now=now)
    while is_freed and (without := [index for index, each in enumerate(cases) if each.decided.grant is None]):
        left = _beside(room, cases, fund_micro_usd=lock_free_fund())
        again, is_freed = _round([asks[index] for index in without], scene, left, now=now)
        for index, case in zip(without, again, strict=True):
            cases[index] = case
    return cases


def _round(asks: Sequence[Checked], scene: Scene, room: Room, *, now: datetime) -> tuple[list[_Case], bool]:
    """Decide, promise the discounts and hold; whether budgets refused something that was counted as granted."""
    cases = [_Case(each) for each in _decide_with_fund(asks, scene, room, now=now)]
    reserved = _from_fund(cases)
    _hold(cases, now=now)
    is_freed = any(each.refusal for each in cases)
    _hold_less(cases, scene, room, reserved, now=now)
    if unused := reserved - _from_fund(_held(cases)):
        reserve_fund(-unused)
    return cases, is_freed


def _held(cases: Sequence[_Case]) -> list[_Case]:
    return [each for each in cases if each.hold]


def _beside(room: Room, cases: Sequence[_Case], *, fund_micro_usd: int) -> Room:
    """What is left beside all that is held, with so much of the Fund."""
    taken = Counter(room.taken)
    for each in _held(cases):
        if each.decided.grant:
            taken[each.decided.grant.place] += each.decided.grant.tokens
    return Room(taken=taken, fund_available_micro_usd=fund_micro_usd)


def _capacities(asks: Sequence[Checked], scene: Scene) -> dict[tuple[str, str], int]:
    """What this hour can take at every place that an ask may be served from."""
    found = {}
    for each in asks:
        origin = scene.country(each.ask.origin)
        if origin is not None:
            for candidate in scene.candidates(origin, each.ask.model_class, each.ask.regions):
                found[candidate.code, each.ask.model_class] = candidate.capacity_tokens
    return found


def _decide_with_fund(asks: Sequence[Checked], scene: Scene, room: Room, *, now: datetime) -> list[Decided]:
    """Verdicts whose discounts the Fund has promised. Where others were quicker all is decided anew."""
    decided = decide_all(asks, scene, room, now=now)
    wanted = sum(each.grant.price.from_fund for each in decided if each.grant)
    if not wanted or reserve_fund(wanted):
        return decided
    room = replace(room, fund_available_micro_usd=lock_free_fund(is_locked=True))
    decided = decide_all(asks, scene, room, now=now)
    wanted = sum(each.grant.price.from_fund for each in decided if each.grant)
    if wanted and not reserve_fund(wanted):
        raise RuntimeError("The Fund is locked, and was decided by: it has what is promised.")
    return decided


def _from_fund(cases: Sequence[_Case]) -> int:
    return sum(each.decided.grant.price.from_fund for each in cases if each.decided.grant)


def _hold(cases: Sequence[_Case], *, now: datetime) -> None:
    """Reserve for all that were granted something, and begin their work."""
    wanted = [each for each in cases if each.decided.grant]
    asks = [_hold_ask(each.decided) for each in wanted]
    for case, outcome in zip(wanted, budgets.place_holds(asks, are_dispatched=True, now=now), strict=True):
        _note(case, outcome)


def _hold_less(cases: Sequence[_Case], scene: Scene, room: Room, reserved_micro_usd: int, *, now: datetime) -> None:
    """For an ask that a budget was too short for: as much as it has left, where that is worth granting.

    Out of the room that is left beside the others, and of what the Fund has promised already.
    """
    for case in cases:
        for _ in range(MOST_LEVELS):
            refusal = case.refusal
            if not isinstance(refusal, BudgetExhausted):
                break
            unit = Unit(refusal.facts["unit"])
            left = to_steps(unit, Decimal(str(refusal.facts["remaining"])))
            promised = reserved_micro_usd - _from_fund(_held(cases))
            beside = _beside(room, cases, fund_micro_usd=promised)
            smaller = within_budget(case.decided, scene, beside, unit, left)
            if smaller is None:
                break
            outcome = budgets.place_holds([_hold_ask(smaller)], are_dispatched=True, now=now)[0]
            if isinstance(outcome, PlacedHold):
                case.decided = smaller
            _note(case, outcome)


def _note(case: _Case, outcome: PlacedHold | DomainError) -> None:
    if isinstance(outcome, PlacedHold):
        case.hold, case.refusal = outcome, None
    else:
        case.refusal = outcome


def _hold_ask(decided: Decided) -> HoldAsk:
    if decided.grant is None:
        raise ValueError("Nothing is granted, so nothing is held.")
    ask = decided.of.ask
    return HoldAsk(
        budget_id=decided.of.budget_id,
        amounts=decided.grant.amounts,
        reference=f"request:{ask.request_id}",
        lease_expires_at=ask.lease_expires_at,
        actor=ask.principal.actor,
    )


def _recorded(
    cases: Sequence[_Case], hours: Mapping[Place, int], scene: Scene, *, now: datetime
) -> list[InlineGrant | DomainError]:
    """Store what is an answer (a grant, or a denial for want of budget or room) and say what came of each."""
    stored = [each for each in cases if each.refusal is None or isinstance(each.refusal, BudgetExhausted)]
    records = [Record(decided=each.decided, hold=each.hold, refusal=each.refusal) for each in stored]
    taken = promises([each.decided.grant for each in _held(cases) if each.decided.grant], hours)
    ids = record_all(records, taken, scene.policy, now=now)
    note_promises(
        [
            (each.decided.of.ask.request_id, each.decided.grant.price.from_fund, each.decided.of.ask.principal.actor)
            for each in stored
            if each.hold and each.decided.grant and each.decided.grant.price.from_fund
        ],
        now=now,
    )
    if stored:
        publish(RequestsDecided(team_ids=tuple(dict.fromkeys(each.decided.of.team_id for each in stored)), at=now))
    by_case = dict(zip(map(id, stored), ids, strict=True))
    return [_answer(each, by_case.get(id(each), 0)) for each in cases]


def _answer(case: _Case, decision_id: int) -> InlineGrant | DomainError:
    decided, grant = case.decided, case.decided.grant
    if case.refusal is not None:
        return case.refusal
    if grant is None or case.hold is None:
        reasons = " ".join(decided.verdict.reasons)
        return Unavailable(reasons, retry_after_seconds=NO_ROOM_SECONDS, code="no_room")
    ask = decided.of.ask
    return answer_of(ask.request_id, decision_id, decided.of.budget_id, grant, case.hold)
