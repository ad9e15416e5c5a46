"""Carrying handoffs on. Each step is a transaction of its own that looks first how things stand: after a crash
anybody takes up where the last one left off, and two who carry on the same handoff do nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from config.kernel.errors import DomainError
from config.kernel.transactions import transactional
from sessions_app.domain.handoff.packages import DamagedPackage
from sessions_app.domain.handoff.transitions import FAILED, Action, Step, next_step
from sessions_app.domain.words import Phase
from sessions_app.models import Handoff
from sessions_app.services.handoffs import copying
from sessions_app.services.handoffs.checking import check_all, failures_in
from sessions_app.services.handoffs.ending import undo
from sessions_app.services.handoffs.held import ACTOR, Held, hold, look, measured, move, standing_of
from sessions_app.services.handoffs.history import history_in
from sessions_app.services.handoffs.items import Luggage, items_of_instances, pack_luggage
from sessions_app.services.handoffs.preparing import prepare
from sessions_app.services.handoffs.switching import switch
from sessions_app.services.thinking import thinking_first

MOST_STEPS = 60
"""More than any handoff takes; the tender goes on with one that is not done by then."""


def carry_on(*, handoff_id: int, now: datetime) -> Phase:
    """Go as far as a handoff can go now, and return its phase. Raises NotFound."""
    for _ in range(MOST_STEPS):
        try:
            action = advance(handoff_id=handoff_id, now=now)
        except (DomainError, DamagedPackage) as error:
            _give_up(handoff_id, str(error), now)
            break
        if action in (Action.WAIT, Action.NOTHING):
            break
    return Phase(Handoff.objects.values_list("phase", flat=True).get(pk=handoff_id))


def advance(*, handoff_id: int, now: datetime) -> Action:
    """Do the next step of a handoff and return what it was."""
    action = _step(handoff_id, now)
    if action == Action.COPY:
        for agent in _agents(handoff_id):
            _archive(handoff_id, agent)
        if (taken := _snapshot(handoff_id, now)) is not None:
            _store(handoff_id, taken, copying.pack_all(taken), now)
    elif action == Action.CHECK:
        _check(handoff_id, now)
    return action


@thinking_first
@transactional
def _step(handoff_id: int, now: datetime) -> Action:
    """Decide under the lock; what changes rows only is done at once."""
    held = hold(handoff_id)
    step = next_step(standing_of(held, now=now), terms=held.terms.handoffs, now=now)
    if step.action in _WORK:
        _WORK[step.action](held, step, now)
    return step.action


def _prepare(held: Held, step: Step, now: datetime) -> None:
    with measured(held.handoff, "preparing_ms"):
        prepare(held, now=now)
    held.handoff.save(update_fields=["measures"])


def _transfer(held: Held, step: Step, now: datetime) -> None:
    move(held, Phase.TRANSFERRING, now=now, facts={"round": held.handoff.rounds + 1})


def _abort(held: Held, step: Step, now: datetime) -> None:
    found = failures_in(held.handoff.checks) if held.handoff.checks.get("passed") is False else ""
    undo(held, why=f"{step.why} {found}".strip(), actor=ACTOR, now=now, may_begin_again=True)


def _switch(held: Held, step: Step, now: datetime) -> None:
    """Switch if the windows hold what the packages say; an item may have been touched without an event."""
    with measured(held.handoff, "pause_ms"):
        luggage = copying.pack_all_luggage(held)
        if is_packed := copying.is_packed(held, luggage):
            _switch_now(held, luggage, now)
    held.handoff.save(update_fields=["measures"])
    if not is_packed:
        _switch_paused(held, step, now)


def _switch_paused(held: Held, step: Step, now: datetime) -> None:
    """Transfer, check and switch while the lock keeps everybody else from writing."""
    with measured(held.handoff, "pause_ms"):
        taken = copying.snapshot(held, now=now)
        copying.store(held, taken, copying.pack_all(taken), now=now)
        held.handoff.checks = check_all(held)
        if held.handoff.checks["passed"]:
            _switch_now(held, copying.pack_all_luggage(held), now)
    if held.handoff.checks["passed"]:
        held.handoff.save(update_fields=["measures"])
    else:
        _abort(held, Step(action=Action.ABORT, why=FAILED), now)


def _switch_now(held: Held, luggage: dict[str, Luggage], now: datetime) -> None:
    switch(held, {agent: own.preload.keys for agent, own in luggage.items()}, now)


_WORK: dict[Action, Callable[[Held, Step, datetime], None]] = {
    Action.PREPARE: _prepare,
    Action.TRANSFER: _transfer,
    Action.ABORT: _abort,
    Action.SWITCH: _switch,
    Action.SWITCH_PAUSED: _switch_paused,
}


def _agents(handoff_id: int) -> list[str]:
    """Whose items are archived beforehand: before the first transfer, one agent after the other."""
    handoff = Handoff.objects.get(pk=handoff_id)
    return handoff.plan.get("order", []) if handoff.rounds == 0 else []


@transactional
def _archive(handoff_id: int, agent: str) -> None:
    held = hold(handoff_id)
    member = next(each for each in held.members if each.agent == agent)
    if held.phase == Phase.TRANSFERRING:
        items = items_of_instances([member.source_id])[member.source_id]
        pack_luggage(held, member, items, history_in(held.handoff.plan))


@thinking_first
@transactional
def _snapshot(handoff_id: int, now: datetime) -> copying.Snapshot | None:
    held = hold(handoff_id)
    if held.phase != Phase.TRANSFERRING:
        return None
    with measured(held.handoff, "snapshot_ms"):
        taken = copying.snapshot(held, now=now)
    held.handoff.save(update_fields=["measures"])
    return taken


@transactional
def _store(handoff_id: int, taken: copying.Snapshot, copies: dict[str, copying.Copy], now: datetime) -> None:
    held = hold(handoff_id)
    if held.phase == Phase.TRANSFERRING:
        copying.store(held, taken, copies, now=now)


def _check(handoff_id: int, now: datetime) -> None:
    """Check without the lock; what was written meanwhile leads to another transfer anyway."""
    seen = look(handoff_id)
    with measured(seen.handoff, "validating_ms"):
        checks = check_all(seen)
    _keep_checks(handoff_id, checks, seen.handoff.measures["validating_ms"])


@transactional
def _keep_checks(handoff_id: int, checks: dict[str, object], validating_ms: float) -> None:
    held = hold(handoff_id)
    if held.phase == Phase.VALIDATING and held.handoff.copied_seq == checks["seq"]:
        held.handoff.checks = checks
        held.handoff.measures["validating_ms"] = validating_ms
        held.handoff.save(update_fields=["checks", "measures"])


@transactional
def _give_up(handoff_id: int, why: str, now: datetime) -> None:
    held = hold(handoff_id)
    if held.phase not in (Phase.COMPLETE, Phase.ABORTED):
        undo(held, why=why, actor=ACTOR, now=now, may_begin_again=True)
