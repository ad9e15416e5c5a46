"""Plans, fairness and savings as the API answers them. Grams are g CO2e; null is unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rest_framework import serializers

from market.domain.plan_views import BOUND_LABEL, LABEL, REFERENCE
from market.domain.policy import MODEL_CLASSES

LONGEST_PERIOD = timedelta(days=31)
USUAL_PERIOD = timedelta(days=7)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class RunsIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of `GET /api/v1/allocation/runs/`."""

    before = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, required=False, default=None, help_text="Runs older than this one."
    )


class PlanIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of `GET /api/v1/allocation/plan/`."""

    region = serializers.SlugField(max_length=64, required=False, default=None)
    model_class = serializers.ChoiceField(choices=list(MODEL_CLASSES), required=False, default=None)
    since = serializers.DateTimeField(required=False, default=None)
    until = serializers.DateTimeField(required=False, default=None)


class SavingsIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of `GET /api/v1/allocation/savings/`: work settled in [since, until), by default of the last seven days."""

    since = serializers.DateTimeField(required=False, default=None)
    until = serializers.DateTimeField(required=False, default=None)

    def period(self, now: datetime) -> tuple[datetime, datetime]:
        """Since and until. Raises ValidationError naming the field at fault."""
        until = self.validated_data["until"] or now
        since = self.validated_data["since"] or max(until, EARLIEST) - USUAL_PERIOD
        if since >= until:
            raise serializers.ValidationError({"until": "This is not after `since`."})
        if until - since > LONGEST_PERIOD:
            raise serializers.ValidationError({"since": f"A period is at most {LONGEST_PERIOD.days} days."})
        return since, until


class RunOut(serializers.Serializer):  # type: ignore[type-arg]
    """One allocation pass. Grams of the plan and of the reference stand beside the tokens that each misses."""

    id = serializers.IntegerField(source="run_id")
    trigger = serializers.CharField()
    kind = serializers.CharField(help_text="plan, or drill: computed, never in force")
    state = serializers.CharField()
    is_current = serializers.BooleanField(help_text="The plan in force.")
    is_degraded = serializers.BooleanField(help_text="The solver failed: a feasible plan, not the greenest one.")
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    considered = serializers.IntegerField()
    granted = serializers.IntegerField()
    denied = serializers.IntegerField()
    waiting = serializers.IntegerField()
    solver = serializers.CharField()
    asked_tokens = serializers.IntegerField(allow_null=True)
    planned_tokens = serializers.IntegerField(allow_null=True)
    missed_tokens = serializers.IntegerField(allow_null=True)
    planned_g = serializers.FloatField(allow_null=True)
    compared_tokens = serializers.IntegerField(allow_null=True, help_text="That plan and reference both serve.")
    compared_g = serializers.FloatField(allow_null=True, help_text="Of the plan, over these tokens.")
    reference_g = serializers.FloatField(allow_null=True, help_text="Of the reference, over these tokens.")
    reference = serializers.CharField(read_only=True, default=REFERENCE)
    reference_missed_tokens = serializers.IntegerField(allow_null=True)
    saved_share = serializers.FloatField(allow_null=True, help_text="1 - compared_g / reference_g")
    label = serializers.CharField(read_only=True, default=LABEL)  # type: ignore[assignment]
    total_seconds = serializers.FloatField(allow_null=True)
    error = serializers.CharField()
    kept_run_id = serializers.IntegerField(
        allow_null=True, help_text="Nothing had changed: the plan of this run stayed in force."
    )


class PartyFactorOut(serializers.Serializer):  # type: ignore[type-arg]
    """One factor of a weight."""

    name = serializers.CharField()
    value = serializers.FloatField()


class PartyOut(serializers.Serializer):  # type: ignore[type-arg]
    """What one origin and purpose asked, got, and would have got first come, first served. Tokens."""

    origin = serializers.CharField()
    scored = serializers.CharField(help_text="The country whose need counts.")
    purpose = serializers.CharField()
    weight = serializers.FloatField()
    factors = PartyFactorOut(many=True)
    floor_tokens = serializers.FloatField()
    asked_tokens = serializers.IntegerField()
    service_tokens = serializers.IntegerField()
    baseline_tokens = serializers.IntegerField()
    served_share = serializers.FloatField(allow_null=True)
    served_per_weight = serializers.FloatField(allow_null=True)
    baseline_share = serializers.FloatField(allow_null=True)


class IndicesOut(serializers.Serializer):  # type: ignore[type-arg]
    """Fairness in figures, over all parties that asked."""

    minimum_share = serializers.FloatField(allow_null=True)
    jain = serializers.FloatField(allow_null=True)
    gini = serializers.FloatField(allow_null=True)
    weighted_jain = serializers.FloatField(allow_null=True)
    weighted_gini = serializers.FloatField(allow_null=True)
    service_tokens = serializers.IntegerField()


class LevelOut(serializers.Serializer):  # type: ignore[type-arg]
    """A level at which parties stopped, and why."""

    level = serializers.FloatField(help_text="Tokens per weight.")
    parties = serializers.ListField(child=serializers.IntegerField(), help_text="Indices into `parties`.")
    bottleneck = serializers.CharField()


