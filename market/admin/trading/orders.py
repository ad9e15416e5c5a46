"""Orders of all teams, to be read; one is cancelled with a reason that its team reads."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.contrib.filters.admin import RangeDateTimeFilter

from config.administration.base import RecordAdmin, RecordInline
from config.administration.pages import WhyForm, actor_of, form_page, object_or_404, posted
from config.administration.text import usd
from config.administration.typed import action, display
from market.admin.trading.operating import OperatorActions
from market.domain.trading.instruments import usd_per_unit
from market.models import Order, OrderEvent
from market.services import strike_order


class OrderEventInline(RecordInline):
    """What became of it."""

    model = OrderEvent
    fields = ("at", "kind", "lots", "limit_ticks", "actor", "reason")


@admin.register(Order)
class OrderAdmin(OperatorActions, RecordAdmin):
    """Bids and offers. What they may cost is in escrow as long as they are open."""

    list_display = (
        *("number", "placed_at", "team", "side", "instrument", "quantity", "limit", "filled_lots", "escrow"),
        *("status", "source"),
    )
    list_filter = ("status", "side", "source", "kind", ("placed_at", RangeDateTimeFilter))
    list_select_related = ("instrument", "team__organisation")
    search_fields = ("id", "team__name", "instrument__code", "actor")
    inlines = (OrderEventInline,)
    actions_detail = ("strike",)

    @display(description="Quantity", ordering="lots")
    def quantity(self, order: Order) -> str:
        """Units of all lots."""
        return f"{order.lots * order.instrument.lot_units:,} {order.instrument.unit}"

    @display(description="Limit, US$ for one unit", ordering="limit_ticks")
    def limit(self, order: Order) -> str:
        """The worst price."""
        if order.limit_ticks is None:
            return "market"
        return f"{usd_per_unit(order.limit_ticks, order.instrument.lot_units):f}"

    @display(description="Escrow", ordering="escrow_micro_usd")
    def escrow(self, order: Order) -> str:
        """Money that it keeps."""
        return usd(order.escrow_micro_usd)

    @action(description="Cancel", icon="cancel", permissions=["operate"])
    def strike(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take an order out, also in the last seconds before a call."""
        order = object_or_404(request, self, object_id)

        def call(given: dict[str, Any]) -> str:
            strike_order(order_id=order.id, actor=actor_of(request), reason=given["reason"], now=timezone.now())
            return "The order is cancelled; what it kept is free."

        return form_page(
            request,
            model_admin=self,
            form=WhyForm(posted(request)),
            call=call,
            title="Cancel this order",
            submit="Cancel it",
            intro="Its team reads the reason.",
            object_id=object_id,
        )
