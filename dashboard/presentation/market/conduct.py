"""Reputation, flags, standing rules and registry units in plain words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from dashboard.domain import figures
from dashboard.domain.sight import Sight
from dashboard.presentation.market.quota import PRICE_UNITS, QUANTITY_UNITS, UNITS_OF_A_PRICE
from market.selectors.trading.conduct import FlagFacts, RegistryUnits, RuleFacts
from market.selectors.trading.reputation import Reputation

Row = dict[str, Any]
PART_NAMES = {
    "delivery": "Delivered on time",
    "accuracy": "Estimates that held",
    "early_return": "Returned early",
    "collaboration": "Collaboration",
}
_FLAGS = {"open": ("open", "warn"), "upheld": ("upheld", "bad"), "lifted": ("lifted", "calm")}
GRAMS_PER_TONNE = 1_000_000


def score_row(reputation: Reputation, *, team_name: str) -> Row:
    """A team's score and what it is made of."""
    parts = {part.name: part for part in reputation.parts}
    return {
        "team": reputation.team_name or team_name,
        "score": figures.UNKNOWN if reputation.score is None else f"{reputation.score:.2f}",
        "as_of": f"{reputation.basis}, {figures.moment(reputation.as_of)}",
        "parts": [_part(parts.get(name)) for name in PART_NAMES],
    }


def _part(part: Any) -> Row:
    if part is None or part.value is None:
        return {"value": figures.UNKNOWN, "note": "nothing seen"}
    return {"value": f"{part.value:.2f}", "note": f"weight {part.weight:g}, {part.count:g} seen"}


def flag_row(flag: FlagFacts, *, sight: Sight) -> Row:
    """A pattern, its evidence, and what became of it."""
    status, tone = _FLAGS[flag.status]
    appeals = [f"Appeal of {figures.moment(each.at)} is {each.status}: {each.text}" for each in flag.appeals]
    decided = f"{figures.moment(flag.decided_at)}: {flag.decision_reason}" if flag.decided_at else ""
    return {
        "id": flag.id,
        "title": f"{flag.kind.capitalize()}: {flag.title}",
        "team": flag.team_name,
        "status": status,
        "tone": tone,
        "span": f"{figures.moment(flag.since)} to {figures.moment(flag.until)}",
        "evidence": "; ".join(f"{name.replace('_', ' ')} {_told(value)}" for name, value in flag.evidence.items()),
        "charge": figures.usd(flag.charge_micro_usd) if flag.charge_micro_usd else "",
        "decision": " ".join([*appeals, decided]).strip(),
        "may_appeal": flag.may_appeal and flag.team_id == sight.trading_team_id,
    }


def _told(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)}: {', '.join(str(each) for each in value[:3])}{' …' if len(value) > 3 else ''}"
    return figures.whole(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)


def rule_row(rule: RuleFacts, *, sight: Sight) -> Row:
    """What the worker may do, and what it did last."""
    unit = QUANTITY_UNITS[rule.unit]
    if rule.kind == "sell_unused":
        words = f"Sell what will not be used by {rule.by_hour_utc}:00 UTC"
    else:
        words = "Buy before it runs out"
    spends = f", {_usd(rule.most_usd_per_day)}" if rule.most_usd_per_day is not None else ""
    return {
        "id": rule.id,
        "words": words,
        "budget": f"{rule.team_name} · {rule.budget_name}",
        "state": "runs" if rule.is_active else "paused",
        "tone": "good" if rule.is_active else "calm",
        "limit": f"{_usd(rule.limit_price_usd * UNITS_OF_A_PRICE)} for {PRICE_UNITS[rule.unit]}",
        "most": f"{rule.most_per_day:,f} {unit}{spends}",
        "outcome": rule.last_outcome or "has not run yet",
        "last_at": rule.last_run_at.isoformat() if rule.last_run_at else "",
        "may_change": rule.team_id == sight.trading_team_id,
        "act": "pause" if rule.is_active else "resume",
    }


def _usd(amount: Decimal) -> str:
    return f"${amount.normalize():,f}"


def unit_row(unit: RegistryUnits) -> Row:
    """A block of registry units, and what keeps it from being verified."""
    return {
        "serials": f"{unit.serial_prefix}{unit.serial_first}–{unit.serial_last}",
        "registry": unit.registry,
        "team": unit.team_name,
        "project": f"{unit.project_id} {unit.project_name}".strip() or figures.UNKNOWN,
        "vintage": f"vintage {unit.vintage}" if unit.vintage else "vintage unknown",
        "verified": "verified" if unit.is_verified else "not verified",
        "tone": "good" if unit.is_verified else "warn",
        "missing": f"missing: {', '.join(name.replace('_', ' ') for name in unit.missing)}" if unit.missing else "",
        "tonnes": f"{figures.whole(unit.units)} t CO₂e",
        "used": f"{figures.two_digits(unit.used_g / GRAMS_PER_TONNE)} t CO₂e",
    }
