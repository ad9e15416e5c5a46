"""What budgets tell and where it goes: `/budgets/alerts/`, `/budgets/channels/`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from budgets import selectors, services
from budgets.api.bodies import UNITS, EmptyIn, asked
from budgets.api.doors import IDEMPOTENCY_KEY, Said, acting_team, answered_once, visible_budget, visible_teams
from budgets.api.fields import AmountField, WholeField
from budgets.domain.alerts import AlertKind, ChannelFacts, ChannelKind, ChannelState, DeliveryStatus
from config.kernel.errors import NotAllowed, NotFound
from config.kernel.rest import StrictSerializer, paged, validated

ALERT_KINDS = [kind.value for kind in AlertKind]
CHANNEL_KINDS = [kind.value for kind in ChannelKind]
CHANNEL_STATES = [state.value for state in ChannelState]
DELIVERY_STATUSES = [status.value for status in DeliveryStatus]


class AlertsQuery(StrictSerializer):
    """Query of alerts."""

    budget = serializers.UUIDField(required=False, default=None)
    since = serializers.DateTimeField(required=False, default=None)


class ChannelChangeIn(StrictSerializer):
    """Body of `PATCH /api/v1/budgets/channels/{id}/`."""

    name = serializers.CharField(max_length=120, required=False)
    address = serializers.CharField(max_length=500, required=False)
    alert_kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=ALERT_KINDS), required=False, max_length=len(ALERT_KINDS)
    )
    least_percent = WholeField(min_value=0, max_value=100, required=False)
    is_active = serializers.BooleanField(required=False)


class ChannelIn(ChannelChangeIn):
    """Body of `POST /api/v1/budgets/channels/`."""

    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(choices=CHANNEL_KINDS)
    address = serializers.CharField(max_length=500, help_text="A URL, or e-mail addresses with commas.")


class BudgetAlertOut(serializers.Serializer):  # type: ignore[type-arg]
    """An alert with the figures of the moment in which it was recorded."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=ALERT_KINDS)
    at = serializers.DateTimeField()
    budget = serializers.UUIDField(source="budget_id")
    budget_name = serializers.CharField()
    unit = serializers.ChoiceField(choices=UNITS)
    period_starts_at = serializers.DateTimeField()
    resets_at = serializers.DateTimeField(allow_null=True)
    percent = serializers.IntegerField(allow_null=True)
    amount = AmountField(allow_null=True)
    limit = AmountField(allow_null=True)
    spent = AmountField(allow_null=True)
    reserved = AmountField(allow_null=True)
    runs_out_at = serializers.DateTimeField(allow_null=True)
    hold = serializers.UUIDField(source="hold_id", allow_null=True)
    waiting = serializers.IntegerField(help_text="Deliveries on their way.")
    delivered = serializers.IntegerField()
    failed = serializers.IntegerField()


class ChannelOut(serializers.Serializer):  # type: ignore[type-arg]
    """A channel, without its secret."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=CHANNEL_KINDS)
    address = serializers.CharField()
    alert_kinds = serializers.ListField(child=serializers.ChoiceField(choices=ALERT_KINDS))
    least_percent = serializers.IntegerField()
    is_active = serializers.BooleanField()
    state = serializers.ChoiceField(choices=CHANNEL_STATES)
    created_at = serializers.DateTimeField()
    waiting = serializers.IntegerField()
    failed = serializers.IntegerField()
    last_delivered_at = serializers.DateTimeField(allow_null=True)


class MadeChannelOut(ChannelOut):
    """A channel just made; `secret` is what its webhooks are signed with, and is shown this once."""

    secret = serializers.CharField(allow_null=True)


class SecretOut(serializers.Serializer):  # type: ignore[type-arg]
    """What the webhooks of a channel are signed with, shown this once."""

    secret = serializers.CharField()


class AttemptOut(serializers.Serializer):  # type: ignore[type-arg]
    """One try of a delivery."""

    at = serializers.DateTimeField()
    duration_ms = serializers.IntegerField()
    status_code = serializers.IntegerField(allow_null=True)
    error = serializers.CharField()


class DeliveryOut(serializers.Serializer):  # type: ignore[type-arg]
    """One alert, or a test, on its way to a channel."""

    id = serializers.UUIDField(help_text="The webhook-id.")
    alert = serializers.IntegerField(source="alert_id", allow_null=True)
    status = serializers.ChoiceField(choices=DELIVERY_STATUSES)
    attempt_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    attempts = AttemptOut(many=True)


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
        rows = selectors.list_channels(team_ids=visible_teams(Principal.of(request.auth)))
        return Response({"next": None, "previous": None, "results": ChannelOut(rows, many=True).data})

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
            return 201, _told(selectors.get_channel(made.id)), None

        answer = answered_once(request, work)
        answer.data = {**answer.data, **shown}
        return answer


class ChannelView(APIView):
    """One channel."""

    required_scopes = {"GET": Scope.BUDGETS_READ, "PATCH": Scope.BUDGETS_WRITE, "DELETE": Scope.BUDGETS_WRITE}

    @extend_schema(operation_id="budgets_channel", responses=ChannelOut)
    def get(self, request: Request, channel_id: int) -> Response:
        """How it is."""
        return Response(_told(visible_channel(request, channel_id)))

    @extend_schema(operation_id="budgets_channel_change", request=ChannelChangeIn, responses=ChannelOut)
    def patch(self, request: Request, channel_id: int) -> Response:
        """What is left out stays."""
        own_channel(request, channel_id)
        changes: Mapping[str, Any] = validated(ChannelChangeIn, request)
        actor = Principal.of(request.auth).actor
        services.change_channel(channel_id=channel_id, actor=actor, now=timezone.now(), **changes)
        return Response(_told(selectors.get_channel(channel_id)))

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
    if channel.team_id is None or channel.team_id != Principal.of(request.auth).team_id:
        raise NotAllowed("This channel is not your team's to change.", field="channel")
    return channel


def _told(channel: ChannelFacts) -> dict[str, Any]:
    return dict(ChannelOut(channel).data)
