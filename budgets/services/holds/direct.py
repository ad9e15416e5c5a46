"""Asks in one round trip: PostgreSQL's stored function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from budgets.domain.admission import Admitted, Block, Reason, Refused, needs_ancestors
from budgets.domain.asks import HoldAsk
from budgets.domain.gears import Gear, GearChoice
from budgets.domain.units import COLUMN_OF, Amounts, Unit
from config.kernel.raw import run
from config.kernel.transactions import retried

PLACE = "SELECT * FROM commonwatt_place_hold(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
PLACE_ALL = """
SELECT place.*
  FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[],
              %s::timestamptz[], %s::text[])
       AS ask (hold, budget, tokens, carbon_ug, micro_usd, energy_uwh, reference, lease_expires_at, actor),
       LATERAL commonwatt_place_hold(ask.hold, ask.budget, ask.tokens, ask.carbon_ug, ask.micro_usd, ask.reference,
                                     ask.lease_expires_at, ask.actor, %s::timestamptz, %s, ask.energy_uwh) AS place
"""
LOCK_LEASES = """
SELECT id, budget_id, free_tokens, free_carbon_ug, free_micro_usd, free_energy_uwh
  FROM budgets_escrowlease WHERE budget_id = ANY (%s) AND status = 'open' ORDER BY id FOR NO KEY UPDATE
"""
LOCK_BUDGETS = """
SELECT 1 FROM budgets_budget
 WHERE id IN (SELECT jsonb_array_elements_text(path_ids)::uuid FROM budgets_budget
               WHERE id = ANY (%s) AND id <> ALL (%s::uuid[])) OR id = ANY (%s)
 ORDER BY depth DESC, id FOR NO KEY UPDATE
"""
PLACED = "placed"


def admit_directly(ask: HoldAsk, *, now: datetime) -> Admitted | Refused:
    """Reserve on the whole path, or out of the leaf's block; the statement commits by itself outside a transaction.

    A refusal leaves a caller's transaction as it was.
    """
    hold_id, budget_id, tokens, carbon_ug, micro_usd, energy_uwh, *rest = _values(ask)
    values = [hold_id, budget_id, tokens, carbon_ug, micro_usd, *rest, now, Gear.DIRECT.value, energy_uwh]
    return _answer(hold_id, _rows(PLACE, values)[0])


def admit_all_directly(asks: Sequence[HoldAsk], *, gear: Gear, now: datetime) -> list[Admitted | Refused]:
    """The same for several asks, one after the other in one statement and one commit.

    Asks of several leaves need a transaction: their rows are locked first, in the order that
    everybody keeps, for the paths alone would lock them in an order of their own.
    """
    if len({ask.budget_id for ask in asks}) > 1:
        _lock(asks)
    columns = [list(column) for column in zip(*map(_values, asks), strict=True)]
    rows = _rows(PLACE_ALL, [*columns, now, gear.value])
    return [_answer(hold_id, row) for hold_id, row in zip(columns[0], rows, strict=True)]


def _lock(asks: Sequence[HoldAsk]) -> None:
    """Leases by key, then budgets deepest first; above a leaf only where its block does not cover all its asks."""
    leaves = list({ask.budget_id for ask in asks})
    blocks = {
        leaf: Block(id=lease, free=Amounts(**dict(zip(COLUMN_OF.values(), free, strict=True))))
        for lease, leaf, *free in run(LOCK_LEASES, [leaves])
    }
    covered = list(blocks.keys() - needs_ancestors(asks, blocks))
    run(LOCK_BUDGETS, [leaves, covered, leaves])


def _values(ask: HoldAsk) -> list[Any]:
    amounts = ask.amounts
    taken = [amounts.tokens, amounts.carbon_ug, amounts.micro_usd, amounts.energy_uwh]
    return [uuid4(), ask.budget_id, *taken, ask.reference, ask.lease_expires_at, ask.actor]


def _rows(statement: str, values: Sequence[Any]) -> list[Any]:
    return retried(lambda: run(statement, values))


def _answer(hold_id: UUID, row: Sequence[Any]) -> Admitted | Refused:
    answer, gear, warning_percent, is_alerted, path, choice, *refuser = row
    if answer == PLACED:
        return Admitted(
            hold_id=hold_id,
            gear=Gear(gear),
            warning_percent=warning_percent,
            path=tuple(path),
            is_alerted=is_alerted,
            choice=GearChoice(choice),
        )
    return _refused(Reason(answer), tuple(path or ()), GearChoice(choice or GearChoice.AUTO), refuser)


def _refused(reason: Reason, path: tuple[UUID, ...], choice: GearChoice, refuser: Sequence[Any]) -> Refused:
    if reason not in (Reason.OVER, Reason.SHORT):
        return Refused(reason=reason, path=path, choice=choice)
    budget_id, name, level, unit, limit, spent, reserved, needed, resets_at = refuser
    return Refused(
        reason=reason,
        path=path,
        choice=choice,
        budget_id=budget_id,
        name=name,
        level=level,
        unit=Unit(unit),
        limit=limit,
        spent=spent,
        reserved=reserved,
        needed=needed,
        resets_at=resets_at,
    )
