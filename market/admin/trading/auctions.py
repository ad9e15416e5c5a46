"""Auctions and trades: what was decided and why; taken back as a whole, or worked out again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.contrib.filters.admin import RangeDateTimeFilter

from config.administration.base import RecordAdmin
from config.administration.pages import ConfirmForm, WhyForm, actor_of, form_page, posted
from config.administration.text import usd
from config.administration.typed import action, display
from market.admin.trading.operating import OperatorActions
from market.domain.trading.instruments import usd_per_unit
from market.models import Auction, Trade
from market.services import replay_auction, reverse_auction


@admin.register(Auction)
class AuctionAdmin(OperatorActions, RecordAdmin):
    """Every clearing, newest first."""

    list_display = (
        *("closed_at", "instrument", "kind", "shown_status", "price", "volume_lots", "bid_lots", "ask_lots"),
        *("bid_teams", "ask_teams", "factor_percent", "to_fund"),
    )
    list_select_related = ("instrument",)
    list_filter = ("kind", "status", ("closed_at", RangeDateTimeFilter))
    search_fields = ("=id", "instrument__code")
    actions_detail = ("replay", "reverse")

    @display(
        description="Status",
        ordering="status",
        label={"cleared": "success", "halted": "danger", "reversed": "warning", "carried": "info"},
    )
    def shown_status(self, auction: Auction) -> str:
        """Coloured."""
        return auction.status

    @display(description="US$ for one unit", ordering="price_ticks")
    def price(self, auction: Auction) -> str:
        """Before subsidy, premium and adder."""
        if auction.price_ticks is None:
            return "–"
        return f"{usd_per_unit(auction.price_ticks, auction.instrument.lot_units):f}"

    @display(description="To the Fund")
    def to_fund(self, auction: Auction) -> str:
        """Adders, premia and rounding, less subsidies."""
        return usd(auction.paid_micro_usd - auction.received_micro_usd)

    @action(description="Work it out again", icon="replay", permissions=["operate"])
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """From its stored inputs, compared with its trades."""

        def call(given: dict[str, Any]) -> str:
            found = replay_auction(int(object_id))
            if found.agrees:
                return f"The stored inputs give the same {found.trades} fills (SHA-256 {found.sha256})."
            return f"It does not agree: {' '.join(found.differences)}"

        return form_page(
            request,
            model_admin=self,
            form=ConfirmForm(posted(request)),
            call=call,
            title="Work the auction out again",
            submit="Work it out",
            intro="From the inputs that were stored with it, whatever policy and data say today. Nothing changes.",
            object_id=object_id,
        )

    @action(description="Reverse", icon="undo", permissions=["operate"])
    def reverse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """All of it or nothing."""

        def call(given: dict[str, Any]) -> str:
            reverse_auction(
                auction_id=int(object_id), reason=given["reason"], actor=actor_of(request), now=timezone.now()
            )
            return "Every trade of it is taken back."

        return form_page(
            request,
            model_admin=self,
            form=WhyForm(posted(request)),
            call=call,
            title="Reverse the auction",
            submit="Take all of it back",
            intro="Money, quota and what the Fund got go back to where they came from, by an opposite journal. Refused"
            " if a buyer has not got the quota any more, or a seller the money.",
            object_id=object_id,
        )


@admin.register(Trade)
class TradeAdmin(RecordAdmin):
    """Every fill, newest first."""

    list_display = ("at", "instrument", "team", "side", "lots", "price_ticks", "money", "justice", "is_reversed")
    list_select_related = ("instrument", "team__organisation")
    list_filter = ("side", "is_reversed", ("at", RangeDateTimeFilter))
    search_fields = ("=auction__id", "order__id", "team__name", "instrument__code")

    @display(description="Money", ordering="money_micro_usd")
    def money(self, trade: Trade) -> str:
        """Paid by a buyer, received by a seller."""
        return usd(trade.money_micro_usd)

    @display(description="By need", ordering="justice_micro_usd")
    def justice(self, trade: Trade) -> str:
        """Premium; below zero a subsidy."""
        return usd(trade.justice_micro_usd)
