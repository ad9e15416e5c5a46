"""The simulated week in plain words. Nothing here happened: every figure stands under the word simulation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from dashboard.domain import figures
from market.domain.trading.simulation.shown import (
    PolicyWeek,
    SimulatedGroup,
    SimulatedHour,
    SimulatedWay,
    SimulatedWeek,
)

Row = dict[str, Any]
WAYS = {"no_market": "Without a market", "market": "With the market", "no_adder": "With the market, no carbon adder"}
CHART = json.dumps(
    {
        "x": "time",
        "series": [
            {"label": "traded", "colour": "volume", "kind": "bars", "scale": "second"},
            {"label": "price", "colour": "live-line"},
        ],
    }
)


def week_board(week: SimulatedWeek, policy: str) -> Row:
    """The week under one policy (the first one where there is none by that name)."""
    chosen = next((each for each in week.policies if each.policy == policy), week.policies[0])
    return {
        "label": week.label.removeprefix("SIMULATION: ").capitalize(),
        "policies": [each.policy for each in week.policies],
        "chosen": chosen.policy,
        "justice": chosen.justice,
        "ways": [_way(each) for each in chosen.ways],
        "tables": [
            _table("groups", "Who paid and who received, by income of the country", "Income group", chosen.groups),
            _table("tiers", "The same by what the work is for", "Tier of the purpose", chosen.tiers),
        ],
        "verdict": _verdict(chosen),
        "hours": [_hour(each) for each in chosen.hours],
        "chart": CHART,
        "made_on": f"{week.made_on:%d %b %Y}",
        "starts_at": figures.moment(week.starts_at),
        "requests": figures.whole(week.requests),
        "teams": figures.whole(week.teams),
        "command": week.command,
        "sources": [f"{each.name}: {each.used_for} ({each.licence})" for each in week.sources],
        "assumptions": list(week.assumptions),
    }


def week_cards(week: SimulatedWeek, policy: str) -> list[Row]:
    """The week in four figures."""
    chosen = next((each for each in week.policies if each.policy == policy), week.policies[0])
    alone, market, bare = (chosen.way(name) for name in ("no_market", "market", "no_adder"))
    return [
        _card("Unused quota", _share(market.unused_tokens, market.quota_tokens), _unused_note(alone)),
        _card("Refused for want of quota", figures.whole(market.refused_tokens), _refused_note(alone)),
        _card("Carbon of bought quota", _grams(market.traded_g_per_1k_tokens), _bare_note(bare)),
        _card("The Fund", f"${market.fund_usd:,.2f}", _fund_note(chosen)),
    ]


def _verdict(chosen: PolicyWeek) -> str:
    """What the week says about carbon, also where it speaks against the market."""
    alone, market, bare = (chosen.way(name) for name in ("no_market", "market", "no_adder"))
    change = _compared(market.g_per_1k_tokens, alone.g_per_1k_tokens)
    told = [
        f"A token that ran emitted {change} with the market than without: bought quota runs where its seller’s did."
    ]
    if market.traded_g_per_1k_tokens is not None and bare.traded_g_per_1k_tokens is not None:
        change = _compared(market.traded_g_per_1k_tokens, bare.traded_g_per_1k_tokens)
        told.append(f"Of bought tokens each emitted {change} with the carbon adder than without it.")
    return " ".join(told)


def _compared(value: float, other: float) -> str:
    """By how many percent a figure is above or below another, to a hundredth."""
    change = 100 * (value / other - 1) if other else 0.0
    return f"{abs(change):.2f} % {'more' if change > 0 else 'less'}"


def _card(title: str, value: str, note: str) -> Row:
    return {"title": title, "value": value, "unit": "", "note": note}


def _unused_note(alone: SimulatedWay) -> str:
    return f"of all tokens; {_share(alone.unused_tokens, alone.quota_tokens)} without a market"


def _refused_note(alone: SimulatedWay) -> str:
    return f"tokens; {figures.whole(alone.refused_tokens)} without a market"


def _bare_note(bare: SimulatedWay) -> str:
    return f"for 1,000 tokens; {_grams(bare.traded_g_per_1k_tokens)} without the adder"


def _fund_note(chosen: PolicyWeek) -> str:
    return f"at the end; it began with an assumed ${chosen.fund_began_usd:,.2f}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else figures.UNKNOWN


def _grams(grams: float | None) -> str:
    return figures.mass_text(grams)


def _way(way: SimulatedWay) -> Row:
    return {
        "name": WAYS.get(way.name, way.name),
        "used": figures.whole(way.used_tokens),
        "unused": figures.whole(way.unused_tokens),
        "refused": figures.whole(way.refused_tokens),
        "traded": figures.whole(way.traded_tokens),
        "carbon": figures.mass_text(way.carbon_g),
        "per_1k": _grams(way.g_per_1k_tokens),
        "bought_per_1k": _grams(way.traded_g_per_1k_tokens),
        "fund": f"${way.fund_usd:,.2f}",
    }


def _table(key: str, title: str, head: str, groups: Sequence[SimulatedGroup]) -> Row:
    return {"id": f"{key}-h", "title": title, "head": head, "rows": [_group(each) for each in groups]}


def _group(group: SimulatedGroup) -> Row:
    return {
        "name": group.name.replace("_", " ").capitalize(),
        "teams": figures.whole(group.teams),
        "asked": figures.whole(group.asked_tokens),
        "bought": figures.whole(group.bought_tokens),
        "paid": _usd(group.paid_usd),
        "justice": _usd(group.justice_usd),
        "sold": figures.whole(group.sold_tokens),
        "received": _usd(group.received_usd),
        "adder": _usd(group.adder_usd),
        "without": f"{group.refused_percent_without:.1f} %",
        "with": f"{group.refused_percent_with:.1f} %",
    }


def _usd(amount: Decimal) -> str:
    return f"{'−' if amount < 0 else ''}${abs(amount):,.2f}"


def _hour(hour: SimulatedHour) -> Row:
    price = hour.usd_per_1k_tokens
    return {
        "unix": int(hour.starts_at.timestamp()),
        "values": f"{hour.traded_tokens},{'' if price is None else price}",
        "clock": f"{hour.starts_at:%a %d %b %H:00}",
        "price": hour.status.replace("_", " ") if price is None else f"${price.normalize():f}",
        "traded": figures.whole(hour.traded_tokens),
        "wanted": figures.whole(hour.wanted_tokens),
        "offered": figures.whole(hour.offered_tokens),
        "factor": f"{hour.factor_percent} %",
        "fund": _usd(hour.fund_usd),
    }
