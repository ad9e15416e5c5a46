"""Instruments, books and prices as the API answers them. Prices are decimal strings in US$ for one unit."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from market.api.trading.auction_serializers import HaltOut, PriceField
from market.api.trading.order_serializers import TRADED_CLASSES, TRADED_UNITS, OrderOut
from market.domain.trading.instruments import ANY_CLASS, usd_per_unit
from market.domain.trading.order_views import Book, Depth, PriceRow

BOOK_STATES = ["sealed", "open"]


class InstrumentOut(serializers.Serializer):  # type: ignore[type-arg]
    """What is traded, now. Prices are for one unit."""

    code = serializers.CharField()
    unit = serializers.CharField()
    model_class = serializers.SerializerMethodField()
    period = serializers.CharField()
    period_starts_at = serializers.DateTimeField(allow_null=True)
    period_ends_at = serializers.DateTimeField(allow_null=True)
    lot_units = serializers.IntegerField()
    mechanism = serializers.CharField()
    next_call_at = serializers.DateTimeField(allow_null=True)
    locks_at = serializers.DateTimeField(allow_null=True)
    last_price_usd = serializers.SerializerMethodField()
    last_traded_at = serializers.DateTimeField(allow_null=True)
    reference_usd = serializers.SerializerMethodField()
    reference_basis = serializers.CharField()
    reference_calls = serializers.IntegerField()
    low_usd = serializers.SerializerMethodField()
    high_usd = serializers.SerializerMethodField()

    def get_model_class(self, row: Any) -> str:
        """`any` for quota of every class."""
        return row.model_class or ANY_CLASS

    def get_last_price_usd(self, row: Any) -> str | None:
        """Of the last call that traded."""
        return None if row.last_price_ticks is None else price_of(row.last_price_ticks, row.lot_units)

    def get_reference_usd(self, row: Any) -> str:
        """The reference price."""
        return price_of(row.reference_ticks, row.lot_units)

    def get_low_usd(self, row: Any) -> str:
        """The bottom of the collar."""
        return price_of(row.low_ticks, row.lot_units)

    def get_high_usd(self, row: Any) -> str:
        """The top of the collar."""
        return price_of(row.high_ticks, row.lot_units)


class InstrumentNowOut(InstrumentOut):
    """The same with the halt in force."""

    halt = HaltOut(allow_null=True)


class DepthOut(serializers.Serializer):  # type: ignore[type-arg]
    """So much waits at a price."""

    price_usd = serializers.CharField()
    quantity = serializers.IntegerField()


class ResidualOut(serializers.Serializer):  # type: ignore[type-arg]
    """What the last call left at its price, in units."""

    price_usd = serializers.CharField()
    wanted = serializers.IntegerField()
    offered = serializers.IntegerField()


class BookOut(serializers.Serializer):  # type: ignore[type-arg]
    """What may be known of the orders of an instrument. A sealed call tells nothing of others before it closes."""

    instrument = serializers.CharField()
    unit = serializers.CharField()
    lot_units = serializers.IntegerField()
    state = serializers.ChoiceField(choices=BOOK_STATES)
    closes_at = serializers.DateTimeField(allow_null=True)
    locks_at = serializers.DateTimeField(allow_null=True)
    halted_until = serializers.DateTimeField(allow_null=True)
    is_halted = serializers.BooleanField()
    last_price_usd = serializers.CharField(allow_null=True)
    residual = ResidualOut(allow_null=True)
    bids = DepthOut(many=True)
    asks = DepthOut(many=True)
    own = OrderOut(many=True)


class BookIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of `GET /api/v1/market/book/`."""

    instrument = serializers.SlugField(max_length=60, required=False, default=None)


class PricesIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of `GET /api/v1/market/prices/`."""

    unit = serializers.ChoiceField(choices=TRADED_UNITS, required=False, default=None)
    model_class = serializers.ChoiceField(choices=TRADED_CLASSES, required=False, default=None)
    budget = serializers.UUIDField(required=False, default=None, help_text="What this budget's quota would cost.")
    deadline = serializers.DateTimeField(required=False, default=None, help_text="When the quota is needed.")


class PremiumOut(serializers.Serializer):  # type: ignore[type-arg]
    """One factor of the value, what it adds to one unit, and what it rests on."""

    name = serializers.CharField()
    factor = PriceField()
    adds_usd = PriceField()
    basis = serializers.CharField()


class ValueOut(serializers.Serializer):  # type: ignore[type-arg]
    """What one unit is worth now: an indication, by which nothing trades."""

    reference_usd = PriceField()
    reference_basis = serializers.CharField()
    premia = PremiumOut(many=True)
    value_usd = PriceField()


class PastPriceOut(serializers.Serializer):  # type: ignore[type-arg]
    """A call that traded."""

    closed_at = serializers.DateTimeField()
    price_usd = serializers.CharField()
    quantity = serializers.IntegerField()


class InstrumentPriceOut(serializers.Serializer):  # type: ignore[type-arg]
    """What an instrument costs. Prices are for one unit."""

    instrument = serializers.CharField()
    unit = serializers.CharField()
    model_class = serializers.CharField()
    period = serializers.CharField()
    period_starts_at = serializers.DateTimeField(allow_null=True)
    period_ends_at = serializers.DateTimeField(allow_null=True)
    lot_units = serializers.IntegerField()
    is_traded = serializers.BooleanField(help_text="Whether it has had an order yet.")
    reference_usd = serializers.CharField()
    reference_basis = serializers.CharField()
    reference_calls = serializers.IntegerField()
    low_usd = serializers.CharField()
    high_usd = serializers.CharField()
    last_price_usd = serializers.CharField(allow_null=True)
    last_traded_at = serializers.DateTimeField(allow_null=True)
    history = PastPriceOut(many=True)
    value = ValueOut()
    policy = serializers.CharField()
    as_of = serializers.DateTimeField()


def price_of(ticks: int, lot_units: int) -> str:
    """US$ for one unit as a decimal string, exact."""
    return f"{usd_per_unit(ticks, lot_units):f}"


def book_body(book: Book) -> dict[str, Any]:
    """A book as JSON."""
    row = book.instrument
    last, lot = row.last_price_ticks, row.lot_units
    residual = book.residual if last is not None else None
    return {
        "instrument": row.code,
        "unit": row.unit,
        "lot_units": lot,
        "state": book.state,
        "closes_at": row.next_call_at,
        "locks_at": row.locks_at,
        "is_halted": row.halt is not None,
        "halted_until": row.halt.until if row.halt else None,
        "last_price_usd": None if last is None else price_of(last, lot),
        "residual": None
        if residual is None or last is None
        else {"price_usd": price_of(last, lot), "wanted": residual[0] * lot, "offered": residual[1] * lot},
        "bids": [_depth(each, lot) for each in book.bids],
        "asks": [_depth(each, lot) for each in book.asks],
        "own": OrderOut(book.own, many=True).data,
    }


def price_body(row: PriceRow) -> dict[str, Any]:
    """Prices of an instrument as JSON."""
    lot, last = row.lot_units, row.last_price_ticks
    plain = ("unit", "period", "period_starts_at", "period_ends_at", "lot_units", "is_traded", "policy", "as_of")
    return {
        **{name: getattr(row, name) for name in plain},
        "instrument": row.code,
        "model_class": row.model_class or ANY_CLASS,
        "reference_usd": price_of(row.reference_ticks, lot),
        "reference_basis": row.reference_basis,
        "reference_calls": row.reference_calls,
        "low_usd": price_of(row.low_ticks, lot),
        "high_usd": price_of(row.high_ticks, lot),
        "last_price_usd": None if last is None else price_of(last, lot),
        "last_traded_at": row.last_traded_at,
        "history": [
            {
                "closed_at": each.closed_at,
                "price_usd": price_of(each.price_ticks, lot),
                "quantity": each.volume_lots * lot,
            }
            for each in row.history
        ],
        "value": ValueOut(row.value).data,
    }


def _depth(each: Depth, lot_units: int) -> dict[str, Any]:
    return {"price_usd": price_of(each.price_ticks, lot_units), "quantity": each.lots * lot_units}
