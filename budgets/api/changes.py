"""What changes a limit: `/budgets/{id}/allot|reset|rebalance|transfer|swarms|adjustments/`, templates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from decimal import Decimal
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
from budgets.api.answers import BudgetDetailOut
from budgets.api.bodies import AllotIn, BudgetReasonIn, FromTemplateIn, RebalanceIn, SwarmIn, TransferIn
from budgets.api.change_answers import AdjustmentOut, RebalanceOut, TemplateOut, TransferOut
from budgets.api.doors import (
    Said,
    acting_team,
    answered_once,
    changeable_budget,
    require_parent,
)
from budgets.api.tree import detail
from budgets.domain.adjustments import AdjustmentKind
from config.kernel.rest import paged, validated

WAITS = {200: BudgetDetailOut, 202: AdjustmentOut}


class AllotView(APIView):
    """Set the limit of a budget."""

    required_scopes = {"POST": Scope.BUDGETS_WRITE}

    @extend_schema(operation_id="budgets_allot", parameters=[IDEMPOTENCY_KEY], request=AllotIn, responses=WAITS)
    def post(self, request: Request, budget_id: UUID) -> Response:
        """Refused below what is spent and reserved. 202: it waits for a second person."""
        changeable_budget(Principal.of(request.auth), budget_id)
        body = validated(AllotIn, request)

        def change(actor: str) -> None:
            services.allot(budget_id=budget_id, actor=actor, now=timezone.now(), **body)

        return _changed_or_proposed(request, budget_id, AdjustmentKind.LIMIT, body["limit"], body["reason"], change)


class ResetView(APIView):
    """Begin a new period now."""

    required_scopes = {"POST": Scope.BUDGETS_WRITE}

    @extend_schema(operation_id="budgets_reset", parameters=[IDEMPOTENCY_KEY], request=BudgetReasonIn, responses=WAITS)
    def post(self, request: Request, budget_id: UUID) -> Response:
        """Spent is zero again, or what was overdrawn; open holds stay. 202: it waits for a second person."""
        changeable_budget(Principal.of(request.auth), budget_id)
        body = validated(BudgetReasonIn, request)

        def change(actor: str) -> None:
            services.reset_budget(budget_id=budget_id, actor=actor, now=timezone.now(), **body)

        return _changed_or_proposed(request, budget_id, AdjustmentKind.RESET, None, body["reason"], change)


class RebalanceView(APIView):
    """Let unused allotment flow to where it is used."""

    required_scopes = {"POST": Scope.BUDGETS_WRITE}

    @extend_schema(
        operation_id="budgets_rebalance", parameters=[IDEMPOTENCY_KEY], request=RebalanceIn, responses=RebalanceOut
    )
    def post(self, request: Request, budget_id: UUID) -> Response:
        """Among the children of this budget; the sum of their limits stays. A trial changes nothing."""
        principal = Principal.of(request.auth)
        changeable_budget(principal, budget_id)
        body = validated(RebalanceIn, request)

        def work() -> Said:
            lines = services.rebalance(
                parent_id=budget_id,
                actor=principal.actor,
                reason=body["reason"],
                now=timezone.now(),
                is_trial=body["trial"],
            )
            return 200, dict(RebalanceOut({"trial": body["trial"], "lines": lines}).data), None

        return answered_once(request, work)


class TransferView(APIView):
    """Move tradeable quota to another budget."""

    required_scopes = {"POST": Scope.BUDGETS_WRITE}

    @extend_schema(
        operation_id="budgets_transfer", parameters=[IDEMPOTENCY_KEY], request=TransferIn, responses=TransferOut
    )
    def post(self, request: Request, budget_id: UUID) -> Response:
        """Of the same unit, within the caller's team; none is made or lost."""
        principal = Principal.of(request.auth)
        changeable_budget(principal, budget_id)
        body = validated(TransferIn, request)
        changeable_budget(principal, body["to"], field="to")

        def work() -> Said:
            services.transfer_quota(
                from_id=budget_id,
                to_id=body["to"],
                amount=body["amount"],
                actor=principal.actor,
                reason=body["reason"],
                now=timezone.now(),
            )
            return 200, {"from": detail(budget_id), "to": detail(body["to"])}, None

        return answered_once(request, work)


class SwarmsView(APIView):
    """Allot a swarm from a pool."""

    required_scopes = {"POST": Scope.BUDGETS_WRITE}

    @extend_schema(
        operation_id="budgets_swarm",
        parameters=[IDEMPOTENCY_KEY],
        request=SwarmIn,
        responses={201: BudgetDetailOut},
    )
    def post(self, request: Request, budget_id: UUID) -> Response:
        """The usual allotment (50,000 tokens unless changed), or what is left above the pool's reserve."""
        principal = Principal.of(request.auth)
        changeable_budget(principal, budget_id)
        body = validated(SwarmIn, request)

        def work() -> Said:
            made = services.allot_swarm(parent_id=budget_id, actor=principal.actor, now=timezone.now(), **body)
            return 201, detail(made), None

        return answered_once(request, work)


class TemplatesView(APIView):
    """Shapes of trees."""

    required_scopes = {"GET": Scope.BUDGETS_READ}

    @extend_schema(operation_id="budgets_templates", responses=paged(TemplateOut))
    def get(self, request: Request) -> Response:
        """By name."""
        rows = [asdict(each) | {"total": each.total} for each in selectors.list_templates()]
        return Response({"next": None, "previous": None, "results": TemplateOut(rows, many=True).data})


class FromTemplateView(APIView):
    """Make a tree."""

    required_scopes = {"POST": Scope.BUDGETS_WRITE}

    @extend_schema(
        operation_id="budgets_from_template",
        parameters=[IDEMPOTENCY_KEY],
        request=FromTemplateIn,
        responses={201: BudgetDetailOut},
    )
    def post(self, request: Request) -> Response:
        """All budgets of a template, or none; the answer is the uppermost."""
        principal = Principal.of(request.auth)
        team_id, organisation_id = acting_team(principal)
        body = validated(FromTemplateIn, request)
        if body["parent"]:
            require_parent(principal, body["parent"])

        def work() -> Said:
            made = services.make_tree(
                template=body["template"],
                name=body["name"],
                parent_id=body["parent"],
                organisation_id=organisation_id,
                team_id=team_id,
                actor=principal.actor,
                now=timezone.now(),
            )
            return 201, detail(made), None

        return answered_once(request, work)


def _changed_or_proposed(
    request: Request,
    budget_id: UUID,
    kind: AdjustmentKind,
    amount: Decimal | None,
    reason: str,
    change: Callable[[str], None],
) -> Response:
    """Change a budget of the caller's team, or propose it where two people are needed."""
    principal = Principal.of(request.auth)

    def work() -> Said:
        if not selectors.get_budget(budget_id).needs_two:
            change(principal.actor)
            return 200, detail(budget_id), None
        facts: Any = services.propose_adjustment(
            budget_id=budget_id, kind=kind, amount=amount, reason=reason, actor=principal.actor, now=timezone.now()
        )
        return 202, dict(AdjustmentOut(facts).data), None

    return answered_once(request, work)
