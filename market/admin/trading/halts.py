"""What is traded, and times without trade: halt, resume, close a call at once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from config.administration.base import RecordAdmin
from config.administration.pages import ConfirmForm, actor_of, form_page, posted
from config.administration.typed import action, display
from market.admin.trading.operating import HaltForm, OperatorActions
from market.models import Instrument, TradingHalt
from market.services import halt_trading, resume_trading, run_call

STAYS = "Open orders stay and can be cancelled; no call trades and no new order is taken."


class HaltingAdmin(OperatorActions, RecordAdmin):
    """A page from which trading can be halted."""

    def halt_page(self, request: HttpRequest, instrument_code: str | None) -> HttpResponse:
        """Ask for reason and end, and halt an instrument or everything."""

        def call(given: dict[str, Any]) -> str:
            halt_trading(
                instrument_code=instrument_code,
                reason=given["reason"],
                until=given["until"],
                actor=actor_of(request),
                now=timezone.now(),
            )
            return f"{instrument_code or 'Everything'} is halted. Everybody reads the reason."

        return form_page(
            request,
            model_admin=self,
            form=HaltForm(posted(request)),
            call=call,
            title=f"Halt {instrument_code or 'all trading'}",
            submit="Halt",
            intro=STAYS,
            object_id=instrument_code,
        )


@admin.register(Instrument)
class InstrumentAdmin(HaltingAdmin):
    """Quota of a period that somebody has wanted to trade."""

    list_display = (
        *("code", "unit", "model_class", "period", "period_starts_at", "mechanism"),
        *("next_call_at", "last_price_ticks", "last_traded_at"),
    )
    list_filter = ("unit", "period", "mechanism")
    search_fields = ("code",)
    actions_detail = ("close_call", "halt")

    @action(description="Close the call now", icon="gavel", permissions=["operate"])
    def close_call(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Before its time."""

        def call(given: dict[str, Any]) -> str:
            auction = run_call(instrument_code=_code(self, request, object_id), now=timezone.now())
            return f"The call was held: {auction.explanation}" if auction else "Nobody wants to trade it."

        return form_page(
            request,
            model_admin=self,
            form=ConfirmForm(posted(request)),
            call=call,
            title="Close the call now",
            submit="Close it",
            intro="All orders that were placed until now take part.",
            object_id=object_id,
        )

    @action(description="Halt", icon="pause_circle", permissions=["operate"])
    def halt(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """This instrument."""
        return self.halt_page(request, _code(self, request, object_id))


@admin.register(TradingHalt)
class TradingHaltAdmin(HaltingAdmin):
    """Times without trade, the last first."""

    list_display = ("starts_at", "what", "kind", "until", "ended_at", "reason", "actor", "ended_by")
    list_filter = ("kind",)
    search_fields = ("instrument__code", "reason")
    actions_list = ("halt_all",)
    actions_detail = ("resume",)

    @display(description="What", ordering="instrument")
    def what(self, halt: TradingHalt) -> str:
        """An instrument, or everything."""
        return halt.instrument_id or "everything"

    @action(description="Halt all trading", icon="pause_circle", permissions=["operate"])
    def halt_all(self, request: HttpRequest) -> HttpResponse:
        """Every instrument."""
        return self.halt_page(request, None)

    @action(description="Resume", icon="play_circle", permissions=["operate"])
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End a halt."""

        def call(given: dict[str, Any]) -> str:
            resume_trading(halt_id=int(object_id), actor=actor_of(request), now=timezone.now())
            return "It trades again."

        return form_page(
            request,
            model_admin=self,
            form=ConfirmForm(posted(request)),
            call=call,
            title="Resume trading",
            submit="Resume",
            object_id=object_id,
        )


def _code(model_admin: InstrumentAdmin, request: HttpRequest, object_id: str) -> str:
    """The code behind an address of the administration, which writes some signs in its own way."""
    instrument = model_admin.get_object(request, object_id)
    return instrument.code if instrument else object_id
