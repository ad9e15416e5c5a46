"""Value of finished work and what follows from it: `/budgets/{id}/economy/`, `/budgets/{id}/proposals/`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from accounts.services.once import IDEMPOTENCY_KEY
from budgets import selectors, services
from budgets.api.bodies import UNITS, BudgetReasonIn, EmptyIn, asked
from budgets.api.doors import Said, answered_once, changeable_budget, next_page, visible_budget
from budgets.api.fields import AmountField
from budgets.api.ledger import TimesQuery
from config.kernel.errors import NotFound
from config.kernel.rest import StrictSerializer, paged, validated

PAGE = 100
LATELY = timedelta(days=30)
LARGEST_ID = 2**63 - 1
EVENT_KINDS = ["value_creation", "collaboration_bonus", "efficiency_gain"]
PROPOSAL_STATUSES = ["open", "accepted", "rejected", "superseded"]


class EconomyQuery(TimesQuery):
    """Query of the economy of a budget."""

    cursor = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False, default=None)


class ProposalsQuery(StrictSerializer):
    """Query of proposals."""

    status = serializers.ChoiceField(choices=PROPOSAL_STATUSES, required=False, default=None)
    cursor = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False, default=None)


class EconomicEventOut(serializers.Serializer):  # type: ignore[type-arg]
    """A score of finished work, in tokens; no money."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=EVENT_KINDS)
    reference = serializers.CharField()
    held_tokens = serializers.IntegerField()
    used_tokens = serializers.IntegerField()
    quality = serializers.FloatField(allow_null=True)
    collaboration = serializers.FloatField(allow_null=True)
    value_tokens = serializers.FloatField()
    at = serializers.DateTimeField()


class EconomyOut(serializers.Serializer):  # type: ignore[type-arg]
    """What finished work came to, with the budgets below; null where nobody reported its quality."""

    budget = serializers.UUIDField(source="budget_id")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    work_count = serializers.IntegerField()
    held_tokens = serializers.IntegerField()
    used_tokens = serializers.IntegerField()
    taken_tokens = serializers.IntegerField()
    value_creation = serializers.FloatField()
    collaboration_bonus = serializers.FloatField()
    efficiency_gain = serializers.FloatField()
    market_value = serializers.FloatField()
    efficiency = serializers.FloatField(allow_null=True)
    roi = serializers.FloatField(allow_null=True)


class EconomyPageOut(serializers.Serializer):  # type: ignore[type-arg]
    """Totals, and the budget's own events a page at a time."""

    totals = EconomyOut()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = EconomicEventOut(many=True)


class ProposalLineOut(serializers.Serializer):  # type: ignore[type-arg]
    """What a proposal would do to one child."""

    budget = serializers.UUIDField(source="budget_id")
    name = serializers.CharField()
    base_before = AmountField()
    base_after = AmountField()
    share_before = serializers.FloatField()
    share_after = serializers.FloatField()
    explanation = serializers.CharField()


class ProposalOut(serializers.Serializer):  # type: ignore[type-arg]
    """Other shares of a budget for its children, from past periods."""

    id = serializers.IntegerField()
    budget = serializers.UUIDField(source="parent_id")
    unit = serializers.ChoiceField(choices=UNITS)
    status = serializers.ChoiceField(choices=PROPOSAL_STATUSES)
    analysed_from = serializers.DateTimeField()
    analysed_to = serializers.DateTimeField()
    made_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.CharField()
    reason = serializers.CharField()
    lines = ProposalLineOut(many=True)


class AnalysedOut(serializers.Serializer):  # type: ignore[type-arg]
    """What an analysis came to; null where nothing should change."""

    proposal = ProposalOut(allow_null=True)


