"""Auctions, trades, the Fund and halts as the API answers them. Money and prices are decimal strings in US$."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.kernel.paging import PageIn
from config.kernel.rest import StrictSerializer
from market.domain.explanation import usd
from market.domain.trading.auction_views import AuctionRow, Curve
from market.domain.trading.instruments import usd_per_unit
from market.models import Auction, FundEntry, Order, TradingHalt


class UsdField(serializers.CharField):
    """Micro-USD as a decimal string in US$."""

    def to_representation(self, value: Any) -> str:
        """Six digits after the point."""
        return usd(value)


class PriceField(serializers.CharField):
    """US$ for one token, gram or watt hour, exact."""

    def to_representation(self, value: Any) -> str:
        """Without an exponent."""
        return f"{value:f}"


class AuctionsIn(PageIn):
    """Query of `GET /api/v1/market/auctions/`."""

    instrument = serializers.SlugField(max_length=60, required=False, default=None)
    kind = serializers.ChoiceField(choices=Auction.Kind.choices, required=False, default=None)
    status = serializers.ChoiceField(choices=Auction.Status.choices, required=False, default=None)
    since = serializers.DateTimeField(required=False, default=None)


class AuctionOut(serializers.Serializer):  # type: ignore[type-arg]
    """One clearing. Prices are for one unit, before need; below zero `to_fund_usd` came out of the Fund."""

    id = serializers.IntegerField()
    instrument = serializers.CharField()
    unit = serializers.CharField()
    lot_units = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=Auction.Kind.choices)
    status = serializers.ChoiceField(choices=Auction.Status.choices)
    policy = serializers.CharField()
    closed_at = serializers.DateTimeField()
    ran_at = serializers.DateTimeField()
    price_usd = PriceField(source="price_usd_per_unit", allow_null=True)
    reference_usd = serializers.SerializerMethodField()
    reference_basis = serializers.CharField(help_text="trades, or service: the price of the same as a service.")
    low_usd = serializers.SerializerMethodField()
    high_usd = serializers.SerializerMethodField()
    volume = serializers.IntegerField(source="volume_units", help_text="Units that changed hands.")
    volume_lots = serializers.IntegerField()
    bid_lots = serializers.IntegerField(allow_null=True, help_text="null where nothing traded: still sealed.")
    ask_lots = serializers.IntegerField(allow_null=True)
    imbalance_lots = serializers.IntegerField(allow_null=True, help_text="Wanted less offered at the price.")
    bid_teams = serializers.IntegerField()
    ask_teams = serializers.IntegerField()
    factor_percent = serializers.IntegerField(help_text="How much of the full subsidies was paid.")
    paid_usd = UsdField(source="paid_micro_usd")
    received_usd = UsdField(source="received_micro_usd")
    subsidy_usd = UsdField(source="subsidy_micro_usd")
    premium_usd = UsdField(source="premium_micro_usd")
    adder_usd = UsdField(source="adder_micro_usd")
    rounding_usd = UsdField(source="rounding_micro_usd")
    to_fund_usd = UsdField(source="to_fund_micro_usd")
    explanation = serializers.CharField()
    reversed_at = serializers.DateTimeField(allow_null=True)
    reverse_reason = serializers.CharField()

    def get_reference_usd(self, row: AuctionRow) -> str:
        """The reference price."""
        return _price(row.reference_ticks, row.lot_units)

    def get_low_usd(self, row: AuctionRow) -> str:
        """The bottom of the collar."""
        return _price(row.low_ticks, row.lot_units)

    def get_high_usd(self, row: AuctionRow) -> str:
        """The top of the collar."""
        return _price(row.high_ticks, row.lot_units)


class StepOut(serializers.Serializer):  # type: ignore[type-arg]
    """So many lots at this price or a better one."""

    price_usd = serializers.CharField()
    lots = serializers.IntegerField()


class CurveOut(serializers.Serializer):  # type: ignore[type-arg]
    """Cumulated demand, the highest price first, and supply, the lowest first; subsidy, premium and adder within."""

    demand = StepOut(many=True)
    supply = StepOut(many=True)


class RationingOut(serializers.Serializer):  # type: ignore[type-arg]
    """The longer side at the price, and how many of its lots went without."""

    side = serializers.ChoiceField(choices=Order.Side.choices)
    lots = serializers.IntegerField()


class FillOut(serializers.Serializer):  # type: ignore[type-arg]
    """What one order got. Money is told of your own only."""

    side = serializers.ChoiceField(choices=Order.Side.choices)
    lots = serializers.IntegerField()
    own = serializers.BooleanField(source="is_own")
    money_usd = UsdField(source="money_micro_usd", allow_null=True)


class AuctionDetailOut(AuctionOut):
    """An auction with its curve (null where the orders are sealed still), rationing and first fills."""

    curve = CurveOut(allow_null=True)
    rationing = RationingOut(allow_null=True)
    fills = FillOut(many=True)
    fill_count = serializers.IntegerField()
    inputs_sha256 = serializers.CharField(help_text="Of the stored inputs; empty where the call was not held.")


class ReplayOut(serializers.Serializer):  # type: ignore[type-arg]
    """The auction worked out again from its stored inputs."""

    auction = serializers.IntegerField(source="auction_id")
    agrees = serializers.BooleanField()
    sha256 = serializers.CharField()
    trades = serializers.IntegerField()
    differences = serializers.ListField(child=serializers.CharField())


class TradesIn(PageIn):
    """Query of `GET /api/v1/market/trades/`."""

    instrument = serializers.SlugField(max_length=60, required=False, default=None)
    scope = serializers.ChoiceField(choices=["own", "public"], required=False, default="own")


class PublicTradeOut(serializers.Serializer):  # type: ignore[type-arg]
    """A price and a volume."""

    id = serializers.IntegerField()
    auction = serializers.IntegerField(source="auction_id")
    instrument = serializers.CharField()
    unit = serializers.CharField()
    quantity = serializers.IntegerField(source="units")
    lots = serializers.IntegerField()
    price_usd = PriceField(source="price_usd_per_unit")
    at = serializers.DateTimeField()
    reversed = serializers.BooleanField(source="is_reversed")


class TradeOut(PublicTradeOut):
    """A fill of your own. `money_usd`: paid by a buyer, come in to a seller. `justice_usd` below zero: a subsidy.

    With `scope=public` what is below `reversed` is left out.
    """

    order = serializers.UUIDField(source="order_id")
    team = serializers.CharField(source="team_name")
    budget = serializers.UUIDField(source="budget_id")
    side = serializers.ChoiceField(choices=Order.Side.choices)
    gross_usd = UsdField(source="gross_micro_usd")
    justice_usd = UsdField(source="justice_micro_usd")
    adder_usd = UsdField(source="adder_micro_usd")
    money_usd = UsdField(source="money_micro_usd")


class FundIn(PageIn):
    """Query of `GET /api/v1/market/fund/`: flows since a moment, by default of 30 days; entries of a kind."""

    since = serializers.DateTimeField(required=False, default=None)
    kind = serializers.ChoiceField(choices=FundEntry.Kind.choices, required=False, default=None)


class FundKindOut(serializers.Serializer):  # type: ignore[type-arg]
    """What came in and went out under one name."""

    kind = serializers.ChoiceField(choices=FundEntry.Kind.choices)
    label = serializers.CharField()  # type: ignore[assignment]
    in_usd = UsdField(source="in_micro_usd")
    out_usd = UsdField(source="out_micro_usd")
    entries = serializers.IntegerField()


class FundDayOut(serializers.Serializer):  # type: ignore[type-arg]
    """A day (UTC) under one name."""

    day = serializers.DateField()
    kind = serializers.ChoiceField(choices=FundEntry.Kind.choices)
    net_usd = UsdField(source="net_micro_usd")


class FundEntryOut(serializers.Serializer):  # type: ignore[type-arg]
    """A line of the Fund's books."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=FundEntry.Kind.choices)
    label = serializers.CharField()  # type: ignore[assignment]
    balance_usd = UsdField(source="balance_delta_micro_usd")
    reserved_usd = UsdField(source="reserved_delta_micro_usd")
    auction = serializers.IntegerField(source="auction_id", allow_null=True)


