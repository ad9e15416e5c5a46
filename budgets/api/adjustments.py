"""Changes by hand, alone or with four eyes: `/budgets/{id}/adjustments/`, `/budgets/adjustments/{id}/`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from accounts.services.once import IDEMPOTENCY_KEY
from budgets import selectors, services
from budgets.api.answers import ADJUSTMENT_STATUSES
from budgets.api.bodies import AdjustmentIn, DecisionIn, asked
from budgets.api.change_answers import AdjustmentOut
from budgets.api.doors import Said, answered_once, changeable_budget, visible_budget
from budgets.domain.adjustments import AdjustmentKind
from config.kernel.errors import NotFound
from config.kernel.rest import StrictSerializer, paged, validated


class AdjustmentsQuery(StrictSerializer):
    """Query of `GET /api/v1/budgets/{id}/adjustments/`."""

    status = serializers.ChoiceField(choices=ADJUSTMENT_STATUSES, required=False, default=None)


class AdjustmentsView(APIView):
    """Changes of a budget by hand."""

    required_scopes = {"GET": Scope.BUDGETS_READ, "POST": Scope.BUDGETS_WRITE}

    @extend_schema(
        operation_id="budgets_adjustments",
        parameters=[OpenApiParameter("status", str, enum=ADJUSTMENT_STATUSES)],
        responses=paged(AdjustmentOut),
    )
    def get(self, request: Request, budget_id: UUID) -> Response:
        """Newest first, with who proposed and who decided."""
        visible_budget(Principal.of(request.auth), budget_id)
        rows = selectors.list_adjustments(budget_id=budget_id, status=asked(AdjustmentsQuery, request)["status"])
        return Response({"next": None, "previous": None, "results": AdjustmentOut(rows, many=True).data})

    @extend_schema(
        operation_id="budgets_adjust",
        parameters=[IDEMPOTENCY_KEY],
        request=AdjustmentIn,
        responses={201: AdjustmentOut, 202: AdjustmentOut},
    )
    def post(self, request: Request, budget_id: UUID) -> Response:
        """201: applied. 202: it waits for a second person."""
        principal = Principal.of(request.auth)
        changeable_budget(principal, budget_id)
        body = validated(AdjustmentIn, request)

        def work() -> Said:
            facts = services.propose_adjustment(
                budget_id=budget_id,
                kind=AdjustmentKind(body["kind"]),
                amount=body["amount"],
                reason=body["reason"],
                actor=principal.actor,
                now=timezone.now(),
            )
            return 202 if facts.status == "proposed" else 201, dict(AdjustmentOut(facts).data), None

        return answered_once(request, work)


class _DecideView(APIView):
    """Decide on a change that waits."""

    required_scopes = {"POST": Scope.BUDGETS_WRITE}
    is_approved = True

    def post(self, request: Request, adjustment_id: int) -> Response:
        """Approve as another person than who proposed it, or reject; once."""
        principal = Principal.of(request.auth)
        budget_id = selectors.get_adjustment(adjustment_id).budget_id
        try:
            visible_budget(principal, budget_id)
        except NotFound as error:
            raise NotFound("There is no such adjustment.") from error
        changeable_budget(principal, budget_id)
        body = validated(DecisionIn, request)

        def work() -> Said:
            facts = services.decide_adjustment(
                adjustment_id=adjustment_id,
                is_approved=self.is_approved,
                reason=body["reason"],
                actor=principal.actor,
                now=timezone.now(),
            )
            return 200, dict(AdjustmentOut(facts).data), None

        return answered_once(request, work)


DECISION: dict[str, Any] = {"parameters": [IDEMPOTENCY_KEY], "request": DecisionIn, "responses": AdjustmentOut}


@extend_schema_view(post=extend_schema(operation_id="budgets_adjustment_approve", **DECISION))
class ApproveView(_DecideView):
    """Apply a change that waits."""


@extend_schema_view(post=extend_schema(operation_id="budgets_adjustment_reject", **DECISION))
class RejectView(_DecideView):
    """Let a change that waits not be made."""

    is_approved = False
