"""`/api/v1/outages/`: when regions serve less than they have."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from climate import selectors
from climate.api.emergency_serializers import LONGEST_REASON_CHARACTERS, NumberField, ReasonIn
from climate.api.pages import PAGING, paged_answer
from climate.api.parameters import yes_or_no
from climate.domain.model_classes import MODEL_CLASSES
from climate.services import outages as services
from config.kernel.rest import StrictSerializer, paged, validated

KINDS = [("outage", "outage"), ("maintenance", "maintenance")]


class OutageOut(serializers.Serializer):  # type: ignore[type-arg]
    """A region that serves only a share of its capacity."""

    id = serializers.IntegerField()
    region = serializers.CharField()
    model_class = serializers.CharField(allow_null=True, help_text="null: all of them.")
    kind = serializers.ChoiceField(choices=KINDS)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True, help_text="null: it lasts until it is ended.")
    capacity_share = serializers.FloatField(help_text="Share of the capacity that is left, of every hour it touches.")
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    is_withdrawn = serializers.BooleanField(help_text="Taken back before it began: it never counted.")


class OutageIn(StrictSerializer):
    """An outage, or maintenance that is planned."""

    region = serializers.CharField(max_length=64)
    model_class = serializers.ChoiceField(
        choices=list(MODEL_CLASSES), required=False, allow_null=True, default=None, help_text="Without it: all."
    )
    kind = serializers.ChoiceField(choices=KINDS)
    capacity_share = NumberField(min_value=0, max_value=1, help_text="Share of the capacity that is left.")
    reason = serializers.CharField(max_length=LONGEST_REASON_CHARACTERS)
    starts_at = serializers.DateTimeField(required=False, allow_null=True, default=None, help_text="Default: now.")
    ends_at = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="Without it, it lasts until it is ended."
    )


class OutageListView(APIView):
    """Outages and maintenance."""

    required_scopes = {"GET": Scope.CLIMATE_READ, "POST": Scope.CAPACITY_WRITE}

    @extend_schema(
        operation_id="outages_list",
        parameters=[
            OpenApiParameter("region", str, description="Only those of this region."),
            OpenApiParameter("current", bool, description="false: those that are over too. Default true."),
            *PAGING,
        ],
        responses=paged(OutageOut),
    )
    def get(self, request: Request) -> Response:
        """In force or announced, last begun first."""
        region = request.query_params.get("region")
        if region is not None:
            selectors.get_region(region)
        is_all = yes_or_no(request, "current") is False
        found = selectors.list_all_outages(region=region, ends_after=None if is_all else timezone.now())
        return paged_answer(request, self, found, lambda rows: OutageOut(rows, many=True).data)

    @extend_schema(operation_id="outages_create", request=OutageIn, responses={201: OutageOut})
    def post(self, request: Request) -> Response:
        """Enter one. What is promised already stays; the plan is made anew."""
        new = services.NewOutage(**validated(OutageIn, request))
        outage_id = services.add_outage(new, by=Principal.of(request.auth).actor, now=timezone.now())
        return Response(_one(outage_id), status=201)


class OutageView(APIView):
    """One outage."""

    required_scopes = {"GET": Scope.CLIMATE_READ}

    @extend_schema(operation_id="outages_read", responses=OutageOut)
    def get(self, request: Request, outage_id: int) -> Response:
        """As it stands."""
        return Response(_one(outage_id))


class EndView(APIView):
    """The end of an outage."""

    required_scopes = {"POST": Scope.CAPACITY_WRITE}

    @extend_schema(operation_id="outages_end", request=ReasonIn, responses=OutageOut)
    def post(self, request: Request, outage_id: int) -> Response:
        """End it now, or withdraw it where it has not begun. 409 if it is over."""
        values = validated(ReasonIn, request)
        services.end_outage(
            outage_id=outage_id, by=Principal.of(request.auth).actor, now=timezone.now(), reason=values["reason"]
        )
        return Response(_one(outage_id))


def _one(outage_id: int) -> Any:
    return OutageOut(selectors.get_outage(outage_id)).data
