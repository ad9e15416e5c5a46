"""`/api/v1/budgets/`: parse, one call down, answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from budgets import selectors, services
from budgets.api.doors import changeable_budget, require_parent, visible_budget, visible_teams
from budgets.api.serializers import AllotIn, BudgetIn, BudgetOut, LedgerLineOut, StatusOut
from budgets.domain.periods import Period
from budgets.domain.refusals import plain_number
from budgets.domain.units import Unit
from config.kernel.errors import InvalidInput, NotAllowed
from config.kernel.rest import paged, validated

LEDGER_PAGE = 100


class BudgetListView(APIView):
    """List the caller's budgets, or make one."""

    required_scopes = {"GET": Scope.BUDGETS_READ, "POST": Scope.BUDGETS_WRITE}

    @extend_schema(operation_id="budgets_list", responses=paged(BudgetOut))
    def get(self, request: Request) -> Response:
        """Budgets in tree order, a parent before its children."""
        principal = Principal.of(request.auth)
        states = selectors.list_budgets(team_ids=visible_teams(principal), organisation_id=principal.organisation_id)
        return Response({"next": None, "previous": None, "results": BudgetOut(states, many=True).data})

    @extend_schema(operation_id="budgets_create", request=BudgetIn, responses={201: BudgetOut})
    def post(self, request: Request) -> Response:
        """Make a budget of the caller's team."""
        principal = Principal.of(request.auth)
        body = validated(BudgetIn, request)
        if principal.team_id is None or principal.organisation_id is None:
            raise NotAllowed("You act for no team. Join one, or make the budget in the admin.")
        if body["parent"]:
            require_parent(principal, body["parent"])
        budget_id = services.create_budget(
            name=body["name"],
            organisation_id=principal.organisation_id,
            team_id=principal.team_id,
            parent_id=body["parent"],
            unit=Unit(body["unit"]),
            limit=body["limit"],
            period=Period(body["period"]),
            actor=principal.actor,
            now=timezone.now(),
        )
        return Response(BudgetOut(selectors.get_budget(budget_id)).data, status=201)


class BudgetView(APIView):
    """One budget."""

    required_scopes = {"GET": Scope.BUDGETS_READ, "DELETE": Scope.BUDGETS_WRITE}

    @extend_schema(operation_id="budgets_read", responses=BudgetOut)
    def get(self, request: Request, budget_id: UUID) -> Response:
        """Limit, spent, reserved, what is left and which thresholds it passed."""
        return Response(BudgetOut(visible_budget(Principal.of(request.auth), budget_id)).data)

    @extend_schema(operation_id="budgets_deallocate", responses={204: None})
    def delete(self, request: Request, budget_id: UUID) -> Response:
        """End the budget; refused while holds or children are open."""
        changeable_budget(Principal.of(request.auth), budget_id)
        services.deallocate(
            budget_id=budget_id, actor=Principal.of(request.auth).actor, reason="by API", now=timezone.now()
        )
        return Response(status=204)


class AllotView(APIView):
    """Set the limit of a budget."""

    required_scopes = {"POST": Scope.BUDGETS_WRITE}

    @extend_schema(operation_id="budgets_allot", request=AllotIn, responses=BudgetOut)
    def post(self, request: Request, budget_id: UUID) -> Response:
        """Refused below what is spent and reserved."""
        changeable_budget(Principal.of(request.auth), budget_id)
        body = validated(AllotIn, request)
        services.allot(budget_id=budget_id, actor=Principal.of(request.auth).actor, now=timezone.now(), **body)
        return Response(BudgetOut(selectors.get_budget(budget_id)).data)


class LedgerView(APIView):
    """Every change of one budget."""

    required_scopes = {"GET": Scope.BUDGETS_READ}

    @extend_schema(
        operation_id="budgets_ledger",
        parameters=[OpenApiParameter("before", int, description="Entries older than this id.")],
        responses=paged(LedgerLineOut),
    )
    def get(self, request: Request, budget_id: UUID) -> Response:
        """Newest first, 100 a page; `next` continues where the page ends."""
        visible_budget(Principal.of(request.auth), budget_id)
        before = request.query_params.get("before")
        if before is not None and not (before.isascii() and before.isdigit() and len(before) < 19):
            raise InvalidInput("Send the id of a ledger entry.", field="before")
        lines = selectors.list_ledger(budget_id, before_id=int(before) if before else None, limit=LEDGER_PAGE)
        following = (
            f"{request.build_absolute_uri(request.path)}?before={lines[-1].id}" if len(lines) == LEDGER_PAGE else None
        )
        return Response({"next": following, "previous": None, "results": LedgerLineOut(lines, many=True).data})


class StatusView(APIView):
    """The global picture."""

    required_scopes = {"GET": Scope.BUDGETS_READ}

    @extend_schema(operation_id="budgets_status", responses=StatusOut)
    def get(self, request: Request) -> Response:
        """Sums over the roots per unit, and the budgets past a threshold."""
        principal = Principal.of(request.auth)
        teams = visible_teams(principal)
        states = selectors.list_budgets(team_ids=teams, organisation_id=principal.organisation_id)
        known = {state.id for state in states}
        roots: dict[str, dict[str, Any]] = {}
        for state in states:
            if state.parent_id in known:
                continue
            sums = roots.setdefault(state.unit, dict.fromkeys(("limit", "spent", "reserved", "available"), Decimal(0)))
            for name in sums:
                sums[name] += getattr(state, name)
        attention = [state for state in states if state.status != "ok"]
        return Response(
            {
                "open_holds": selectors.count_open_holds(team_ids=teams),
                "roots": {
                    unit: {name: plain_number(value) for name, value in sums.items()} for unit, sums in roots.items()
                },
                "attention": BudgetOut(attention, many=True).data,
            }
        )
