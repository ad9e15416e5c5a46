"""`/api/v1/round-tables/`: who is asked, set once and used for one question after another."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from config.kernel.rest import paged, validated
from sessions_app.api.doors import IDEMPOTENCY_KEY, acting_team, answered_once
from sessions_app.api.round_serializers import MemberIn, SeatsIn
from sessions_app.domain.gateway.table import LEAST_MEMBERS, MOST_MEMBERS
from sessions_app.selectors.round_runs import get_table, list_tables
from sessions_app.services.rounds.tables import TableAsk, create_table, delete_table


class TableIn(SeatsIn):
    """Body of `POST round-tables/`."""

    name = serializers.SlugField(max_length=60)
    members = serializers.ListField(child=MemberIn(), min_length=LEAST_MEMBERS, max_length=MOST_MEMBERS)


class SeatOut(serializers.Serializer):  # type: ignore[type-arg]
    """Who sits there."""

    name = serializers.CharField()
    role = serializers.CharField()
    model = serializers.CharField()
    memory = serializers.CharField()
    serves = serializers.ListField(child=serializers.CharField())
    priority = serializers.FloatField(help_text="The weight of what it serves: decides between equals.")


class TableOut(serializers.Serializer):  # type: ignore[type-arg]
    """A round table."""

    name = serializers.CharField()
    members = SeatOut(many=True)
    values = serializers.DictField(child=serializers.FloatField())
    reflective_model = serializers.CharField()
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()


class TableListView(APIView):
    """Round tables of the team."""

    required_scopes = {"GET": Scope.SESSIONS_READ, "POST": Scope.SESSIONS_WRITE}

    @extend_schema(operation_id="gateway_round_tables_list", responses=paged(TableOut))
    def get(self, request: Request) -> Response:
        """All of your team, by name: at most 200, on one page."""
        tables = list_tables(acting_team(Principal.of(request.auth)))
        return Response({"next": None, "previous": None, "results": TableOut(tables, many=True).data})

    @extend_schema(
        operation_id="gateway_round_tables_create",
        parameters=[IDEMPOTENCY_KEY],
        request=TableIn,
        responses={201: TableOut},
    )
    def post(self, request: Request) -> Response:
        """Set a table: 2 to 20 agents, each with a model, and what the user cares for."""
        principal, values = Principal.of(request.auth), validated(TableIn, request)
        team_id, name = acting_team(principal), values.pop("name")

        def work() -> tuple[int, Any]:
            ask = TableAsk(**values)
            create_table(team_id=team_id, name=name, ask=ask, actor=principal.actor, now=timezone.now())
            return 201, dict(TableOut(get_table(team_id, name)).data)

        return answered_once(request, work)


class TableView(APIView):
    """One round table."""

    required_scopes = {"GET": Scope.SESSIONS_READ, "DELETE": Scope.SESSIONS_WRITE}

    @extend_schema(operation_id="gateway_round_tables_read", responses=TableOut)
    def get(self, request: Request, name: str) -> Response:
        """Who sits there."""
        return Response(TableOut(get_table(acting_team(Principal.of(request.auth)), name)).data)

    @extend_schema(operation_id="gateway_round_tables_delete", responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Remove it. Rounds keep theirs as it was when they began."""
        delete_table(team_id=acting_team(Principal.of(request.auth)), name=name)
        return Response(status=204)


ROUTES: list[URLPattern] = [
    path("round-tables/", TableListView.as_view()),
    path("round-tables/<slug:name>/", TableView.as_view()),
]
