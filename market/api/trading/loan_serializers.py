"""Loans, forwards and shares as the API takes and gives them. Quantities in units, money in US$."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from budgets.domain.units import Unit
from config.kernel.paging import PageIn
from config.kernel.rest import StrictSerializer
from market.api.trading.auction_serializers import PriceField, UsdField
from market.domain.trading.instruments import usd_per_unit
from market.models import Donation, ForwardLeg, Loan, LoanEvent

UNITS = [unit.value for unit in Unit if unit != Unit.MICRO_USD]
QUANTITY: dict[str, Any] = {"max_digits": 30, "decimal_places": 6, "min_value": Decimal(0)}


class LoansIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of `GET /api/v1/market/loans/`."""

    before = serializers.UUIDField(required=False, default=None, help_text="Loans older than this one.")
    status = serializers.ChoiceField(choices=Loan.Status.choices, required=False, default=None)


class LoanIn(StrictSerializer):
    """Body of `POST /api/v1/market/loans/`."""

    unit = serializers.ChoiceField(choices=UNITS)
    quantity = serializers.DecimalField(**QUANTITY, help_text="In units, a whole number of lots.")
    fee_usd = serializers.DecimalField(
        max_digits=18, decimal_places=6, min_value=Decimal(0), help_text="For all of it, until it is due."
    )
    due_at = serializers.DateTimeField()
    budget = serializers.UUIDField(
        source="budget_id", required=False, allow_null=True, default=None, help_text="Left out: your team's."
    )


class AcceptIn(StrictSerializer):
    """Body of `POST /api/v1/market/loans/{id}/accept/`."""

    budget = serializers.UUIDField(source="budget_id", required=False, allow_null=True, default=None)
    pay_from = serializers.UUIDField(
        required=False,
        allow_null=True,
        default=None,
        help_text="The money budget that your account is filled from if it is short. Left out: your only one.",
    )


class ReturnIn(StrictSerializer):
    """Body of `POST /api/v1/market/loans/{id}/return/`."""

    quantity = serializers.DecimalField(
        **QUANTITY, required=False, allow_null=True, default=None, help_text="In units. Left out: all that is out."
    )


class EmptyIn(StrictSerializer):
    """A body without fields."""


class LoanOut(serializers.Serializer):  # type: ignore[type-arg]
    """A loan. Lender and borrower of others' offers are null."""

    id = serializers.UUIDField()
    instrument = serializers.CharField()
    unit = serializers.CharField()
    lot_units = serializers.IntegerField()
    status = serializers.ChoiceField(choices=Loan.Status.choices)
    lender_team = serializers.IntegerField(source="lender_team_id", allow_null=True)
    lender_budget = serializers.UUIDField(source="lender_budget_id", allow_null=True)
    borrower_team = serializers.IntegerField(source="borrower_team_id", allow_null=True)
    borrower_budget = serializers.UUIDField(source="borrower_budget_id", allow_null=True)
    quantity = serializers.IntegerField(help_text="Units that were offered.")
    outstanding = serializers.IntegerField(help_text="Units that are to come back.")
    fee_usd = UsdField(source="fee_micro_usd", help_text="For all of it, until it is due.")
    fee_paid_usd = UsdField(source="fee_paid_micro_usd")
    break_fee_percent = serializers.IntegerField(help_text="Of the value called back in an emergency.")
    collateral_usd = UsdField(source="collateral_micro_usd", help_text="In escrow in the borrower's account.")
    top_usd = serializers.SerializerMethodField(help_text="Top of the collar when it was lent, for one unit.")
    due_at = serializers.DateTimeField()
    offered_at = serializers.DateTimeField()
    lent_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)

    def get_top_usd(self, row: Any) -> str | None:
        """None of an offer."""
        return f"{usd_per_unit(row.top_ticks, row.lot_units):f}" if row.top_ticks else None


class LoanEventOut(serializers.Serializer):  # type: ignore[type-arg]
    """A step of a loan."""

    kind = serializers.ChoiceField(choices=LoanEvent.Kind.choices)
    quantity = serializers.IntegerField()
    usd = UsdField(source="micro_usd", help_text="The fee, or what was paid in money.")
    at = serializers.DateTimeField()
    reason = serializers.CharField()