class EconomyView(APIView):
    """The value of finished work."""

    required_scopes = {"GET": Scope.BUDGETS_READ}

    @extend_schema(
        operation_id="budgets_economy",
        parameters=[
            OpenApiParameter("since", OpenApiTypes.DATETIME, description="Of the totals; default 30 days back."),
            OpenApiParameter("until", OpenApiTypes.DATETIME, description="Of the totals; default now."),
            OpenApiParameter("cursor", int, description="From `next` of the page before."),
        ],
        responses=EconomyPageOut,
    )
    def get(self, request: Request, budget_id: UUID) -> Response:
        """Totals of a span, efficiency among them, and the events, newest first."""
        visible_budget(Principal.of(request.auth), budget_id)
        query = asked(EconomyQuery, request)
        until = query["until"] or timezone.now()
        totals = selectors.get_economy(budget_id, since=query["since"] or until - LATELY, until=until)
        rows = selectors.list_economic_events(budget_id=budget_id, before_id=query["cursor"], limit=PAGE + 1)
        following = next_page(request, rows[PAGE - 1].id if len(rows) > PAGE else None)
        page = {"totals": totals, "next": following, "previous": None, "results": rows[:PAGE]}
        return Response(EconomyPageOut(page).data)


class ProposalsView(APIView):
    """Proposals for the children of a budget."""

    required_scopes = {"GET": Scope.BUDGETS_READ, "POST": Scope.BUDGETS_WRITE}

    @extend_schema(
        operation_id="budgets_proposals",
        parameters=[
            OpenApiParameter("status", str, enum=PROPOSAL_STATUSES),
            OpenApiParameter("cursor", int, description="From `next` of the page before."),
        ],
        responses=paged(ProposalOut),
    )
    def get(self, request: Request, budget_id: UUID) -> Response:
        """Newest first."""
        visible_budget(Principal.of(request.auth), budget_id)
        query = asked(ProposalsQuery, request)
        rows = selectors.list_proposals(
            parent_id=budget_id, status=query["status"], before_id=query["cursor"], limit=PAGE + 1
        )
        following = next_page(request, rows[PAGE - 1].id if len(rows) > PAGE else None)
        results = ProposalOut(rows[:PAGE], many=True).data
        return Response({"next": following, "previous": None, "results": results})

    @extend_schema(
        operation_id="budgets_propose",
        parameters=[IDEMPOTENCY_KEY],
        request=EmptyIn,
        responses={200: AnalysedOut, 201: AnalysedOut},
    )
    def post(self, request: Request, budget_id: UUID) -> Response:
        """Analyse the past periods now. 201: there is a proposal. 200: nothing should change."""
        principal = Principal.of(request.auth)
        changeable_budget(principal, budget_id)
        validated(EmptyIn, request)

        def work() -> Said:
            made = services.propose_changes(parent_id=budget_id, actor=principal.actor, now=timezone.now())
            proposal = None if made is None else selectors.get_proposal(made)
            return 200 if made is None else 201, dict(AnalysedOut({"proposal": proposal}).data), None

        return answered_once(request, work)


class _DecideView(APIView):
    """Accept or reject a proposal."""

    required_scopes = {"POST": Scope.BUDGETS_WRITE}
    is_accepted = True

    def post(self, request: Request, proposal_id: int) -> Response:
        """With a reason; once. Accepted, it changes all its budgets at once or none."""
        principal = Principal.of(request.auth)
        parent_id = selectors.get_proposal(proposal_id).parent_id
        try:
            visible_budget(principal, parent_id)
        except NotFound as error:
            raise NotFound("There is no such proposal.") from error
        changeable_budget(principal, parent_id)
        body = validated(BudgetReasonIn, request)

        def work() -> Said:
            services.decide_proposal(
                proposal_id=proposal_id,
                is_accepted=self.is_accepted,
                reason=body["reason"],
                actor=principal.actor,
                now=timezone.now(),
            )
            return 200, dict(ProposalOut(selectors.get_proposal(proposal_id)).data), None

        return answered_once(request, work)


DECISION: dict[str, Any] = {"parameters": [IDEMPOTENCY_KEY], "request": BudgetReasonIn, "responses": ProposalOut}


@extend_schema_view(post=extend_schema(operation_id="budgets_proposal_accept", **DECISION))
class AcceptView(_DecideView):
    """Change the shares as proposed."""


@extend_schema_view(post=extend_schema(operation_id="budgets_proposal_reject", **DECISION))
class RejectView(_DecideView):
    """Leave the shares as they are."""

    is_accepted = False
