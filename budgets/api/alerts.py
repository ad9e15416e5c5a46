"""What budgets tell and where it goes: `/budgets/alerts/`, `/budgets/channels/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from accounts.services.once import IDEMPOTENCY_KEY
from budgets import selectors, services
from budgets.api.alert_serializers import (
    AlertsQuery,
    BudgetAlertOut,
    ChannelChangeIn,
    ChannelIn,
    ChannelOut,
    DeliveryOut,
    MadeChannelOut,
    SecretOut,
)
from budgets.api.bodies import EmptyIn, asked
from budgets.api.doors import Said, acting_team, answered_once, visible_budget, visible_teams
from budgets.domain.addresses import masked
from budgets.domain.alerts import ChannelFacts, ChannelKind
from config.kernel.errors import NotAllowed, NotFound
from config.kernel.rest import paged, validated


class AlertsView(APIView):
    """What budgets told."""

    required_scopes = {"GET": Scope.BUDGETS_READ}

    @extend_schema(
        operation_id="budgets_alerts",
        parameters=[
            OpenApiParameter("budget", OpenApiTypes.UUID),
            OpenApiParameter("since", OpenApiTypes.DATETIME),
        ],
        responses=paged(BudgetAlertOut),
    )
    def get(self, request: Request) -> Response:
        """The newest hundred, newest first."""
        principal = Principal.of(request.auth)
        query = asked(AlertsQuery, request)
        if query["budget"]:
            visible_budget(principal, query["budget"])
        rows = selectors.list_budget_alerts(
            team_ids=visible_teams(principal),
            organisation_id=principal.organisation_id,
            budget_id=query["budget"],
            since=query["since"],
        )
        return Response({"next": None, "previous": None, "results": BudgetAlertOut(rows, many=True).data})


class ChannelListView(APIView):
    """Channels of the caller's teams. Those of a whole organisation are kept in the administration."""

    required_scopes = {"GET": Scope.BUDGETS_READ, "POST": Scope.BUDGETS_WRITE}

    @extend_schema(operation_id="budgets_channels", responses=paged(ChannelOut))
    def get(self, request: Request) -> Response:
        """By name, with how they are."""
        principal = Principal.of(request.auth)
        rows = selectors.list_channels(team_ids=visible_teams(principal))
        return Response({"next": None, "previous": None, "results": [_told(row, principal) for row in rows]})

    @extend_schema(
        operation_id="budgets_channel_create",
        parameters=[IDEMPOTENCY_KEY],
        request=ChannelIn,
        responses={201: MadeChannelOut},
    )
    def post(self, request: Request) -> Response:
        """The secret is in this answer only; a replay of it has none."""
        principal = Principal.of(request.auth)
        team_id, organisation_id = acting_team(principal)
        body = validated(ChannelIn, request)
        shown: dict[str, str | None] = {"secret": None}

        def work() -> Said:
            made = services.create_channel(
                organisation_id=organisation_id, team_id=team_id, actor=principal.actor, now=timezone.now(), **body
            )
            shown["secret"] = made.secret
            # Stored under the Idempotency-Key: without the secret, which nobody keeps in the clear.
            return 201, _told(selectors.get_channel(made.id), principal), None

        answer = answered_once(request, work)
        answer.data = {**answer.data, **shown}
        return answer


class ChannelView(APIView):
    """One channel."""

    required_scopes = {"GET": Scope.BUDGETS_READ, "PATCH": Scope.BUDGETS_WRITE, "DELETE": Scope.BUDGETS_WRITE}

    @extend_schema(operation_id="budgets_channel", responses=ChannelOut)
    def get(self, request: Request, channel_id: int) -> Response:
        """How it is."""
        return Response(_told(visible_channel(request, channel_id), Principal.of(request.auth)))

    @extend_schema(operation_id="budgets_channel_change", request=ChannelChangeIn, responses=ChannelOut)
    def patch(self, request: Request, channel_id: int) -> Response:
        """What is left out stays."""
        own_channel(request, channel_id)
        changes: Mapping[str, Any] = validated(ChannelChangeIn, request)
        principal = Principal.of(request.auth)
        services.change_channel(channel_id=channel_id, actor=principal.actor, now=timezone.now(), **changes)
        return Response(_told(selectors.get_channel(channel_id), principal))

    @extend_schema(operation_id="budgets_channel_remove", responses={204: None})
    def delete(self, request: Request, channel_id: int) -> Response:
        """With its deliveries."""
        own_channel(request, channel_id)
        services.remove_channel(channel_id=channel_id, actor=Principal.of(request.auth).actor, now=timezone.now())
        return Response(status=204)


class ChannelTestView(APIView):
    """Try a channel."""

    required_scopes = {"POST": Scope.BUDGETS_WRITE}

    @extend_schema(operation_id="budgets_channel_test", request=EmptyIn, responses=DeliveryOut)
    def post(self, request: Request, channel_id: int) -> Response:
        """Sends a test at once and answers with what came of it."""
        own_channel(request, channel_id)
        validated(EmptyIn, request)
        sent = services.send_test(channel_id=channel_id, actor=Principal.of(request.auth).actor, now=timezone.now())
        return Response(DeliveryOut(sent).data)


class ChannelSecretView(APIView):
    """Give a webhook another secret."""

    required_scopes = {"POST": Scope.BUDGETS_WRITE}

    @extend_schema(operation_id="budgets_channel_secret", request=EmptyIn, responses=SecretOut)
    def post(self, request: Request, channel_id: int) -> Response:
        """It is shown this once; the old one is worth nothing any more."""
        own_channel(request, channel_id)
        validated(EmptyIn, request)
        actor = Principal.of(request.auth).actor
        return Response({"secret": services.rotate_secret(channel_id=channel_id, actor=actor, now=timezone.now())})


class DeliveriesView(APIView):
    """What came of alerts on a channel."""

    required_scopes = {"GET": Scope.BUDGETS_READ}

    @extend_schema(operation_id="budgets_channel_deliveries", responses=paged(DeliveryOut))
    def get(self, request: Request, channel_id: int) -> Response:
        """The newest hundred with every try, newest first."""
        visible_channel(request, channel_id)
        rows = selectors.list_deliveries(channel_id=channel_id)
        return Response({"next": None, "previous": None, "results": DeliveryOut(rows, many=True).data})


def visible_channel(request: Request, channel_id: int) -> ChannelFacts:
    """A channel of a team that the caller may see; another does not exist for it."""
    channel = selectors.get_channel(channel_id)
    principal = Principal.of(request.auth)
    if not (principal.sees_everything or channel.team_id in principal.visible_team_ids):
        raise NotFound("There is no such channel.", field="channel")
    return channel


def own_channel(request: Request, channel_id: int) -> ChannelFacts:
    """A channel of the caller's own team, to change."""
    channel = visible_channel(request, channel_id)
    if not _is_own(channel, Principal.of(request.auth)):
        raise NotAllowed("This channel is not your team's to change.", field="channel")
    return channel


def _is_own(channel: ChannelFacts, principal: Principal) -> bool:
    return channel.team_id is not None and channel.team_id == principal.team_id


def _told(channel: ChannelFacts, principal: Principal) -> dict[str, Any]:
    """Addresses of webhooks may hold keys of the receiver: whole for those only who may change the channel."""
    may_change = _is_own(channel, principal) and principal.may(Scope.BUDGETS_WRITE)
    if channel.kind is ChannelKind.WEBHOOK and not may_change:
        channel = replace(channel, address=masked(channel.address))
    return dict(ChannelOut(channel).data)
