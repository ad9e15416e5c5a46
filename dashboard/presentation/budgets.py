"""Budgets as rows of plain words, the same for a page and for a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.urls import reverse

from budgets.domain.states import BudgetState
from budgets.domain.units import Unit
from dashboard.domain import figures
from dashboard.domain.forest import Node, roots_of
from dashboard.selectors.budgets import BudgetBoard

Row = dict[str, Any]

BAND_TONES = {"ok": "good", "warn": "warn", "critical": "bad", "emergency": "bad"}
UNIT_WORDS = {Unit.TOKENS: "tokens", Unit.CARBON_G: "CO₂e", Unit.MICRO_USD: "USD", Unit.ENERGY_WH: "Wh"}
PERIOD_WORDS = {"one_off": "once", "hour": "an hour", "day": "a day", "week": "a week", "month": "a month"}
_SUM_TITLES = {
    Unit.TOKENS: "Tokens left",
    Unit.CARBON_G: "CO₂e left",
    Unit.MICRO_USD: "Money left",
    Unit.ENERGY_WH: "Energy left",
}
_LEDGER_WORDS = {Unit.CARBON_G: "g CO₂e", Unit.ENERGY_WH: "Wh"}


def budget_rows(budgets: Sequence[BudgetState], escrowed: Mapping[UUID, Decimal]) -> list[Row]:
    """Budgets past a threshold first, the fullest on top; the others below in the order of their tree."""
    strained = sorted((each for each in budgets if each.status != "ok"), key=lambda each: -each.used_percent)
    calm = [each for each in budgets if each.status == "ok"]
    rows = [{**budget_row(each, escrowed.get(each.id)), "depth": "depth-0"} for each in strained]
    return rows + [budget_row(each, escrowed.get(each.id)) for each in calm]


def budget_row(budget: BudgetState, escrowed: Decimal | None = None) -> Row:
    """One budget: how much of it is spent, held and left. `escrowed` is the part of reserved in blocks in escrow."""
    unit = budget.unit
    return {
        "key": str(budget.id),
        "url": reverse("budget-page", args=[budget.id]),
        "name": budget.name,
        "depth": f"depth-{min(budget.depth, 4)}",
        "team": budget.team_name,
        "level": budget.level,
        "unit": UNIT_WORDS[unit],
        "left": f"{amount(budget.available, unit)} left of {amount(budget.limit, unit)} {period_words(budget)}",
        "percent": percent_words(budget.used_percent),
        **gauge(spent=budget.spent, reserved=budget.reserved, limit=budget.limit),
        "parts": f"{amount(budget.spent, unit)} spent, {amount(budget.reserved, unit)} held",
        "limit": cell(budget.limit, unit),
        "spent": cell(budget.spent, unit),
        "reserved": cell(budget.reserved, unit),
        "escrowed": f"{cell(escrowed, unit)} in escrow" if escrowed else "",
        "escrowed_note": f", {amount(escrowed, unit)} of it in escrow" if escrowed else "",
        "available": cell(budget.available, unit),
        "overdraft": cell(budget.overdraft, unit),
        "overdrawn": "overdrawn" if budget.overdraft else "",
        "period": period_words(budget),
        "resets_at": budget.period_ends_at.isoformat() if budget.period_ends_at else "",
        "status": budget.status,
        "tone": BAND_TONES.get(budget.status, "calm"),
        "shape": shape_of(budget),
    }


def shape_of(budget: BudgetState) -> str:
    """What a page that shows a tree reads itself anew for: all else is patched in place."""
    return f"{budget.parent_id}|{budget.name}|{budget.status}|{budget.limit}|{budget.crossed}|{budget.period_starts_at}"


def gauge(*, spent: Decimal, reserved: Decimal, limit: Decimal) -> Row:
    """Where the bars of a gauge of 100 begin and how long they are."""
    share = Decimal(100) / limit if limit else Decimal(0)
    filled, held = float(spent * share), float(reserved * share)
    filled = min(100.0, filled)
    return {
        "spent_width": f"{filled:.2f}",
        "held_x": f"{filled:.2f}",
        "held_width": f"{min(100.0 - filled, held):.2f}",
    }


def percent_words(percent: float) -> str:
    """How full, in whole percent; with a decimal where a whole number would call it full before it is."""
    return f"{percent:.1f} %" if 99.5 <= percent < 100 else f"{percent:.0f} %"


def period_words(budget: BudgetState) -> str:
    """How long its limit lasts."""
    if budget.window_hours:
        return f"in any {budget.window_hours} h"
    return PERIOD_WORDS.get(budget.period, budget.period)


def amount(value: Decimal, unit: Unit) -> str:
    """An amount of a budget with its unit."""
    return f"{figures.whole(value)} tokens" if unit is Unit.TOKENS else cell(value, unit)


def cell(value: Decimal | None, unit: Unit) -> str:
    """An amount below a heading that names the unit: tokens as a bare number."""
    if value is None:
        return figures.UNKNOWN
    if unit is Unit.TOKENS:
        return figures.whole(value)
    if unit is Unit.CARBON_G:
        return figures.mass_text(float(value))
    return figures.energy_text(float(value)) if unit is Unit.ENERGY_WH else figures.usd(int(value))


def exact(value: Decimal, unit: Unit, *, signed: bool = False) -> str:
    """An amount as the ledger has it, to the last step, with its unit."""
    sign = "−" if value < 0 else "+" if signed and value > 0 else ""
    size = abs(value)
    if unit is Unit.TOKENS:
        return f"{sign}{size:,.0f} {'token' if size == 1 else 'tokens'}"
    if unit in _LEDGER_WORDS:
        digits = f"{size:,.6f}".rstrip("0").rstrip(".")
        return f"{sign}{digits} {_LEDGER_WORDS[unit]}"
    return f"{sign}${size / 1_000_000:,.6f}"


def picture_rows(board: BudgetBoard) -> list[Row]:
    """The global picture as cards: each unit summed over the roots, then what is going on."""
    roots = roots_of(board.budgets)
    cards = [_sum_card(unit, [root for root in roots if root.unit is unit]) for unit in Unit]
    return [card for card in cards if card] + _activity_cards(board)


def _sum_card(unit: Unit, roots: Sequence[BudgetState]) -> Row:
    if not roots:
        return {}
    limit, spent, reserved, available = (
        sum((getattr(root, name) for root in roots), Decimal(0)) for name in ("limit", "spent", "reserved", "available")
    )
    value, _, unit_word = amount(available, unit).partition(" ")
    tones = [BAND_TONES.get(root.status, "calm") for root in roots]
    return {
        "key": unit.value,
        "title": _SUM_TITLES[unit],
        "value": value,
        "unit": unit_word or "USD",
        "gauge": "gauge",
        **gauge(spent=spent, reserved=reserved, limit=limit),
        "tone": max(tones, key=["calm", "good", "warn", "bad"].index),
        "note": f"of {cell(limit, unit)} over {counted(len(roots), 'root', 'roots')}: "
        f"{cell(spent, unit)} spent, {cell(reserved, unit)} reserved",
    }


def _activity_cards(board: BudgetBoard) -> list[Row]:
    seen = board.picture
    gears = ", ".join(f"{count:,} {gear}" for gear, count in sorted(seen.gears.items()))
    asked = sum(seen.gears.values())
    return [
        _card(
            "holds",
            "Open holds",
            seen.open_holds,
            "hold" if seen.open_holds == 1 else "holds",
            f"{counted(seen.open_leases, 'block', 'blocks')} in escrow for busy leaves",
        ),
        _card(
            "gears",
            "Reserved, last 10 min",
            asked,
            "hold" if asked == 1 else "holds",
            gears or "no reservation, so no gear in use",
        ),
        _card(
            "deliveries",
            "Alerts on their way",
            seen.waiting_deliveries,
            "delivery" if seen.waiting_deliveries == 1 else "deliveries",
            "waiting to be sent by e-mail or webhook",
        ),
    ]


def _card(key: str, title: str, value: int, unit: str, note: str) -> Row:
    drawn = {"gauge": "gauge none", "spent_width": "0", "held_x": "0", "held_width": "0", "tone": "calm"}
    return {"key": key, "title": title, "value": figures.whole(value), "unit": unit, "note": note, **drawn}


def counted(count: int, one: str, many: str) -> str:
    """So many of something."""
    return f"{count:,} {one if count == 1 else many}"


def node_rows(nodes: Sequence[Node], escrowed: Mapping[UUID, Decimal], *, most: int) -> tuple[list[Row], int]:
    """Trees as nested rows, at most `most` of them, and how many there are in all."""
    seen = 0

    def rows_of(level: Sequence[Node]) -> list[Row]:
        nonlocal seen
        rows = []
        for node in level:
            seen += 1
            is_shown = seen <= most
            row = {**budget_row(node.state, escrowed.get(node.state.id)), "is_found": node.is_found}
            row["children"] = rows_of(node.children)
            if is_shown:
                rows.append(row)
        return rows

    return rows_of(nodes), seen


def pool_rows(budgets: Sequence[BudgetState]) -> list[Row]:
    """Pools that warn at amounts: how much is used, and which amounts are passed."""
    return [_pool_row(budget) for budget in budgets if budget.warning_amounts]


def _pool_row(budget: BudgetState) -> Row:
    used = budget.spent + budget.reserved
    return {
        **budget_row(budget),
        "marks": [
            {
                "at": amount(each, budget.unit),
                "x": f"{min(Decimal(100), 100 * each / budget.limit) if budget.limit else 100:.2f}",
                "word": "passed" if used >= each else "not reached",
                "tone": "warn" if used >= each else "calm",
            }
            for each in budget.warning_amounts
        ],
    }
