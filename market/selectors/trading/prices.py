"""Reference prices."""

from __future__ import annotations

from budgets.domain.units import Unit
from market.domain.policy import PolicyTerms
from market.domain.trading.reference import Reference, reference_of
from market.models import Auction, Instrument

PRICED_BY = {"auction": Auction.Kind.CALL, "continuous": Auction.Kind.BOOK}
"""Which clearings make the reference price of an instrument, by its mechanism."""


def get_reference(instrument: Instrument, terms: PolicyTerms) -> Reference:
    """The reference price of an instrument (stored or not yet) and its collar. One query."""
    cleared = Auction.objects.filter(
        instrument=instrument.pk,
        kind=PRICED_BY[instrument.mechanism],
        status=Auction.Status.CLEARED,
        price_ticks__isnull=False,
    ).order_by("-pk")
    traded = cleared.values_list("price_ticks", "volume_lots")[: terms.market.reference_calls]
    return reference_of(
        [(price, lots) for price, lots in traded if price is not None],
        unit=Unit(instrument.unit),
        model_class=instrument.model_class,
        lot_units=instrument.lot_units,
        terms=terms,
    )