class FundOut(serializers.Serializer):  # type: ignore[type-arg]
    """The Fund now, its flows since a moment, and a page of its entries."""

    balance_usd = UsdField(source="balance_micro_usd")
    reserved_usd = UsdField(source="reserved_micro_usd")
    since = serializers.DateTimeField()
    as_of = serializers.DateTimeField()
    kinds = FundKindOut(many=True)
    days = FundDayOut(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = FundEntryOut(many=True)


class HaltsIn(PageIn):
    """Query of `GET /api/v1/market/halts/`."""

    instrument = serializers.SlugField(max_length=60, required=False, default=None)
    open = serializers.BooleanField(required=False, allow_null=True, default=None)


class HaltIn(StrictSerializer):
    """Body of `POST /api/v1/market/halts/`. Without an instrument everything halts, without `until` until resumed."""

    instrument = serializers.SlugField(max_length=60, required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=300)
    until = serializers.DateTimeField(required=False, allow_null=True, default=None)


class HaltOut(serializers.Serializer):  # type: ignore[type-arg]
    """A time without trade."""

    id = serializers.IntegerField()
    instrument = serializers.CharField(allow_null=True, help_text="null: everything.")
    kind = serializers.ChoiceField(choices=TradingHalt.Kind.choices)
    starts_at = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()


def curve_body(curve: Curve | None, lot_units: int) -> dict[str, Any] | None:
    """Steps with their prices for one unit."""
    if curve is None:
        return None
    return {
        side: [{"price_usd": _price(step.price_ticks, lot_units), "lots": step.lots} for step in getattr(curve, side)]
        for side in ("demand", "supply")
    }


def _price(ticks: int, lot_units: int) -> str:
    return f"{usd_per_unit(ticks, lot_units):f}"
