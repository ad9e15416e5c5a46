"""`/api/v1/drills/`: what an emergency would change, without changing anything."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from climate.domain.alerts import DisasterKind
from config.kernel.rest import StrictSerializer, validated
from market import services
from market.api.serializers import ShareField

KINDS = [(each.value, each.value) for each in DisasterKind]


class DrillIn(StrictSerializer):
    """An emergency to suppose. What is left out is as the emergency policy has it."""

    kind = serializers.ChoiceField(choices=KINDS)
    countries = serializers.ListField(
        child=serializers.RegexField(r"^[A-Z]{2}$"), source="country_codes", allow_empty=False, max_length=300
    )
    purposes = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, allow_null=True, default=None, max_length=100
    )
    multiplier = ShareField(min_value=1, max_value=100, required=False, allow_null=True, default=None)


class PlanFiguresOut(serializers.Serializer):  # type: ignore[type-arg]
    """Of a plan."""

    planned_tokens = serializers.IntegerField(allow_null=True)
    missed_tokens = serializers.IntegerField(allow_null=True, help_text="Due within the plan and not placed.")
    planned_g = serializers.FloatField(allow_null=True, help_text="g CO2e of what is placed, estimated.")


class PartyChangeOut(serializers.Serializer):  # type: ignore[type-arg]
    """An origin and purpose in both plans."""

    origin = serializers.CharField()
    purpose = serializers.CharField()
    weight_before = serializers.FloatField(allow_null=True)
    weight_after = serializers.FloatField(allow_null=True)
    asked_tokens = serializers.IntegerField()
    before_tokens = serializers.IntegerField()
    after_tokens = serializers.IntegerField()
    gives_back_tokens = serializers.IntegerField(help_text="Of promises that have not begun.")
    loses = serializers.BooleanField()


class DrillOut(serializers.Serializer):  # type: ignore[type-arg]
    """The plan of the drill beside the plan in force."""

    run = serializers.IntegerField(source="run_id")
    compared_with_run = serializers.IntegerField(source="before_run_id")
    compared_with_made_at = serializers.DateTimeField(source="before_made_at")
    kind = serializers.ChoiceField(choices=KINDS)
    countries = serializers.ListField(child=serializers.CharField(), source="country_codes")
    purposes = serializers.ListField(child=serializers.CharField())
    multiplier = serializers.FloatField()
    before = PlanFiguresOut()
    after = PlanFiguresOut()
    would_give_back = serializers.IntegerField(help_text="Promises that would be taken back.")
    parties = PartyChangeOut(many=True)


class DrillListView(APIView):
    """Drills. Those that were run are among the allocation runs."""

    required_scopes = {"POST": Scope.EMERGENCIES_WRITE}

    @extend_schema(operation_id="drills_create", request=DrillIn, responses={201: DrillOut})
    def post(self, request: Request) -> Response:
        """Plan what waits as if this emergency were in force, and compare. Nothing else changes."""
        values = validated(DrillIn, request)
        report = services.run_drill(**values, actor=Principal.of(request.auth).actor, now=timezone.now())
        return Response(DrillOut(report).data, status=201)
