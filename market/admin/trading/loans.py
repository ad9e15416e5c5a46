"""Loans, forwards and shares as records: what was lent, promised and donated, and what became of it."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateTimeFilter

from config.administration.base import RecordAdmin
from config.administration.text import usd
from config.administration.typed import display
from market.models import BuyIn, Donation, ForwardLeg, Loan, LoanEvent, QuotaPromise, ShareAccount, ShareDraw


@admin.register(Loan)
class LoanAdmin(RecordAdmin):
    """Quota lent until a date, newest first."""

    list_display = (
        *("offered_at", "instrument", "shown_status", "lender_team", "borrower_team", "lots", "outstanding_lots"),
        *("fee", "collateral", "due_at"),
    )
    list_select_related = ("instrument", "lender_team__organisation", "borrower_team__organisation")
    list_filter = ("status", ("due_at", RangeDateTimeFilter))
    search_fields = ("=id", "lender_team__name", "borrower_team__name", "instrument__code")

    @display(
        description="Status",
        ordering="status",
        label={"running": "success", "buying_in": "warning", "defaulted": "danger", "broken": "warning"},
    )
    def shown_status(self, loan: Loan) -> str:
        """Coloured."""
        return loan.status

    @display(description="Fee", ordering="fee_micro_usd")
    def fee(self, loan: Loan) -> str:
        """For all of it until it is due."""
        return usd(loan.fee_micro_usd)

    @display(description="Collateral", ordering="collateral_micro_usd")
    def collateral(self, loan: Loan) -> str:
        """In escrow in the borrower's account."""
        return usd(loan.collateral_micro_usd)


@admin.register(LoanEvent)
class LoanEventAdmin(RecordAdmin):
    """Steps of loans, newest first."""

    list_display = ("at", "loan", "kind", "lots", "money", "actor", "reason")
    list_select_related = ("loan",)
    list_filter = ("kind", ("at", RangeDateTimeFilter))
    search_fields = ("=loan__id", "actor", "reason")
    ordering = ("-id",)

    @display(description="Money", ordering="micro_usd")
    def money(self, event: LoanEvent) -> str:
        """The fee, or what was paid in money."""
        return usd(event.micro_usd)


@admin.register(BuyIn)
class BuyInAdmin(RecordAdmin):
    """What the clearing house buys for defaults."""

    list_display = ("opened_at", "what", "lots", "bought_lots", "paid_out_lots", "top_ticks", "calls", "closed_at")
    list_select_related = ("loan", "takes", "order")
    list_filter = (("opened_at", RangeDateTimeFilter),)
    search_fields = ("=loan__id", "order__id")
    ordering = ("-id",)

    @display(description="For")
    def what(self, buy_in: BuyIn) -> str:
        """A loan or a forward."""
        return f"loan {buy_in.loan_id}" if buy_in.loan_id else f"forward {buy_in.takes_id}"


@admin.register(ForwardLeg)
class ForwardLegAdmin(RecordAdmin):
    """Quota of later periods that budgets give or take."""

    list_display = (
        *("due_at", "instrument", "side", "status", "team", "lots", "delivered_lots", "paid_out_lots"),
        *("collateral", "closed_at"),
    )
    list_select_related = ("instrument", "team__organisation")
    list_filter = ("side", "status", ("due_at", RangeDateTimeFilter))
    search_fields = ("=id", "team__name", "instrument__code")

    @display(description="Collateral", ordering="collateral_micro_usd")
    def collateral(self, leg: ForwardLeg) -> str:
        """In escrow in the giver's account."""
        return usd(leg.collateral_micro_usd)


@admin.register(QuotaPromise)
class QuotaPromiseAdmin(RecordAdmin):
    """How much of later periods is promised, in steps of the budget's unit."""

    list_display = ("budget", "period_starts_at", "promised_steps", "most_steps")
    list_select_related = ("budget",)
    search_fields = ("budget__name", "=budget__id")


@admin.register(Donation)
class DonationAdmin(RecordAdmin):
    """Quota that budgets gave their teams, in steps of the budget's unit."""

    list_display = ("at", "team", "budget", "steps", "left_steps", "status", "ends_at", "actor")
    list_select_related = ("team__organisation", "budget")
    list_filter = ("status", ("at", RangeDateTimeFilter))
    search_fields = ("=id", "team__name", "budget__name")
    ordering = ("-at",)


@admin.register(ShareDraw)
class ShareDrawAdmin(RecordAdmin):
    """What budgets drew from donations, in steps of the budget's unit."""

    list_display = ("at", "donation", "budget", "steps", "actor")
    list_select_related = ("donation__budget", "budget")
    list_filter = (("at", RangeDateTimeFilter),)
    search_fields = ("=donation__id", "budget__name")


@admin.register(ShareAccount)
class ShareAccountAdmin(RecordAdmin):
    """Credits of budgets inside their teams, in steps of the budget's unit; those of a team sum to zero."""

    list_display = ("budget", "team", "credit_steps")
    list_select_related = ("budget", "team__organisation")
    search_fields = ("team__name", "budget__name")
