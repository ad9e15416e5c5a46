"""One budget in plain words: what it is made of, what presses on it, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.urls import reverse

from budgets.domain.alerts import AlertFacts
from budgets.domain.gears import BATCH_ABOVE, LEASE_ABOVE, LEASE_WAIT_SECONDS, Gear, GearChoice
from budgets.domain.quota import QUOTA_PREFIX
from budgets.domain.states import BudgetState
from budgets.domain.units import Unit, from_steps
from budgets.selectors import EconomyFacts, HoldOnBudget, LeaseFacts, PastPeriod, SpendHour
from dashboard.domain import figures
from dashboard.domain.figures import moment
from dashboard.presentation.budgets import budget_row, cell, counted, exact, percent_words, period_words
from dashboard.presentation.forecasts import forecast_row
from dashboard.presentation.told import alert_words
from dashboard.selectors.budget import MOST_HOLDS, BudgetStory

Row = dict[str, Any]

_REQUEST = "request:"
_GEAR_WORDS = {
    Gear.DIRECT: "direct: each reservation in a round trip of its own",
    Gear.BATCHED: "batched: concurrent reservations share a commit",
    Gear.LEASED: "leased: from a block in escrow, touching this budget alone",
}


def story_rows(story: BudgetStory, *, now: datetime) -> Row:
    """Everything the page of a budget shows, but for the ledger."""
    budget = story.budget
    return {
        "row": budget_row(budget, story.escrowed.get(budget.id)),
        "sub": f"{budget.level.capitalize()} budget{f' of {budget.team_name}' if budget.team_name else ''}",
        "period_since": moment(budget.period_starts_at),
        "parts": composition(budget),
        "rules": rules(budget),
        "path": path_rows(story.path),
        "children": [budget_row(child, story.escrowed.get(child.id)) for child in story.children],
        "forecast": forecast_row(story.forecast, now=now) if story.forecast else None,
        "hours": [hour_row(hour, budget.unit, now=now) for hour in story.hours],
        "hours_unit": {"tokens": "tokens", "carbon_g": "g CO₂e", "micro_usd": "USD", "energy_wh": "Wh"}[budget.unit],
        "holds": [hold_row(hold, budget.unit) for hold in story.holds[:MOST_HOLDS]],
        "has_more_holds": len(story.holds) > MOST_HOLDS,
        "leases": [lease_row(lease, budget) for lease in story.leases],
        "gear": gear_row(story),
        "alerts": [alert_row(alert) for alert in story.alerts],
        "periods": [period_row(period, budget.unit) for period in story.periods],
        "economy": economy_row(story.economy),
    }


def composition(budget: BudgetState) -> list[Row]:
    """What the limit is made of; the parts add up to it."""
    parts = [
        ("Base", "allotted for a period", budget.base_limit),
        ("Carried over", "from the period before", budget.carried),
        ("Pooled", "drawn from the pool above", budget.pooled),
        ("Bonus", "earned by efficiency, or bought", budget.bonus),
        ("Sold", "sold or lent away for this period", -budget.sold),
    ]
    rows = [{"name": name, "note": note, "value": exact(value, budget.unit)} for name, note, value in parts]
    return [*rows, {"name": "Limit", "note": "", "value": exact(budget.limit, budget.unit), "is_total": True}]


def rules(budget: BudgetState) -> list[tuple[str, str]]:
    """Policies of the budget, in words."""
    unit = budget.unit
    lent = f"{exact(budget.pool, unit)}, {exact(budget.pool_drawn, unit)} of it drawn" if budget.pool else "nothing"
    over = (
        f"{budget.rollover_percent} % of what is left, at most {budget.rollover_cap_percent} % of the base"
        if budget.rollover_percent
        else "nothing"
    )
    return [
        ("Period", period_words(budget)),
        ("Pays for", f"work of class {budget.model_class} only" if budget.model_class else "work of every model class"),
        ("Tradeable", exact(budget.tradeable, unit)),
        ("May sell or lend away in a period", f"{budget.tradeable_percent} % of the base"),
        ("Carries over", over),
        (
            "May draw on the pool above",
            f"up to {budget.overflow_percent} % of the base" if budget.overflow_percent else "nothing",
        ),
        ("Lends to those below", lent),
        ("Rebalancing leaves at least", exact(budget.floor, unit)),
        ("Changes", "wait for a second person" if budget.needs_two else "take effect at once"),
    ]


def path_rows(path: Sequence[BudgetState | None]) -> list[Row]:
    """Each level with its room; of each unit, the level with the least room decides."""
    tightest: dict[Unit, BudgetState] = {}
    for level in path:
        if level and (level.unit not in tightest or level.available <= tightest[level.unit].available):
            tightest[level.unit] = level
    return [
        {**budget_row(level), "is_tightest": tightest[level.unit] is level} if level else {"is_hidden": True}
        for level in path
    ]


def hour_row(hour: SpendHour, unit: Unit, *, now: datetime) -> Row:
    """One column of the chart and one row of the table below it. Money is drawn in USD."""
    value = hour.spent / 1_000_000 if unit is Unit.MICRO_USD else hour.spent
    return {
        "starts_at": hour.starts_at.isoformat(),
        "clock": f"{hour.starts_at:%a %d %b %H:%M}",
        "unix": int(hour.starts_at.timestamp()),
        "is_now": hour.starts_at <= now < hour.ends_at,
        "value": f"{value:f}",
        "spent": exact(hour.spent, unit),
        "refusals": figures.whole(hour.refusals),
        "is_refused": hour.refusals > 0,
    }


def hold_row(hold: HoldOnBudget, unit: Unit) -> Row:
    """One open hold: for what, how much of this budget, and until when nobody needs to settle it."""
    request_id = hold.reference.removeprefix(_REQUEST)
    is_request = hold.reference.startswith(_REQUEST) and len(request_id) == 36
    return {
        "reference": _words_of(hold),
        "url": reverse("request", args=[request_id]) if is_request else "",
        "leaf": hold.leaf_name,
        "leaf_url": reverse("budget-page", args=[hold.leaf_id]),
        "actor": hold.actor,
        "status": hold.status,
        "tone": "info" if hold.status == "dispatched" else "calm",
        "gear": "" if hold.is_block else hold.gear,
        "reserved": exact(hold.reserved, unit),
        "made_at": hold.created_at.isoformat(),
        "ends_at": "" if hold.is_block or hold.is_on_offer else hold.lease_expires_at.isoformat(),
    }


def _words_of(hold: HoldOnBudget) -> str:
    """What it is for. Quota on offer has no end of its own: it goes with its order, loan or donation."""
    if hold.is_block:
        return "block in escrow"
    return f"on offer: {hold.reference.removeprefix(QUOTA_PREFIX)}" if hold.is_on_offer else hold.reference


def lease_row(lease: LeaseFacts, budget: BudgetState) -> Row:
    """One block in escrow, as it stands at this budget; at its own leaf, as it stands at the parent."""
    here = next((each for each in lease.at_ancestors if each.budget_id == budget.id), None)
    shown = here or next(iter(lease.at_ancestors), None)
    return {
        "leaf": lease.budget_name,
        "leaf_url": reverse("budget-page", args=[lease.budget_id]),
        "is_own": lease.budget_id == budget.id,
        "at": "" if here or not shown else shown.budget_name,
        "status": lease.status,
        "opened_at": lease.opened_at.isoformat(),
        "used_at": lease.last_used_at.isoformat(),
        **{
            name: exact(getattr(shown, name), shown.unit) if shown else figures.UNKNOWN
            for name in ("reserved", "free", "used", "pending")
        },
    }


def gear_row(story: BudgetStory) -> Row:
    """How reservations of this budget were admitted of late, what chooses, and what its block has left."""
    gear, unit = story.gear, story.budget.unit
    asked = sum(story.gears_used.values())
    if gear.choice is GearChoice.AUTO:
        why = (
            f"Chosen by measured contention: a shared commit from {BATCH_ABOVE:g} reservations at once at the root, "
            f"a block in escrow from {LEASE_ABOVE:g} a second of one budget that take "
            f"{1000 * LEASE_WAIT_SECONDS:g} ms and more, directly otherwise."
        )
    else:
        why = f"Pinned to {gear.choice.value} by an administrator."
    return {
        "choice": "automatic" if gear.choice is GearChoice.AUTO else "pinned",
        "latest": gear.latest.value if gear.latest else "",
        "latest_at": gear.latest_at.isoformat() if gear.latest_at else "",
        "used": [
            {"words": _GEAR_WORDS[name], "count": f"{count:,}", "percent": f"{100 * count / asked:.0f} %"}
            for name, count in sorted(story.gears_used.items(), key=lambda item: -item[1])
            if count
        ],
        "block": exact(from_steps(unit, gear.block_free.of(unit)), unit) if gear.block_free else "",
        "why": f"{why} The answer is the same in every gear.",
    }


def alert_row(alert: AlertFacts) -> Row:
    """One alert: what was passed and when, and what became of its deliveries."""
    words, tone = alert_words(alert)
    told = [
        f"{count} {word}"
        for count, word in ((alert.delivered, "delivered"), (alert.waiting, "waiting"), (alert.failed, "failed"))
        if count
    ]
    none = "no channel takes it" if alert.is_fanned_out else "about to be sent"
    used = alert.spent + alert.reserved if alert.spent is not None and alert.reserved is not None else None
    known = used is not None and alert.limit is not None
    return {
        "at": alert.at.isoformat(),
        "at_words": moment(alert.at),
        "words": words,
        "tone": tone,
        "used": f"{cell(used, alert.unit)} of {cell(alert.limit, alert.unit)}" if known else figures.UNKNOWN,
        "deliveries": ", ".join(told) or none,
        "has_failed": alert.failed > 0,
    }


def period_row(period: PastPeriod, unit: Unit) -> Row:
    """How a period ended."""
    share = float(100 * period.spent / period.limit) if period.limit else None
    refused = f"{period.refusals:,} in {counted(period.hours_refused, 'hour', 'hours')}" if period.refusals else "0"
    return {
        "from": moment(period.starts_at),
        "to": moment(period.ended_at),
        "spent": cell(period.spent, unit),
        "limit": cell(period.limit, unit),
        "percent": percent_words(share) if share is not None else figures.UNKNOWN,
        "overdraft": cell(period.overdraft, unit),
        "refused": refused,
        "efficiency": figures.UNKNOWN if period.efficiency is None else f"{period.efficiency:.2f}",
    }


def economy_row(economy: EconomyFacts | None) -> Row | None:
    """What finished work of this period was worth, in tokens; no money."""
    if economy is None:
        return None
    known = economy.efficiency is not None

    def score(value: float) -> str:
        return f"{Decimal(value):,.0f}" if known else figures.UNKNOWN

    return {
        "efficiency": f"{economy.efficiency:.2f}" if economy.efficiency is not None else figures.UNKNOWN,
        "roi": f"{economy.roi:+.2f}".replace("-", "−") if economy.roi is not None else figures.UNKNOWN,
        "value": score(economy.value_creation),
        "bonus": score(economy.collaboration_bonus),
        "gain": score(economy.efficiency_gain),
        "work": counted(economy.work_count, "piece of work", "pieces of work"),
        "is_known": known,
    }
