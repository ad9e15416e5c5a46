"""`/api/v1/budgets/status/` and `/{id}/advice/`: the global picture, and what work would do to it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from budgets import selectors
from budgets.api.answers import STATUSES, BudgetOut
from budgets.api.bodies import UNITS, asked
from budgets.api.doors import visible_budget, visible_budgets
from budgets.api.estimates import WORK, WorkQuery, estimate_of
from budgets.api.fields import AmountField
from budgets.selectors.status import get_global_status
from config.kernel.errors import InvalidInput

MOST_TOKENS = 10**15


class UnitStatusOut(serializers.Serializer):  # type: ignore[type-arg]
    """The roots of one unit together, in that unit."""

    limit = AmountField()
    spent = AmountField()
    reserved = AmountField()
    available = AmountField()
    overdraft = AmountField()
    used_percent = serializers.FloatField()
    utilisation = serializers.ChoiceField(choices=["low", "moderate", "high", "critical"])
    warnings_passed = serializers.ListField(child=serializers.IntegerField())


class StatusOut(serializers.Serializer):  # type: ignore[type-arg]
    """The global picture of what the caller may see, and what needs attention."""

    as_of = serializers.DateTimeField()
    open_holds = serializers.IntegerField()
    open_leases = serializers.IntegerField(help_text="Blocks in escrow.")
    gears = serializers.DictField(
        child=serializers.IntegerField(), help_text="Holds of the last hour by how they were admitted."
    )
    alerts_waiting = serializers.IntegerField(help_text="Deliveries of alerts that have not arrived yet.")
    warning_amounts = serializers.ListField(
        child=serializers.IntegerField(), help_text="Tokens at which the whole warns."
    )
    roots = serializers.DictField(child=UnitStatusOut(), help_text="By unit.")
    attention = BudgetOut(many=True)


class AdviceQuery(WorkQuery):
    """Query of advice: `tokens`, or the shape of the work."""

    tokens = serializers.IntegerField(min_value=1, max_value=MOST_TOKENS, required=False, default=None)


class AdviceLineOut(serializers.Serializer):  # type: ignore[type-arg]
    """What the work would do to one budget of the path; unknown where it does not count in tokens."""

    budget = serializers.UUIDField(source="budget_id")
    name = serializers.CharField()
    unit = serializers.ChoiceField(choices=UNITS)
    limit = AmountField(allow_null=True)
    used = AmountField(allow_null=True)
    would_use = AmountField(allow_null=True)
    used_percent = serializers.FloatField()
    would_use_percent = serializers.FloatField(allow_null=True)
    status = serializers.ChoiceField(choices=STATUSES)
    would_be = serializers.ChoiceField(choices=STATUSES, allow_null=True)
    crosses = serializers.ListField(child=serializers.IntegerField())
    crosses_amounts = serializers.ListField(child=AmountField())
    fits = serializers.BooleanField(allow_null=True)
    should_warn = serializers.BooleanField()
    words = serializers.CharField()


class AdviceOut(serializers.Serializer):  # type: ignore[type-arg]
    """Whether to warn before work is asked for."""

    budget = serializers.UUIDField(source="budget_id")
    as_of = serializers.DateTimeField()
    estimate_tokens = serializers.IntegerField()
    margin_tokens = serializers.IntegerField()
    should_warn = serializers.BooleanField()
    is_complete = serializers.BooleanField()
    words = serializers.CharField()
    path = AdviceLineOut(many=True, source="lines")


class StatusView(APIView):
    """The global picture."""

    required_scopes = {"GET": Scope.BUDGETS_READ}

    @extend_schema(operation_id="budgets_status", responses=StatusOut)
    def get(self, request: Request) -> Response:
        """Sums over the roots per unit, and the budgets past a threshold or overdrawn."""
        now = timezone.now()
        status = get_global_status(visible_budgets(Principal.of(request.auth)), now=now)
        picture = status.picture
        answer = {
            "as_of": now,
            "open_holds": picture.open_holds,
            "open_leases": picture.open_leases,
            "gears": picture.gears,
            "alerts_waiting": picture.waiting_deliveries,
            "warning_amounts": status.warning_amounts,
            "roots": {unit.value: asdict(sums) for unit, sums in status.roots.items()},
            "attention": status.attention,
        }
        return Response(StatusOut(answer).data)


class AdviceView(APIView):
    """Whether to warn before work is asked for."""

    required_scopes = {"GET": Scope.BUDGETS_READ}

    @extend_schema(
        operation_id="budgets_advice",
        parameters=[OpenApiParameter("tokens", int, description="In all. Or the shape of the work:"), *WORK],
        responses=AdviceOut,
    )
    def get(self, request: Request, budget_id: UUID) -> Response:
        """What work of so many tokens, with the policy's margin, would bring each budget of the path to."""
        visible_budget(Principal.of(request.auth), budget_id)
        query = asked(AdviceQuery, request)
        advice = selectors.get_advice(budget_id=budget_id, estimate_tokens=_tokens(query), now=timezone.now())
        return Response(AdviceOut(advice).data)


def _tokens(query: Any) -> int:
    if query["tokens"] is not None:
        return int(query["tokens"])
    if not (query["mode"] or query["complexity"] is not None):
        raise InvalidInput("Say how many tokens, or send a mode or a complexity to estimate them from.", field="tokens")
    return estimate_of(query).p95_tokens
