"""Orders as the API takes and answers them. Money and prices are decimal strings in US$."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from budgets.domain.periods import Period
from budgets.domain.units import Unit
from config.kernel.paging import PageIn
from config.kernel.rest import StrictSerializer
from market.api.trading.auction_serializers import PriceField, UsdField
from market.domain.policy import MODEL_CLASSES
from market.domain.trading.instruments import ANY_CLASS
from market.domain.trading.orders import OrderAsk, OrderKind, Side, TradeSession
from market.models import Order

CURRENT = "current"
TRADED_UNITS = [unit.value for unit in Unit if unit != Unit.MICRO_USD]
TRADED_PERIODS = [period.value for period in Period if period != Period.ROLLING]
TRADED_CLASSES = [ANY_CLASS, *MODEL_CLASSES]
SIDES = Order.Side.choices
KINDS = Order.Kind.choices
SESSIONS = [session.value for session in TradeSession]
ORDER_STATUSES = Order.Status.choices
ORDER_SOURCES = Order.Source.choices
MOST_UNITS = 100


class DeliveryField(serializers.CharField):
    """`current`, or the moment at which a later period begins."""

    default_error_messages = {"invalid": "Send `current`, or when a later period begins (ISO 8601)."}

    def to_internal_value(self, data: Any) -> Any:
        """None for this period."""
        if data == CURRENT:
            return None
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            return serializers.DateTimeField().to_internal_value(data)
        except serializers.ValidationError:
            self.fail("invalid")


def _price(**changes: Any) -> serializers.DecimalField:
    return serializers.DecimalField(
        max_digits=24, decimal_places=15, min_value=Decimal(0), required=False, allow_null=True, default=None, **changes
    )


class OrderIn(StrictSerializer):
    """Body of `POST /api/v1/market/orders/`. The price is for ONE token, gram or watt hour."""

    side = serializers.ChoiceField(choices=SIDES)
    unit = serializers.ChoiceField(choices=TRADED_UNITS)
    quantity = serializers.DecimalField(
        max_digits=24, decimal_places=6, help_text="In units, whole lots of the instrument."
    )
    limit_price_usd = _price(help_text="The worst price for one unit, everything included; null for a market order.")
    good_until = serializers.DateTimeField(
        required=False,
        allow_null=True,
        default=None,
        help_text="By default as long as its period or the policy lets it.",
    )
    kind = serializers.ChoiceField(choices=KINDS, required=False, default=OrderKind.LIMIT.value)
    session = serializers.ChoiceField(
        choices=SESSIONS,
        required=False,
        default=TradeSession.CALL.value,
        help_text="window: at once, with what the last call left, at its price.",
    )
    model_class = serializers.ChoiceField(
        choices=TRADED_CLASSES, required=False, allow_null=True, default=None, help_text="By default the budget's."
    )
    period = serializers.ChoiceField(choices=TRADED_PERIODS, required=False, allow_null=True, default=None)
    delivery = DeliveryField(required=False, default=None, help_text="`current`, or when a later period begins.")
    budget = serializers.UUIDField(required=False, allow_null=True, default=None)
    pay_from = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="Fills the account where that is short."
    )
    region = serializers.CharField(max_length=64, required=False, allow_null=True, default=None)
    units = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        required=False,
        default=list,
        max_length=MOST_UNITS,
        help_text="Registry units that cover an offer in place of the carbon adder.",
    )


class ImproveIn(StrictSerializer):
    """Body of `POST /api/v1/market/orders/{id}/improve/`: a better limit, more, or both."""

    limit_price_usd = _price()
    add_quantity = serializers.DecimalField(
        max_digits=24, decimal_places=6, required=False, allow_null=True, default=None
    )


class CancelIn(StrictSerializer):
    """Body of `POST /api/v1/market/orders/{id}/cancel/`."""

    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class OrdersIn(PageIn):
    """Query of `GET /api/v1/market/orders/`."""

    instrument = serializers.SlugField(max_length=60, required=False, default=None)
    side = serializers.ChoiceField(choices=SIDES, required=False, default=None)
    status = serializers.ChoiceField(choices=ORDER_STATUSES, required=False, default=None)
    budget = serializers.UUIDField(required=False, default=None)


class OrderEventOut(serializers.Serializer):  # type: ignore[type-arg]
    """One step of what became of an order."""

    kind = serializers.CharField()
    lots = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = serializers.CharField()
    reason = serializers.CharField()


class OrderOut(serializers.Serializer):  # type: ignore[type-arg]
    """An order of your own."""

    id = serializers.UUIDField(source="order_id")
    number = serializers.IntegerField(source="id", help_text="The sequence.")
    instrument = serializers.CharField()
    team = serializers.CharField(source="team_name")
    budget = serializers.UUIDField(source="budget_id")
    side = serializers.ChoiceField(choices=SIDES)
    kind = serializers.ChoiceField(choices=KINDS)
    placed_by = serializers.ChoiceField(source="source", choices=ORDER_SOURCES)
    status = serializers.ChoiceField(choices=ORDER_STATUSES)
    unit = serializers.CharField()
    lot_units = serializers.IntegerField()
    quantity = serializers.IntegerField()
    filled = serializers.IntegerField(help_text="Units bought or sold.")
    limit_price_usd = PriceField(source="limit_usd_per_unit", allow_null=True)
    escrow_usd = UsdField(source="escrow_micro_usd")
    origin = serializers.CharField(source="origin_code", help_text="Of a buyer: where it is registered.")
    need_score = serializers.FloatField(allow_null=True)
    justice_ppm = serializers.IntegerField(
        help_text="What need would add to the price, as it looked when the order came; below zero: a subsidy."
    )
    region = serializers.CharField(allow_null=True, help_text="Of a seller: what is behind the offer.")
    region_basis = serializers.CharField()
    cfe_share = serializers.FloatField(allow_null=True)
    intensity_g_per_kwh = serializers.FloatField(allow_null=True)
    intensity_basis = serializers.CharField()
    carbon_adder_usd = PriceField(source="adder_usd_per_unit", help_text="Of one unit.")
    covered_g = serializers.IntegerField(help_text="g CO2e covered by retired registry units.")
    good_until = serializers.DateTimeField()
    placed_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    close_reason = serializers.CharField()
    rule = serializers.IntegerField(source="rule_id", allow_null=True)


class OrderDetailOut(OrderOut):
    """An order with what became of it."""

    events = OrderEventOut(many=True)


def ask_of(values: dict[str, Any]) -> OrderAsk:
    """An order as services take it. A kind of `market` needs no limit; no limit and no kind is refused by its field."""
    model_class = values["model_class"]
    return OrderAsk(
        side=Side(values["side"]),
        unit=Unit(values["unit"]),
        quantity=values["quantity"],
        limit_price_usd=values["limit_price_usd"],
        kind=OrderKind(values["kind"]),
        session=TradeSession(values["session"]),
        model_class="" if model_class == ANY_CLASS else model_class,
        period=Period(values["period"]) if values["period"] else None,
        delivery=values["delivery"],
        good_until=values["good_until"],
        budget_id=values["budget"],
        pay_from=values["pay_from"],
        region=values["region"],
        units=tuple(values["units"]),
    )
