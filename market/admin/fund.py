"""The Fund: what it holds, every change of it, and deposits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from config.administration.base import RecordAdmin
from config.administration.pages import actor_of, form_page, posted
from config.administration.text import usd
from config.administration.typed import action, display
from market.models import Fund, FundEntry
from market.services import deposit_to_fund

SMALLEST_DEPOSIT_USD = Decimal("0.000001")
LARGEST_DEPOSIT_USD = Decimal(1_000_000_000)


class DepositForm(forms.Form):
    """Money into the Fund."""

    usd = forms.DecimalField(
        label="US dollars",
        min_value=SMALLEST_DEPOSIT_USD,
        max_value=LARGEST_DEPOSIT_USD,
        decimal_places=6,
        widget=UnfoldAdminDecimalFieldWidget,
    )
    reason = forms.CharField(
        max_length=300, widget=UnfoldAdminTextInputWidget, help_text="Who pays it in, and for what."
    )


@admin.register(Fund)
class FundAdmin(RecordAdmin):
    """Pays the discounts of those in need from the premiums of the others and from deposits."""

    list_display = ("name", "balance", "reserved", "free")
    fields = ("name", "balance", "reserved", "free")
    readonly_fields = ("balance", "reserved", "free")
    actions_list = ("deposit",)

    @display(description="Balance")
    def balance(self, fund: Fund) -> str:
        """All of it."""
        return usd(fund.balance_micro_usd)

    @display(description="Reserved")
    def reserved(self, fund: Fund) -> str:
        """Promised to requests that are not settled."""
        return usd(fund.reserved_micro_usd)

    @display(description="Free")
    def free(self, fund: Fund) -> str:
        """What new discounts can draw on."""
        return usd(fund.balance_micro_usd - fund.reserved_micro_usd)

    def has_deposit_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return request.user.has_perm("market.change_fund")

    @action(description="Deposit", icon="add", permissions=["deposit"])
    def deposit(self, request: HttpRequest) -> HttpResponse:
        """Pay into the Fund."""

        def call(given: dict[str, Any]) -> str:
            deposit_to_fund(
                micro_usd=int(given["usd"] * 1_000_000),
                actor=actor_of(request),
                reason=given["reason"],
                now=timezone.now(),
            )
            return f"$ {given['usd']:f} was paid into the Fund."

        form = DepositForm(posted(request))
        return form_page(
            request, model_admin=self, form=form, call=call, title="Deposit into the Fund", submit="Deposit"
        )


@admin.register(FundEntry)
class FundEntryAdmin(RecordAdmin):
    """Every change of the Fund."""

    list_display = ("at", "kind", "balance_change", "reserved_change", "actor", "reason")
    list_filter = ("kind", ("at", RangeDateTimeFilter))
    search_fields = ("actor", "reason", "request__id")

    @display(description="Balance", ordering="balance_delta_micro_usd")
    def balance_change(self, entry: FundEntry) -> str:
        """US dollars in or out."""
        return usd(entry.balance_delta_micro_usd)

    @display(description="Reserved", ordering="reserved_delta_micro_usd")
    def reserved_change(self, entry: FundEntry) -> str:
        """US dollars promised or freed."""
        return usd(entry.reserved_delta_micro_usd)
