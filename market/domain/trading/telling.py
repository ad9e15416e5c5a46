"""What became of a call, in plain words."""

from __future__ import annotations

from market.domain.trading.call import CallStatus, CallTerms, Cleared
from market.domain.trading.instruments import usd_per_unit

UNIT_WORDS = {"tokens": "token", "carbon_g": "g CO2e", "energy_wh": "Wh"}


def tell_call(cleared: Cleared, terms: CallTerms, *, unit: str, lot_units: int) -> str:
    """One paragraph: what was wanted and offered, the price and why, who was rationed, what need changed."""
    if cleared.status == CallStatus.CARRIED:
        return (
            f"Carried to the next call: {cleared.bid_teams} teams wanted and {cleared.ask_teams} offered;"
            f" at least {terms.least_principals} a side are needed."
        )
    if cleared.price_ticks is None:
        return "No bid met an offer inside the collar. Orders stay for the next call."
    price = f"{usd_per_unit(cleared.price_ticks, lot_units):f} US$ a {UNIT_WORDS[unit]}"
    if cleared.status == CallStatus.HALTED:
        return (
            f"Halted: the price would have been {price}, more than {terms.volatility_percent} % from the reference"
            f" ({usd_per_unit(terms.reference_ticks, lot_units):f} US$). Nothing changed hands."
        )
    return " ".join(
        (
            f"{cleared.volume_lots:,} lots of {lot_units:,} at {price}, one price for all.",
            _long_side(cleared),
            _justice(cleared, terms),
        )
    )


def _long_side(cleared: Cleared) -> str:
    if not cleared.imbalance_lots:
        return "All that was wanted and offered at this price changed hands."
    side, other = ("wanted", "offered") if cleared.imbalance_lots > 0 else ("offered", "wanted")
    return (
        f"{abs(cleared.imbalance_lots):,} lots more were {side} than {other}: the orders at the margin shared what"
        " there was by teams' weights."
    )


def _justice(cleared: Cleared, terms: CallTerms) -> str:
    subsidy = -int(cleared.bid_justice[cleared.bid_justice < 0].sum())
    premium = int(cleared.bid_justice[cleared.bid_justice > 0].sum())
    if not subsidy and not premium:
        return "Need changed no price."
    source = "by the premia of others alone" if terms.fund_micro_usd is None else "by premia and the Fund"
    return (
        f"Subsidies at {cleared.factor_percent} % of their full rate ({_usd(subsidy)} US$) were paid {source}"
        f" ({_usd(premium)} US$ of premia)."
    )


def _usd(micro_usd: int) -> str:
    return f"{micro_usd // 1_000_000}.{micro_usd % 1_000_000:06d}"
