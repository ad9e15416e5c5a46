"""One ask in one round trip: PostgreSQL's stored function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from budgets.domain.admission import Admitted, Reason, Refused
from budgets.domain.asks import HoldAsk
from budgets.domain.gears import Gear, GearChoice
from budgets.domain.units import Unit
from config.kernel.transactions import retried

PLACE = "SELECT * FROM commonwatt_place_hold(%s, %s, %s, %s, %s, %s, %s, %s, %s)"
PLACED = "placed"


def admit_directly(ask: HoldAsk, *, now: datetime) -> Admitted | Refused:
    """Reserve on the whole path, or out of the leaf's block; the statement commits by itself outside a transaction.

    A refusal leaves a caller's transaction as it was.
    """
    hold_id = uuid4()
    amounts = ask.amounts
    values: list[Any] = [hold_id, ask.budget_id, amounts.tokens, amounts.carbon_ug, amounts.micro_usd]
    values += [ask.reference, ask.lease_expires_at, ask.actor, now]

    def place() -> tuple[Any, ...]:
        with connection.cursor() as cursor:
            cursor.execute(PLACE, values)
            row: tuple[Any, ...] = cursor.fetchone()
            return row

    answer, gear, warning_percent, is_alerted, path, choice, *refuser = retried(place)
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
