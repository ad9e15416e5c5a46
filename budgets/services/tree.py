"""Making, turning, resizing and ending budgets."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Unpack
from uuid import UUID

from django.db import IntegrityError, transaction

from budgets.domain.amounts import positive_steps
from budgets.domain.knobs import Beginnings, Changes, KnobSettings, check_knobs, checked_name, knob_steps
from budgets.domain.levels import Level, level_below
from budgets.domain.model_classes import class_below
from budgets.domain.periods import Period, bounds
from budgets.domain.quota import QUOTA_PREFIX
from budgets.domain.units import Unit, from_steps
from budgets.events import BudgetsChanged
from budgets.models import Budget, Hold, LedgerEntry
from budgets.services.alerting import note_crossings
from budgets.services.guards import require_one_person
from budgets.services.ledger import entry
from budgets.services.overflow import return_draws
from budgets.services.rolling import counted_spending
from budgets.services.rows import in_lock_order, locked, save
from config.kernel.errors import Conflict, InvalidInput
from config.kernel.events import publish

DEEPEST = 8


@transaction.atomic
def create_budget(
    *,
    name: str,
    organisation_id: int,
    team_id: int | None,
    parent_id: UUID | None,
    unit: Unit,
    limit: Decimal,
    period: Period,
    actor: str,
    now: datetime,
    is_default: bool = False,
    **knobs: Unpack[Beginnings],
) -> UUID:
    """Make a budget of `limit` and return its id. Amounts are tokens, grams, micro-USD or Wh, by its unit.

    With a `model_class`, its own or that of the budget above, it pays for work of that class only, for good.
    Raises InvalidInput naming the field: a limit that is not positive or too large, a parent of
    another organisation, a tree that is too deep, a second default of a team, another class than above it,
    knobs that cannot be or not together (`domain.knobs.check_knobs`).
    """
    steps = positive_steps(unit, limit, field="limit")
    parent = _parent(parent_id, organisation_id)
    starts_at, ends_at = bounds(period, now)
    budget_id = uuid.uuid4()
    columns = knob_steps(knobs, unit)
    columns["model_class"] = class_below(knobs.get("model_class", ""), above=parent.model_class if parent else "")
    if columns.get("level") is None:
        columns["level"] = level_below(Level(parent.level) if parent else None, has_team=team_id is not None)
    budget = Budget(
        id=budget_id,
        name=checked_name(name),
        organisation_id=organisation_id,
        team_id=team_id,
        parent=parent,
        depth=parent.depth + 1 if parent else 0,
        path_ids=[str(budget_id), *(parent.path_ids if parent else [])],
        unit=unit,
        period=period,
        period_starts_at=starts_at,
        period_ends_at=ends_at,
        limit=steps,
        is_default=is_default,
        created_at=now,
        **columns,
    )
    check_knobs(_settings(budget, parent))
    _insert(budget, actor)
    entry(budget_id, LedgerEntry.Kind.ALLOT, now=now, actor=actor, reason="created", limit_delta=steps).save()
    publish(BudgetsChanged(budget_ids=(budget_id,), at=now))
    return budget_id


@transaction.atomic
def configure_budget(
    *, budget_id: UUID, actor: str, now: datetime, reason: str = "", **changes: Unpack[Changes]
) -> None:
    """Turn knobs of a budget, or rename it; the history keeps who did, and why.

    Raises InvalidInput naming the field, as `create_budget` does; Conflict if what may be spent
    would change and that waits for a second person (`needs_two`), or if the window of a rolling
    budget would change while spending counts in it (`window_in_use`).
    """
    budget = locked(budget_id, now=now)
    columns = knob_steps(changes, Unit(budget.unit))
    if "name" in changes:
        columns["name"] = checked_name(changes["name"])
    if columns.get("level") is None:
        columns.pop("level", None)  # as when it is made: None leaves the level to the service
    changed = {field: value for field, value in columns.items() if value != getattr(budget, field)}
    if budget.needs_two and changed.keys() & LOOSENING:
        require_one_person(budget)
    if "window_hours" in changed:
        _require_empty_window(budget, changed["window_hours"], now=now)
    for field, value in changed.items():
        setattr(budget, field, value)
    check_knobs(_settings(budget, budget.parent))
    if changed:
        save(budget, actor, reason=reason, update_fields=list(changed))
        note_crossings(budget_ids=[budget_id], now=now)
        publish(BudgetsChanged(budget_ids=(budget_id,), at=now))


LOOSENING = {"needs_two", "pool", "overflow_percent", "rollover_percent", "rollover_cap_percent", "window_hours"}
LOOSENING |= {"tradeable_percent"}
"""Knobs that change how much may be spent or leave for others, or how many people it takes."""


@transaction.atomic
def allot(*, budget_id: UUID, limit: Decimal, actor: str, reason: str, now: datetime) -> None:
    """Set what a budget is allotted for a period; what was carried, drawn and earned stays on top.

    Raises Conflict if more is spent and reserved already (`limit_below_use`), or was sold, if its floor or
    its pool is larger, or if that waits for a second person (`needs_two`).
    """
    budget = locked(budget_id, now=now)
    require_one_person(budget)
    allot_locked(budget, limit, kind=LedgerEntry.Kind.ALLOT, actor=actor, reason=reason, now=now)


def allot_locked(
    budget: Budget, limit: Decimal, *, kind: LedgerEntry.Kind, actor: str, reason: str, now: datetime
) -> None:
    """The same for a budget that is locked already, whoever agreed to it."""
    delta = positive_steps(Unit(budget.unit), limit, field="limit") - budget.base_limit
    _require_room(budget, delta)
    if not delta:
        return
    budget.limit += delta
    save(budget, actor, reason=reason, update_fields=["limit"])
    entry(budget.pk, kind, now=now, actor=actor, reason=reason, limit_delta=delta).save()
    note_crossings(budget_ids=[budget.pk], now=now)
    publish(BudgetsChanged(budget_ids=(budget.pk,), at=now))


@transaction.atomic
def deallocate(*, budget_id: UUID, actor: str, reason: str, now: datetime) -> None:
    """End a budget: what is not spent goes back, and what it drew and did not use to the pool.

    Raises Conflict while holds or children are open, or if that waits for a second person: once it
    has ended, anybody could make another in its place that needs one only.
    """
    budget = locked(budget_id, now=now)
    require_one_person(budget)
    if budget.holds.filter(status__in=Hold.OPEN, reference__startswith=QUOTA_PREFIX).exists():
        words = "Quota of this budget is on offer. Cancel its orders, loans and donations first."
        raise Conflict(words, code="quota_on_offer")
    if budget.reserved:
        raise Conflict("Holds are open on this budget. Settle or release them first.", code="holds_open")
    if budget.children.filter(deallocated_at=None).exists():
        raise Conflict("This budget has children. End them first.", code="children_open")
    returned = return_draws(budget, now=now)
    unspent, tradeable = budget.limit - budget.spent - returned, budget.tradeable
    budget.limit = budget.spent
    budget.carried = budget.pooled = budget.bonus = budget.sold = budget.tradeable = 0
    budget.deallocated_at = now
    columns = ["limit", "carried", "pooled", "bonus", "sold", "tradeable", "deallocated_at"]
    save(budget, actor, reason=reason, update_fields=columns)
    entry(
        budget_id,
        LedgerEntry.Kind.DEALLOCATE,
        now=now,
        actor=actor,
        reason=reason,
        limit_delta=-unspent,
        tradeable_delta=-tradeable,
    ).save()
    publish(BudgetsChanged(budget_ids=(budget_id,), at=now))


def _insert(budget: Budget, actor: str) -> None:
    try:
        with transaction.atomic():
            save(budget, actor, force_insert=True)
    except IntegrityError as error:
        raise InvalidInput("This team has a default budget already.", field="is_default") from error


def _settings(budget: Budget, parent: Budget | None) -> KnobSettings:
    """All knobs of a budget, saved or not, as they would be."""
    return KnobSettings(
        unit=Unit(budget.unit),
        period=Period(budget.period),
        base=budget.base_limit,
        level=Level(budget.level),
        parent_level=Level(parent.level) if parent else None,
        parent_unit=Unit(parent.unit) if parent else None,
        window_hours=budget.window_hours,
        rollover_percent=budget.rollover_percent,
        rollover_cap_percent=budget.rollover_cap_percent,
        tradeable_percent=budget.tradeable_percent,
        overflow_percent=budget.overflow_percent,
        pool=budget.pool,
        pool_drawn=budget.pool_drawn,
        floor=budget.floor,
        warning_amounts=tuple(budget.warning_amounts),
    )


def _require_empty_window(budget: Budget, hours: object, *, now: datetime) -> None:
    """Slices are cut by the window: another window needs a clean sheet, also by its own measure."""
    counted = isinstance(hours, int) and counted_spending([budget.pk], window_hours=hours, now=now)
    if budget.period == Period.ROLLING and (budget.spent or counted):
        words = "Spending counts in this window. Reset the budget first."
        raise Conflict(words, field="window_hours", code="window_in_use")


def _require_room(budget: Budget, delta: int) -> None:
    """Raise Conflict if a base changed by `delta` would be less than what stands on it."""
    unit = Unit(budget.unit)
    for needed, of, words, code in (
        (budget.spent + budget.reserved, budget.limit, "are spent or reserved already", "limit_below_use"),
        (min(budget.sold, budget.base_limit), budget.base_limit, "were sold or lent away", "limit_below_sold"),
        (budget.pool, budget.base_limit, "are its pool", "limit_below_pool"),
        (budget.floor, budget.base_limit, "are its floor", "limit_below_floor"),
    ):
        if of + delta < needed:
            raise Conflict(f"{from_steps(unit, needed):f} {unit} {words}.", field="limit", code=code)


def _parent(parent_id: UUID | None, organisation_id: int) -> Budget | None:
    if parent_id is None:
        return None
    # Locked: a parent that is just being ended must not get a child.
    live = Budget.objects.filter(pk=parent_id, organisation_id=organisation_id, deallocated_at=None)
    parent = in_lock_order(live).first()
    if parent is None:
        raise InvalidInput("There is no such budget in this organisation.", field="parent")
    if parent.depth + 1 >= DEEPEST:
        raise InvalidInput(f"A tree of budgets is at most {DEEPEST} deep.", field="parent")
    return parent
