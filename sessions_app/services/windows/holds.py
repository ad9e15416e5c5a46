"""Holds on budgets that an agent works under: placed before a call, settled by its report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from budgets import selectors as budgets_read
from budgets import services as budgets
from budgets.domain.asks import PlacedHold
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import Amounts
from config.kernel.errors import Conflict, NotFound
from config.kernel.transactions import transactional
from sessions_app.domain.reports import settled_amounts
from sessions_app.models import Instance, InstanceHold, Session
from sessions_app.services.log import active_instance, locked


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldAsk:
    """What is reserved, until when. A `reference` has one open hold; without one it gets one of its own."""

    agent: str
    epoch: int
    amounts: Amounts
    lease_expires_at: datetime
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """A hold as it was placed; `budget_id` is where."""

    hold_id: UUID
    budget_id: UUID
    warning_percent: int | None


@transactional
def reserve(*, session_id: UUID, team_id: int, ask: HoldAsk, actor: str, now: datetime) -> Reserved:
    """Reserve on the agent's budget, or on the session's where the agent has none.

    Raises BudgetExhausted naming the level that cannot pay (it is not counted: call `note_refused` once
    the transaction is over), Conflict with code `no_budget` or `stale_epoch`.
    """
    session = locked(session_id, team_id=team_id)
    instance = active_instance(session, ask.agent, epoch=ask.epoch)
    budget_id = instance.budget_id or session.budget_id
    if budget_id is None:
        raise Conflict("Neither the agent nor its session has a budget.", field="agent", code="no_budget")
    placed: PlacedHold = budgets.place_hold(
        budget_id=budget_id,
        amounts=ask.amounts,
        reference=f"session:{session.pk.hex}:{ask.reference or uuid4().hex}",
        lease_expires_at=ask.lease_expires_at,
        actor=actor,
        now=now,
    )
    InstanceHold.objects.create(
        hold_id=placed.hold_id, session=session, instance=instance, tokens=ask.amounts.tokens, created_at=now
    )
    return Reserved(hold_id=placed.hold_id, budget_id=budget_id, warning_percent=placed.warning_percent)


def note_refused(refusal: BudgetExhausted, *, now: datetime) -> None:
    """Count that a budget turned an agent away."""
    budgets.note_refusal(refusal, now=now)


@transactional
def release(*, session_id: UUID, team_id: int, hold_id: UUID, epoch: int, actor: str, now: datetime) -> InstanceHold:
    """Give back a hold of a call that was not made. Raises NotFound, or Conflict if it was resolved before."""
    session = locked(session_id, team_id=team_id, may_be_ended=True)
    row = _open_hold(session, hold_id)
    active_instance(session, row.instance.agent, epoch=epoch)
    _close(row)
    budgets.release_hold(hold_id=hold_id, actor=actor, now=now, reason="the call was not made")
    return row


def claim_hold(session: Session, instance: Instance, hold_id: UUID) -> InstanceHold:
    """An open hold of the agent of `instance`. Raises NotFound, or Conflict if it is another's or was resolved."""
    row = _open_hold(session, hold_id)
    if row.instance.agent != instance.agent:
        raise Conflict(f"This hold is {row.instance.agent}'s.", field="hold", code="hold_of_another_agent")
    return row


def settle(row: InstanceHold, tokens: int, *, actor: str, now: datetime) -> int | None:
    """Turn an open hold into spending of what was used; returns the highest threshold passed."""
    _close(row)
    lease = budgets_read.find_hold_leases([row.hold_id]).get(row.hold_id)
    if lease is None:
        raise NotFound("There is no such hold.", field="hold")
    return budgets.settle_hold(hold_id=row.hold_id, amounts=settled_amounts(lease.held, tokens), actor=actor, now=now)


def _open_hold(session: Session, hold_id: UUID) -> InstanceHold:
    row = InstanceHold.objects.filter(session=session, pk=hold_id).select_related("instance").first()
    if row is None:
        raise NotFound("The session has no such hold.", field="hold")
    if not row.is_open:
        raise Conflict("This hold was settled or released before.", field="hold", code="already_resolved")
    return row


def _close(row: InstanceHold) -> None:
    row.is_open = False
    row.save(update_fields=["is_open"])
