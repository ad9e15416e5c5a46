"""The market's money: accounts, deposits and withdrawals, and every posting."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget

from config.administration.base import RecordAdmin, RecordInline
from config.administration.pages import WhyForm, actor_of, form_page, posted
from config.administration.text import choices_of, usd
from config.administration.typed import action, display
from market.admin.trading.operating import OperatorActions
from market.models import Account, Journal, Posting
from market.services import deposit, withdraw

SMALLEST_USD = Decimal("0.000001")
LARGEST_USD = Decimal(1_000_000_000)


class MoneyForm(WhyForm):
    """Money of a team, and why it moves."""

    team = forms.TypedChoiceField(coerce=int, widget=UnfoldAdminSelectWidget)
    usd = forms.DecimalField(
        label="US dollars",
        min_value=SMALLEST_USD,
        max_value=LARGEST_USD,
        decimal_places=6,
        widget=UnfoldAdminDecimalFieldWidget,
    )

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.fields["team"].choices = choices_of("accounts.Team")  # type: ignore[attr-defined]


@admin.register(Account)
class AccountAdmin(OperatorActions, RecordAdmin):
    """Money in the market, in double entry: all balances together are zero."""

    list_display = ("name", "kind", "team", "balance", "escrow", "free")
    list_filter = ("kind",)
    list_select_related = ("team__organisation",)
    search_fields = ("name", "team__name")
    actions_list = ("deposit", "withdraw")

    @display(description="Balance", ordering="balance_micro_usd")
    def balance(self, account: Account) -> str:
        """All of it."""
        return usd(account.balance_micro_usd)

    @display(description="Escrow", ordering="reserved_micro_usd")
    def escrow(self, account: Account) -> str:
        """For orders and loans."""
        return usd(account.reserved_micro_usd)

    @display(description="Free")
    def free(self, account: Account) -> str:
        """What can be spent."""
        return usd(account.balance_micro_usd - account.reserved_micro_usd)

    @action(description="Deposit", icon="add", permissions=["operate"])
    def deposit(self, request: HttpRequest) -> HttpResponse:
        """Money from outside into a team's account."""
        return self._move(request, deposit, title="Deposit into a team's account", submit="Deposit")

    @action(description="Withdraw", icon="remove", permissions=["operate"])
    def withdraw(self, request: HttpRequest) -> HttpResponse:
        """Money of a team out of the market."""
        return self._move(request, withdraw, title="Withdraw from a team's account", submit="Withdraw")

    def _move(self, request: HttpRequest, move: Callable[..., object], *, title: str, submit: str) -> HttpResponse:
        def call(given: dict[str, Any]) -> str:
            move(
                team_id=given["team"],
                micro_usd=int(given["usd"] * 1_000_000),
                actor=actor_of(request),
                reason=given["reason"],
                now=timezone.now(),
            )
            return f"$ {given['usd']:f}: done. The reason is in the books."

        form = MoneyForm(posted(request))
        return form_page(request, model_admin=self, form=form, call=call, title=title, submit=submit)


class PostingInline(RecordInline):
    """What it did to each account."""

    model = Posting
    fields = ("account", "delta_micro_usd", "reserved_delta_micro_usd", "order_number")


@admin.register(Journal)
class JournalAdmin(RecordAdmin):
    """Every event that moved money of the market. Its postings sum to zero."""

    list_display = ("at", "kind", "reason", "reference", "auction", "actor")
    list_filter = ("kind", ("at", RangeDateTimeFilter))
    list_select_related = ("auction",)
    search_fields = ("reason", "reference", "actor", "postings__account__name")
    inlines = (PostingInline,)
