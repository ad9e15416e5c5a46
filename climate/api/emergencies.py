"""`/api/v1/alerts/` and `/emergencies/`: what the feeds tell, what is in force, and what people decide."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from climate import selectors
from climate.api.emergency_serializers import (
    AlertOut,
    ConfirmIn,
    EmergencyDetailOut,
    EmergencyIn,
    EmergencyOut,
    ReasonIn,
)
from climate.api.pages import PAGING, paged_answer
from climate.api.parameters import names, one_of, yes_or_no
from climate.domain.alerts import AlertLevel, DisasterKind, EmergencyState
from climate.services import emergencies as services
from config.kernel.errors import InvalidInput
from config.kernel.rest import paged, validated


class AlertListView(APIView):
    """Disaster alerts as the feeds tell them."""

    required_scopes = {"GET": Scope.CLIMATE_READ}

    @extend_schema(
        operation_id="alerts_list",
        parameters=[
            OpenApiParameter("current", bool, description="false: those that are over. Default true."),
            OpenApiParameter("kind", str, enum=list(DisasterKind)),
            OpenApiParameter("level", str, enum=list(AlertLevel)),
            OpenApiParameter("country", str, description="ISO 3166-1 alpha-2."),
            *PAGING,
        ],
        responses=paged(AlertOut),
    )
    def get(self, request: Request) -> Response:
        """The last changed first."""
        kind, level = one_of(request, "kind", list(DisasterKind)), one_of(request, "level", list(AlertLevel))
        alerts = selectors.list_alerts(
            is_current=yes_or_no(request, "current") is not False,
            kind=DisasterKind(kind) if kind else None,
            level=AlertLevel(level) if level else None,
            country_code=_country(request),
        )
        return paged_answer(request, self, alerts, lambda rows: AlertOut(rows, many=True).data)


class EmergencyListView(APIView):
    """Emergencies."""

    required_scopes = {"GET": Scope.CLIMATE_READ, "POST": Scope.EMERGENCIES_WRITE}

    @extend_schema(
        operation_id="emergencies_list",
        parameters=[
            OpenApiParameter(
                "state", str, description="Comma-separated: proposed, active, dismissed, ended. Default: in force now."
            ),
            OpenApiParameter("drills", bool, description="true: drills too. Default false."),
            *PAGING,
        ],
        responses=paged(EmergencyOut),
    )
    def get(self, request: Request) -> Response:
        """Those in force now, or with `state` all that are in these states, last decided first."""
        states, with_drills = _states(request), yes_or_no(request, "drills") is True
        if states is not None:
            found = selectors.list_emergencies(states=states, include_drills=with_drills)
        else:
            now = timezone.now()
            drills = selectors.list_active_drills(now=now) if with_drills else []
            found = [*selectors.list_active_emergencies(now=now), *drills]
        return paged_answer(request, self, found, lambda rows: EmergencyOut(rows, many=True).data)

    @extend_schema(operation_id="emergencies_create", request=EmergencyIn, responses={201: EmergencyDetailOut})
    def post(self, request: Request) -> Response:
        """Declare an emergency, or with `is_drill` begin an exercise."""
        values = validated(EmergencyIn, request)
        begin = services.start_drill if values.pop("is_drill") else services.declare_emergency
        new = services.NewEmergency(**values)
        emergency_id = begin(new, by=Principal.of(request.auth).actor, now=timezone.now())
        return Response(_detail(emergency_id), status=201)


class EmergencyView(APIView):
    """One emergency."""

    required_scopes = {"GET": Scope.CLIMATE_READ}

    @extend_schema(operation_id="emergencies_read", responses=EmergencyDetailOut)
    def get(self, request: Request, emergency_id: int) -> Response:
        """The emergency and what became of it, newest change first."""
        return Response(_detail(emergency_id))


class ConfirmView(APIView):
    """Put a proposed emergency in force."""

    required_scopes = {"POST": Scope.EMERGENCIES_WRITE}

    @extend_schema(operation_id="emergencies_confirm", request=ConfirmIn, responses=EmergencyDetailOut)
    def post(self, request: Request, emergency_id: int) -> Response:
        """It ends with its event, or with `keep` when a person lifts it. 409 if there is nothing to confirm."""
        return _act(request, emergency_id, validated(ConfirmIn, request), services.confirm_emergency)


class DismissView(APIView):
    """Refuse a proposed emergency."""

    required_scopes = {"POST": Scope.EMERGENCIES_WRITE}

    @extend_schema(operation_id="emergencies_dismiss", request=ReasonIn, responses=EmergencyDetailOut)
    def post(self, request: Request, emergency_id: int) -> Response:
        """The same alert proposes it again only if its level rises. 409 if it is not proposed."""
        return _act(request, emergency_id, validated(ReasonIn, request), services.dismiss_emergency)


class LiftView(APIView):
    """End an emergency or a drill."""

    required_scopes = {"POST": Scope.EMERGENCIES_WRITE}

    @extend_schema(operation_id="emergencies_lift", request=ReasonIn, responses=EmergencyDetailOut)
    def post(self, request: Request, emergency_id: int) -> Response:
        """Weights are as before from now on. 409 if it is not in force."""
        return _act(request, emergency_id, validated(ReasonIn, request), services.lift_emergency)


def _act(request: Request, emergency_id: int, values: dict[str, Any], service: Callable[..., None]) -> Response:
    now: datetime = timezone.now()
    service(emergency_id=emergency_id, by=Principal.of(request.auth).actor, now=now, **values)
    return Response(_detail(emergency_id))


def _detail(emergency_id: int) -> Any:
    emergency = selectors.get_emergency(emergency_id)
    changes = selectors.list_emergency_changes(emergency_id)
    return EmergencyDetailOut({"emergency": emergency, "history": changes}).data


def _country(request: Request) -> str | None:
    """A known country. An unknown one is refused: an empty list would say that all is well there."""
    code = request.query_params.get("country")
    if code is not None and selectors.find_country(code) is None:
        raise InvalidInput("Send the ISO 3166-1 alpha-2 code of a country, for example BD.", field="country")
    return code


def _states(request: Request) -> list[EmergencyState] | None:
    wanted = names(request, "state")
    if wanted is None:
        return None
    if not wanted or not set(wanted) <= set(EmergencyState):
        raise InvalidInput(f"Send one or more of {', '.join(EmergencyState)}.", field="state")
    return [EmergencyState(each) for each in wanted]