class BuyInOut(serializers.Serializer):  # type: ignore[type-arg]
    """What the clearing house buys for a default."""

    instrument = serializers.CharField()
    order = serializers.UUIDField(source="order_id")
    quantity = serializers.IntegerField()
    bought = serializers.IntegerField()
    paid_out = serializers.IntegerField(help_text="Units that were paid in money.")
    calls = serializers.IntegerField(help_text="Calls that could not bring all of it.")
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)


class LoanDetailOut(LoanOut):
    """A loan with its steps. Those of others' offers are not told."""

    events = LoanEventOut(many=True)
    buy_in = BuyInOut(allow_null=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """The row with what became of it."""
        found: dict[str, Any] = LoanOut(instance.row).data
        found["events"] = LoanEventOut(instance.events, many=True).data
        found["buy_in"] = BuyInOut(instance.buy_in).data if instance.buy_in else None
        return found


class ForwardsIn(PageIn):
    """Query of `GET /api/v1/market/forwards/`."""

    open = serializers.BooleanField(required=False, default=None, allow_null=True)


class ForwardOut(serializers.Serializer):  # type: ignore[type-arg]
    """Quota of a later period that a budget gives or takes."""

    id = serializers.IntegerField()
    instrument = serializers.CharField()
    unit = serializers.CharField()
    side = serializers.ChoiceField(choices=ForwardLeg.Side.choices)
    status = serializers.ChoiceField(choices=ForwardLeg.Status.choices)
    team = serializers.IntegerField(source="team_id")
    budget = serializers.UUIDField(source="budget_id")
    quantity = serializers.IntegerField()
    delivered = serializers.IntegerField(help_text="Units that came, those bought in too.")
    bought_in = serializers.IntegerField(help_text="Of them, by the clearing house.")
    paid_out = serializers.IntegerField(help_text="Units that were paid in money.")
    price_usd_per_unit = serializers.SerializerMethodField(help_text="What it was traded at, for one unit.")
    collateral_usd = UsdField(source="collateral_micro_usd")
    due_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)

    def get_price_usd_per_unit(self, row: Any) -> str:
        """Exact."""
        return f"{usd_per_unit(row.price_ticks, row.lot_units):f}"


class ShareIn(StrictSerializer):
    """Body of `POST /api/v1/market/shares/` and `/shares/draws/`."""

    unit = serializers.ChoiceField(choices=UNITS)
    quantity = serializers.DecimalField(**QUANTITY, help_text="In units.")
    budget = serializers.UUIDField(
        source="budget_id", required=False, allow_null=True, default=None, help_text="Left out: your team's."
    )


class DonationOut(serializers.Serializer):  # type: ignore[type-arg]
    """Quota that a budget gave its team to draw from."""

    id = serializers.UUIDField()
    budget = serializers.UUIDField(source="budget_id")
    unit = serializers.CharField()
    quantity = PriceField()
    left = PriceField()
    status = serializers.ChoiceField(choices=Donation.Status.choices)
    at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True, help_text="End of its period: nobody draws it after that.")
    closed_at = serializers.DateTimeField(allow_null=True)


class DrawOut(serializers.Serializer):  # type: ignore[type-arg]
    """What a budget drew from one donation."""

    id = serializers.IntegerField()
    donation = serializers.UUIDField(source="donation_id")
    budget = serializers.UUIDField(source="budget_id")
    unit = serializers.CharField()
    quantity = PriceField()
    at = serializers.DateTimeField()


class CreditOut(serializers.Serializer):  # type: ignore[type-arg]
    """What of a budget's donations was drawn, less what it drew. Credits of a team sum to zero."""

    budget = serializers.UUIDField(source="budget_id")
    unit = serializers.CharField()
    credit = PriceField()
    may_draw = PriceField()


class SharingOut(serializers.Serializer):  # type: ignore[type-arg]
    """Sharing inside one team."""

    donations = DonationOut(many=True, help_text="Open ones, the oldest first.")
    credits = CreditOut(many=True)
    draws = DrawOut(many=True, help_text="The last 50.")
    most_owed_units = serializers.IntegerField(help_text="No credit falls further below zero.")
