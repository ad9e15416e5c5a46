"""Whether work of an estimated size would bring a budget to a threshold, before anybody asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from budgets.domain.bands import Bands, percentages_passed, status_of, used_percent
from budgets.domain.units import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetFigures:
    """A budget on the path, in steps of its unit; `used` is spent and reserved."""

    id: UUID
    name: str
    level: str
    unit: Unit
    limit: int
    used: int
    warning_amounts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceLine:
    """What the work would do to one budget of the path. Amounts in tokens.

    `crosses` are percentages that it would newly reach, `crosses_amounts` warning amounts. Where the
    budget is not in tokens (`is_known` False) all that is None or empty: what tokens will cost in grams
    or money depends on region, hour and price, and a quote tells it.
    """

    budget_id: UUID
    name: str
    level: str
    unit: Unit
    is_known: bool
    limit: Decimal | None
    used: Decimal | None
    would_use: Decimal | None
    used_percent: float
    would_use_percent: float | None
    status: str
    would_be: str | None
    crosses: tuple[int, ...]
    crosses_amounts: tuple[Decimal, ...]
    fits: bool | None
    should_warn: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Whether to warn before work of `estimate_tokens`, with `margin_tokens` on top, and why.

    `is_complete` is False where a budget of the path counts in another unit than tokens.
    """

    budget_id: UUID
    as_of: datetime
    estimate_tokens: int
    margin_tokens: int
    should_warn: bool
    is_complete: bool
    lines: tuple[AdviceLine, ...]
    words: str


def advise(path: Sequence[BudgetFigures], *, tokens: int, margin: int, bands: Bands, as_of: datetime) -> Advice:
    """Advice on a path, leaf first. It warns where a budget would be past a threshold or a warning amount."""
    lines = tuple(_line(each, tokens + margin, bands) for each in path)
    telling = [each.words for each in lines if each.should_warn or not each.is_known]
    return Advice(
        budget_id=path[0].id,
        as_of=as_of,
        estimate_tokens=tokens,
        margin_tokens=margin,
        should_warn=any(each.should_warn for each in lines),
        is_complete=all(each.is_known for each in lines),
        lines=lines,
        words=" ".join(telling) or "Every budget of the path stays below its thresholds.",
    )


def _line(budget: BudgetFigures, more: int, bands: Bands) -> AdviceLine:
    now_percent = used_percent(used=budget.used, limit=budget.limit)
    status = status_of(used=budget.used, limit=budget.limit, bands=bands)
    if budget.unit is not Unit.TOKENS:
        return _unknown(budget, now_percent, status)
    after = budget.used + more
    crosses = _newly(budget, after, bands)
    amounts = tuple(each for each in budget.warning_amounts if budget.used < each <= after)
    would_be = status_of(used=after, limit=budget.limit, bands=bands)
    fits = after <= budget.limit
    is_past = would_be != "ok" or not fits or any(after >= each for each in budget.warning_amounts)
    return AdviceLine(
        budget_id=budget.id,
        name=budget.name,
        level=budget.level,
        unit=budget.unit,
        is_known=True,
        limit=Decimal(budget.limit),
        used=Decimal(budget.used),
        would_use=Decimal(after),
        used_percent=now_percent,
        would_use_percent=used_percent(used=after, limit=budget.limit),
        status=status,
        would_be=would_be,
        crosses=crosses,
        crosses_amounts=tuple(Decimal(each) for each in amounts),
        fits=fits,
        should_warn=is_past,
        words=_words(budget, after, crosses, amounts, fits=fits),
    )


def _unknown(budget: BudgetFigures, now_percent: float, status: str) -> AdviceLine:
    return AdviceLine(
        budget_id=budget.id,
        name=budget.name,
        level=budget.level,
        unit=budget.unit,
        is_known=False,
        limit=None,
        used=None,
        would_use=None,
        used_percent=now_percent,
        would_use_percent=None,
        status=status,
        would_be=None,
        crosses=(),
        crosses_amounts=(),
        fits=None,
        should_warn=False,
        words=f"What it would take from {budget.name}, in {budget.unit}, is unknown: ask for a quote.",
    )


def _newly(budget: BudgetFigures, after: int, bands: Bands) -> tuple[int, ...]:
    """Percentages that are reached after the work and were not before; 100 where it does not fit any more."""
    before = percentages_passed(used=budget.used, limit=budget.limit, bands=bands)
    passed = percentages_passed(used=after, limit=budget.limit, bands=bands)
    full = [100] if after > budget.limit >= budget.used else []
    return tuple(each for each in [*passed, *full] if each not in before)


def _words(budget: BudgetFigures, after: int, crosses: Sequence[int], amounts: Sequence[int], *, fits: bool) -> str:
    percent = used_percent(used=after, limit=budget.limit)
    if not fits:
        return f"{budget.name} would need {after:,} of {budget.limit:,} tokens: that does not fit."
    reached = [*(f"{each} %" for each in crosses), *(f"{each:,} tokens" for each in amounts)]
    if reached:
        return f"{budget.name} would reach {' and '.join(reached)}: {after:,} of {budget.limit:,} tokens."
    return f"{budget.name} would be at {percent:.1f} %: {after:,} of {budget.limit:,} tokens."
