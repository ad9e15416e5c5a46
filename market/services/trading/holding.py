"""Nobody corners an instrument."""

from __future__ import annotations

from django.db.models import F, Q, Sum

from budgets import selectors as budgets
from config.kernel.errors import Conflict
from market.domain.trading.instruments import Contract
from market.domain.trading.orders import holding_limit_lots
from market.domain.trading.terms import MarketTerms
from market.models import Loan, Order, Trade

BY_TEAMS = (Order.Source.TEAM, Order.Source.RULE)


def require_holding(
    team_id: int, contract: Contract, lots: int, terms: MarketTerms, *, field: str | None = "quantity"
) -> None:
    """Hold a team to the policy's share of all quota: what it has of an instrument, bids for and wants with this ask.

    It has what it bought and what it borrowed. All quota is what is allotted of the instrument's unit, period and
    class; one lot may always be had. Raises Conflict `holding_limit` naming `field`, with the facts `most` and
    `held` in units. The instrument is locked by the caller's transaction.
    """
    most, held = most_lots(contract, terms), held_lots(team_id, contract.code)
    if held + lots <= most:
        return
    most_units, held_units = most * contract.lot_units, held * contract.lot_units
    raise Conflict(
        f"Your team may buy and borrow {most_units:,} {contract.unit} of {contract.code}"
        f" ({terms.holding_limit_percent} % of all there is) and has bought, borrowed or bid for {held_units:,}.",
        field=field,
        code="holding_limit",
        most=most_units,
        held=held_units,
    )


def most_lots(contract: Contract, terms: MarketTerms) -> int:
    """Lots of an instrument that one team may buy and borrow."""
    total = budgets.total_base_steps(unit=contract.unit, period=contract.period, model_class=contract.model_class)
    return holding_limit_lots(total_base_steps=total, percent=terms.holding_limit_percent, lot_steps=contract.lot_steps)


def held_lots(team_id: int, code: str) -> int:
    """Lots that a team bought of an instrument, and has not had to give back, bids for, or has on loan."""
    bids = Order.objects.filter(instrument=code, team=team_id, side=Order.Side.BUY, source__in=BY_TEAMS)
    sums = bids.aggregate(
        bought=Sum("filled_lots"), wanted=Sum(F("lots") - F("filled_lots"), filter=Q(status=Order.Status.OPEN))
    )
    undone = Trade.objects.filter(order__in=bids, is_reversed=True).aggregate(lots=Sum("lots"))["lots"]
    borrowed = Loan.objects.filter(instrument=code, borrower_team=team_id).aggregate(lots=Sum("outstanding_lots"))
    return (sums["bought"] or 0) - (undone or 0) + (sums["wanted"] or 0) + (borrowed["lots"] or 0)
