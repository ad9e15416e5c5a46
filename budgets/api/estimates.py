"""`/api/v1/estimates/` and `/api/v1/estimates/accuracy/`: how many tokens work takes, and how good that was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.scopes import Scope
from budgets import selectors
from budgets.api.bodies import asked
from budgets.domain.estimates import Estimate, EstimateBasis, Mode
from config.kernel.rest import StrictSerializer, paged

MODES = [mode.value for mode in Mode]
MODEL_CLASSES = ["S", "M", "L", "XL", "XXL"]
BASES = [basis.value for basis in EstimateBasis]
MOST_ROLES = 64
WORK = [
    OpenApiParameter("mode", str, enum=MODES, description="Left out: a council where the work is complex."),
    OpenApiParameter("roles", int, description="1 to 64."),
    OpenApiParameter("complexity", float, description="0 to 1."),
    OpenApiParameter("model_class", str, enum=MODEL_CLASSES),
    OpenApiParameter("purpose", str, description="Name of a purpose; * for any."),
]


class WorkQuery(StrictSerializer):
    """The shape of a piece of work."""

    mode = serializers.ChoiceField(choices=MODES, required=False, default=None)
    roles = serializers.IntegerField(min_value=1, max_value=MOST_ROLES, required=False, default=1)
    complexity = serializers.FloatField(min_value=0, max_value=1, required=False, default=None)
    model_class = serializers.ChoiceField(choices=MODEL_CLASSES, required=False, default="*")
    purpose = serializers.CharField(max_length=60, required=False, default="*")

    def validate_complexity(self, value: float | None) -> float | None:
        """A number."""
        if value is not None and value != value:
            raise serializers.ValidationError("Send a number.")
        return value


class TokenWorkKindOut(serializers.Serializer):  # type: ignore[type-arg]
    """What work is grouped by; * is any."""

    mode = serializers.CharField()
    roles = serializers.IntegerField(source="role_count")
    complexity_band = serializers.CharField()
    model_class = serializers.CharField()
    purpose = serializers.CharField()


class TokenEstimateOut(serializers.Serializer):  # type: ignore[type-arg]
    """Tokens beyond the input: expected (p50) and to hold (p95), and which group of settled work says so."""

    p50_tokens = serializers.IntegerField()
    p95_tokens = serializers.IntegerField()
    basis = serializers.ChoiceField(choices=BASES)
    outcome_count = serializers.IntegerField()
    kind = TokenWorkKindOut()
    group = TokenWorkKindOut()


class AccuracyOut(serializers.Serializer):  # type: ignore[type-arg]
    """How good the predictions of a group were. Shares 0 to 1; errors are relative to the outcome."""

    kind = TokenWorkKindOut()
    answers = serializers.BooleanField(help_text="Whether estimates come from this group.")
    is_coarse = serializers.BooleanField()
    p50_tokens = serializers.IntegerField()
    p95_tokens = serializers.IntegerField()
    outcome_count = serializers.IntegerField()
    within_target_share = serializers.FloatField(help_text="Within 30 % of the outcome.")
    target_share = serializers.FloatField()
    meets_target = serializers.BooleanField()
    covered_share = serializers.FloatField(help_text="Outcomes below p95; one that reached it may be cut off.")
    mean_error = serializers.FloatField()
    smoothed_error = serializers.FloatField()
    is_adapting = serializers.BooleanField()
    updated_at = serializers.DateTimeField()


class EstimateView(APIView):
    """How many tokens a piece of work takes."""

    required_scopes = {"GET": Scope.BUDGETS_READ}

    @extend_schema(operation_id="estimates_read", parameters=WORK, responses=TokenEstimateOut)
    def get(self, request: Request) -> Response:
        """Reserves nothing."""
        return Response(TokenEstimateOut(estimate_of(asked(WorkQuery, request))).data)


class AccuracyView(APIView):
    """How good estimates have been."""

    required_scopes = {"GET": Scope.BUDGETS_READ}

    @extend_schema(operation_id="estimates_accuracy", responses=paged(AccuracyOut))
    def get(self, request: Request) -> Response:
        """Every group that has seen settled work, of this whole deployment, the most coarse first."""
        results = AccuracyOut(selectors.list_accuracy(), many=True).data
        return Response({"next": None, "previous": None, "results": results})


def estimate_of(query: Mapping[str, Any]) -> Estimate:
    """The estimate that a query asks for."""
    return selectors.get_estimate(
        mode=query["mode"],
        role_count=query["roles"],
        complexity=query["complexity"],
        model_class=query["model_class"],
        purpose=query["purpose"],
    )
