"""Registry units, reputation, flags and standing rules as the API takes and gives them. Grams CO2e, money in US$."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from config.kernel.rest import StrictSerializer
from market.api.trading.auction_serializers import PriceField, UsdField
from market.domain.trading.registry import LARGEST_SERIAL, LONGEST, MOST_BLOCKS
from market.models import Appeal, ConductFlag, StandingRule

LARGEST_TEAM_ID = 2**31 - 1
EXACT: dict[str, Any] = {"max_digits": 40, "decimal_places": 9}


class AppealIn(StrictSerializer):
    """Body of `POST /api/v1/market/flags/{id}/appeal/`."""

    text = serializers.CharField(max_length=2_000)


class UnitIn(StrictSerializer):
    """A block of registry units; what is left out is not known yet and can be sent later with the same serials."""

    registry = serializers.CharField(max_length=LONGEST["registry"])
    serial_prefix = serializers.CharField(max_length=LONGEST["serial_prefix"], allow_blank=True)
    serial_first = serializers.IntegerField(min_value=0, max_value=LARGEST_SERIAL)
    serial_last = serializers.IntegerField(min_value=0, max_value=LARGEST_SERIAL)
    project_id = serializers.CharField(max_length=LONGEST["project_id"], required=False, allow_blank=True)
    project_name = serializers.CharField(max_length=LONGEST["project_name"], required=False, allow_blank=True)
    vintage = serializers.IntegerField(required=False, allow_null=True)
    methodology = serializers.CharField(max_length=LONGEST["methodology"], required=False, allow_blank=True)
    verification_body = serializers.CharField(max_length=LONGEST["verification_body"], required=False, allow_blank=True)
    retirement_beneficiary = serializers.CharField(
        max_length=LONGEST["retirement_beneficiary"], required=False, allow_blank=True
    )
    retirement_reason = serializers.CharField(max_length=LONGEST["retirement_reason"], required=False, allow_blank=True)
    retired_on = serializers.DateField(required=False, allow_null=True)


class UnitsIn(StrictSerializer):
    """Body of `POST /api/v1/market/units/`: all blocks are taken or none."""

    team = serializers.IntegerField(min_value=1, max_value=LARGEST_TEAM_ID, help_text="Who may use them.")
    units = serializers.ListField(child=UnitIn(), allow_empty=False, max_length=MOST_BLOCKS)


class UnitOut(serializers.Serializer):  # type: ignore[type-arg]
    """A block of registry units of a tonne CO2e each. Only verified ones stand in for the carbon adder."""

    id = serializers.IntegerField()
    team = serializers.IntegerField(source="team_id")
    registry = serializers.CharField()
    serial_prefix = serializers.CharField()
    serial_first = serializers.IntegerField()
    serial_last = serializers.IntegerField()
    units = serializers.IntegerField()
    project_id = serializers.CharField()
    project_name = serializers.CharField()
    vintage = serializers.IntegerField(allow_null=True)
    methodology = serializers.CharField()
    verification_body = serializers.CharField()
    retirement_beneficiary = serializers.CharField()
    retirement_reason = serializers.CharField()
    retired_on = serializers.DateField(allow_null=True)
    is_verified = serializers.BooleanField(help_text="Complete and retired.")
    missing = serializers.ListField(child=serializers.CharField(), help_text="What keeps it from being verified.")
    used_g = serializers.IntegerField(help_text="Offers have used or keep so much.")
    free_g = serializers.IntegerField()
    imported_at = serializers.DateTimeField()
    imported_by = serializers.CharField()


class ScorePartOut(serializers.Serializer):  # type: ignore[type-arg]
    """A component of a score."""

    name = serializers.CharField()
    count = serializers.FloatField(help_text="Outcomes of the last 90 days.")
    share = serializers.FloatField(allow_null=True, help_text="Good ones, as seen, 0..1.")
    value = serializers.FloatField(allow_null=True, help_text="The same drawn towards 0.5 while they are few.")
    weight = serializers.FloatField(help_text="In this score; the weights of known components sum to 1.")


class ReputationOut(serializers.Serializer):  # type: ignore[type-arg]
    """A team's reputation."""

    team = serializers.IntegerField(source="team_id")
    score = serializers.FloatField(allow_null=True, help_text="0..1; null: nothing is known.")
    parts = ScorePartOut(many=True)
    as_of = serializers.DateTimeField()
    basis = serializers.CharField(help_text="snapshot of a day, or live.")


class AppealOut(serializers.Serializer):  # type: ignore[type-arg]
    """An appeal."""

    id = serializers.IntegerField()
    text = serializers.CharField()
    at = serializers.DateTimeField()
    status = serializers.ChoiceField(choices=Appeal.Status.choices)
    decided_at = serializers.DateTimeField(allow_null=True)
    decision_reason = serializers.CharField()


class FlagOut(serializers.Serializer):  # type: ignore[type-arg]
    """A pattern that somebody should look at: no proof, and open to appeal."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=ConductFlag.Kind.choices)
    title = serializers.CharField()
    team = serializers.IntegerField(source="team_id")
    budget = serializers.UUIDField(source="budget_id", allow_null=True)
    instrument = serializers.CharField(allow_null=True)
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    evidence = serializers.JSONField()
    status = serializers.ChoiceField(choices=ConductFlag.Status.choices)
    charge_usd = UsdField(source="charge_micro_usd", help_text="Given back where it was lifted.")
    noticed_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    decision_reason = serializers.CharField()
    may_appeal = serializers.BooleanField()
    appeals = AppealOut(many=True)


class RuleChangeIn(StrictSerializer):
    """Body of `PATCH /api/v1/market/rules/{id}/`."""

    by_hour_utc = serializers.IntegerField(min_value=0, max_value=23, required=False, allow_null=True)
    limit_price_usd = serializers.DecimalField(
        **EXACT, min_value=Decimal(0), required=False, help_text="Worst price for ONE token, gram or watt hour."
    )
    most_per_day = serializers.DecimalField(**EXACT, min_value=Decimal(0), required=False, help_text="In its unit.")
    most_usd_per_day = serializers.DecimalField(
        **EXACT, min_value=Decimal(0), required=False, allow_null=True, help_text="Of a rule that buys."
    )
    is_active = serializers.BooleanField(required=False)


class RuleIn(RuleChangeIn):
    """Body of `POST /api/v1/market/rules/`."""

    budget = serializers.UUIDField(source="budget_id")
    kind = serializers.ChoiceField(choices=StandingRule.Kind.choices)
    limit_price_usd = serializers.DecimalField(
        **EXACT, min_value=Decimal(0), help_text="Worst price for ONE token, gram or watt hour."
    )
    most_per_day = serializers.DecimalField(**EXACT, min_value=Decimal(0), help_text="In its unit.")
    is_active = None  # type: ignore[assignment]


class RuleOut(serializers.Serializer):  # type: ignore[type-arg]
    """A standing rule, with what it did last and why."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=StandingRule.Kind.choices)
    title = serializers.CharField()
    team = serializers.IntegerField(source="team_id")
    budget = serializers.UUIDField(source="budget_id")
    unit = serializers.CharField()
    by_hour_utc = serializers.IntegerField(allow_null=True)
    limit_price_usd = PriceField()
    most_per_day = PriceField(help_text="In its unit.")
    most_usd_per_day = PriceField(allow_null=True)
    is_active = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    last_run_at = serializers.DateTimeField(allow_null=True)
    last_outcome = serializers.CharField()
