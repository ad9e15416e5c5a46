"""`/api/v1/budgets/`, `/{id}/`, `/{id}/tree/`, `/{id}/balance/`: budgets made, read, changed and ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from accounts.services.once import IDEMPOTENCY_KEY
from budgets import selectors, services
from budgets.api.answers import BalanceOut, BudgetDetailOut, BudgetOut, TreeOut
from budgets.api.bodies import BudgetChangeIn, BudgetIn
from budgets.api.doors import (
    acting_team,
    answered_once,
    changeable_budget,
    require_parent,
    visible_budget,
    visible_budgets,
)
from budgets.domain.gears import GearChoice
from budgets.domain.levels import Level
from budgets.domain.periods import Period
from budgets.domain.states import BudgetState
from budgets.domain.units import Unit
from config.kernel.rest import paged, validated

ENUMS = {"level": Level, "gear": GearChoice}


class BudgetListView(APIView):
    """List the caller's budgets, or make one."""

    required_scopes = {"GET": Scope.BUDGETS_READ, "POST": Scope.BUDGETS_WRITE}

    @extend_schema(operation_id="budgets_list", responses=paged(BudgetOut))
    def get(self, request: Request) -> Response:
        """Budgets in tree order, a parent before its children."""
        states = visible_budgets(Principal.of(request.auth))
        return Response({"next": None, "previous": None, "results": BudgetOut(states, many=True).data})

    @extend_schema(
        operation_id="budgets_create",
        parameters=[IDEMPOTENCY_KEY],
        request=BudgetIn,
        responses={201: BudgetDetailOut},
    )
    def post(self, request: Request) -> Response:
        """Make a budget of the caller's team."""
        principal = Principal.of(request.auth)
        body = validated(BudgetIn, request)
        team_id, organisation_id = acting_team(principal)
        if body["parent"]:
            require_parent(principal, body["parent"])
        fixed = {name: body.pop(name) for name in ("name", "parent", "unit", "limit", "period")}

        def work() -> tuple[int, dict[str, Any], None]:
            budget_id = services.create_budget(
                name=fixed["name"],
                organisation_id=organisation_id,
                team_id=team_id,
                parent_id=fixed["parent"],
                unit=Unit(fixed["unit"]),
                limit=fixed["limit"],
                period=Period(fixed["period"]),
                actor=principal.actor,
                now=timezone.now(),
                **knobs_of(body),
            )
            return 201, detail(budget_id), None

        return answered_once(request, work)


class BudgetView(APIView):
    """One budget."""

    required_scopes = {"GET": Scope.BUDGETS_READ, "PATCH": Scope.BUDGETS_WRITE, "DELETE": Scope.BUDGETS_WRITE}

    @extend_schema(operation_id="budgets_read", responses=BudgetDetailOut)
    def get(self, request: Request, budget_id: UUID) -> Response:
        """Limit, spent, reserved, what is left, which thresholds it passed, and when it runs out."""
        visible_budget(Principal.of(request.auth), budget_id)
        return Response(detail(budget_id))

    @extend_schema(operation_id="budgets_configure", request=BudgetChangeIn, responses=BudgetDetailOut)
    def patch(self, request: Request, budget_id: UUID) -> Response:
        """Change the name or a setting; what is left out stays."""
        principal = Principal.of(request.auth)
        changeable_budget(principal, budget_id)
        changes = knobs_of(validated(BudgetChangeIn, request))
        services.configure_budget(budget_id=budget_id, actor=principal.actor, now=timezone.now(), **changes)
        return Response(detail(budget_id))

    @extend_schema(operation_id="budgets_deallocate", responses={204: None})
    def delete(self, request: Request, budget_id: UUID) -> Response:
        """End the budget; refused while holds or children are open."""
        principal = Principal.of(request.auth)
        changeable_budget(principal, budget_id)
        services.deallocate(budget_id=budget_id, actor=principal.actor, reason="by API", now=timezone.now())
        return Response(status=204)


class BalanceView(APIView):
    """What is left."""

    required_scopes = {"GET": Scope.BUDGETS_READ}

    @extend_schema(operation_id="budgets_balance", responses=BalanceOut)
    def get(self, request: Request, budget_id: UUID) -> Response:
        """The few figures that are asked for often."""
        return Response(BalanceOut(visible_budget(Principal.of(request.auth), budget_id)).data)


class TreeView(APIView):
    """A budget and all below it."""

    required_scopes = {"GET": Scope.BUDGETS_READ}

    @extend_schema(operation_id="budgets_tree", responses=TreeOut)
    def get(self, request: Request, budget_id: UUID) -> Response:
        """Nested: each budget has its `children`, as far as the caller may see them."""
        principal = Principal.of(request.auth)
        root = visible_budget(principal, budget_id)
        below: dict[UUID | None, list[BudgetState]] = {}
        for state in visible_budgets(principal):
            below.setdefault(state.parent_id, []).append(state)
        return Response(_nested(root, below))


def detail(budget_id: UUID) -> dict[str, Any]:
    """All that is told of one budget."""
    return dict(BudgetDetailOut(selectors.get_budget(budget_id), context={"now": timezone.now()}).data)


def knobs_of(values: Mapping[str, Any]) -> Any:
    """Settings from a body as the services take them."""
    return {name: ENUMS[name](value) if name in ENUMS else value for name, value in values.items()}


def _nested(state: BudgetState, below: Mapping[UUID | None, list[BudgetState]]) -> dict[str, Any]:
    children = [_nested(each, below) for each in below.get(state.id, [])]
    return {**BudgetOut(state).data, "children": children}