class FairnessOut(serializers.Serializer):  # type: ignore[type-arg]
    """Who got what of a plan, with and without the policy."""

    run = serializers.IntegerField(source="run_id")
    made_at = serializers.DateTimeField()
    is_current = serializers.BooleanField()
    policy = serializers.CharField(help_text="The policy version that weighed all parties.")
    parties = PartyOut(many=True)
    with_policy = IndicesOut()
    without_policy = IndicesOut(help_text="First come, first served.")
    floor_scale = serializers.FloatField(help_text="What floors shrank to; 1: all fit.")
    levels = LevelOut(many=True)
    price_of_justice = serializers.DictField(allow_null=True, help_text="Set where the plan has a carbon budget.")
    emergencies = serializers.ListField(child=serializers.DictField())


class CellOut(serializers.Serializer):  # type: ignore[type-arg]
    """One region, hour and model class of a plan."""

    region = serializers.CharField()
    city = serializers.CharField()
    zone = serializers.CharField()
    model_class = serializers.CharField()
    starts_at = serializers.DateTimeField()
    capacity_tokens = serializers.IntegerField()
    promised_tokens = serializers.IntegerField()
    kept_tokens = serializers.IntegerField(help_text="Room kept for expected work.")
    planned_tokens = serializers.IntegerField()
    free_tokens = serializers.IntegerField()
    intensity_g_per_kwh = serializers.FloatField(allow_null=True)
    low_g_per_kwh = serializers.FloatField(allow_null=True)
    high_g_per_kwh = serializers.FloatField(allow_null=True)
    basis = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    as_of = serializers.DateTimeField(allow_null=True)
    hour_price_g_per_1k_tokens = serializers.FloatField(
        allow_null=True, help_text="What room for 1,000 tokens more would have saved in this plan."
    )


class PlanOut(serializers.Serializer):  # type: ignore[type-arg]
    """The plan in force, cell by cell."""

    run = serializers.IntegerField(source="run_id")
    made_at = serializers.DateTimeField()
    kind = serializers.CharField()
    scope = serializers.CharField()
    is_degraded = serializers.BooleanField()
    cells = CellOut(many=True)


class WorkSavingsOut(serializers.Serializer):  # type: ignore[type-arg]
    """Settled work beside the same work run at once at home, as far as that had room."""

    tokens = serializers.IntegerField()
    location_g = serializers.FloatField()
    compared_g = serializers.FloatField(help_text="The part of it that the reference had room for.")
    reference_g = serializers.FloatField()
    saved_g = serializers.FloatField()
    saved_share = serializers.FloatField(allow_null=True)
    reference_missed_tokens = serializers.IntegerField()


class PlanSavingsOut(serializers.Serializer):  # type: ignore[type-arg]
    """The plan in force, by what was known when it was made."""

    run = serializers.IntegerField(source="run_id")
    made_at = serializers.DateTimeField()
    planned_tokens = serializers.IntegerField(allow_null=True)
    missed_tokens = serializers.IntegerField(allow_null=True)
    planned_g = serializers.FloatField(allow_null=True)
    compared_tokens = serializers.IntegerField(allow_null=True, help_text="That plan and reference both serve.")
    compared_g = serializers.FloatField(allow_null=True, help_text="Of the plan, over these tokens.")
    reference_g = serializers.FloatField(allow_null=True, help_text="Of the reference, over these tokens.")
    reference_missed_tokens = serializers.IntegerField(allow_null=True)
    saved_share = serializers.FloatField(allow_null=True)
    bound_g = serializers.FloatField(allow_null=True)
    bound_label = serializers.CharField(read_only=True, default=BOUND_LABEL)


class SavingsOut(serializers.Serializer):  # type: ignore[type-arg]
    """Savings of a period, told twice: as decisions expected them, and as the hours were measured."""

    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    as_of = serializers.DateTimeField()
    reference = serializers.CharField(read_only=True, default=REFERENCE)
    label = serializers.CharField(read_only=True, default=LABEL)  # type: ignore[assignment]
    plan = PlanSavingsOut(allow_null=True)
    expected = WorkSavingsOut()
    expected_of_measured = WorkSavingsOut(help_text="The same for the part whose hours have been measured since.")
    measured = WorkSavingsOut(help_text="That part by the measured intensities.")
    unmeasured_tokens = serializers.IntegerField()
    without_home_tokens = serializers.IntegerField()
    missed_tokens = serializers.IntegerField()


class RunDetailOut(RunOut):
    """A run with its record."""

    fingerprint = serializers.CharField(help_text="SHA-256 of everything that was solved.")
    seconds = serializers.DictField(child=serializers.FloatField(), help_text="Of each stage.")
    bound_g = serializers.FloatField(allow_null=True)
    bound_label = serializers.CharField(read_only=True, default=BOUND_LABEL)
    fund_promised_usd = serializers.CharField()
    first_hour = serializers.DateTimeField(allow_null=True)
    hour_count = serializers.IntegerField(allow_null=True)
    savings = SavingsOut(help_text="Of its work, as far as it is settled.")
    record = serializers.DictField(help_text="Misses by reason, objective and more, as plain data.")


def factor_rows(factors: tuple[tuple[str, float], ...]) -> list[dict[str, Any]]:
    """Name and value of each factor."""
    return [{"name": name, "value": value} for name, value in factors]
