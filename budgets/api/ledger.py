"""The ledger a page at a time: `/budgets/{id}/ledger/` and `/budgets/ledger/`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from budgets.api.answers import LEDGER_KINDS, LedgerLineOut
from budgets.api.bodies import asked
from budgets.api.doors import next_page, visible_budget, visible_budgets
from budgets.selectors.ledger import LedgerFilters, LedgerPlace, get_ledger_page
from config.kernel.errors import InvalidInput
from config.kernel.rest import StrictSerializer, paged

FILTERS = [
    OpenApiParameter("kind", str, enum=LEDGER_KINDS),
    OpenApiParameter("actor", str, description="As entries name it, for example person ada."),
    OpenApiParameter("hold", OpenApiTypes.UUID),
    OpenApiParameter("reference", str, description="Of the hold, for example request:<id> or api:7:job-12."),
    OpenApiParameter("since", OpenApiTypes.DATETIME, description="Entries from then on."),
    OpenApiParameter("until", OpenApiTypes.DATETIME, description="Entries before then."),
    OpenApiParameter("least_amount", float, description="Changed by at least that much, in the budget's unit."),
    OpenApiParameter("page_size", int, description="At most 500, default 100."),
    OpenApiParameter("cursor", str, description="From `next` of the page before."),
]


class TimesQuery(StrictSerializer):
    """A span of time."""

    since = serializers.DateTimeField(required=False, default=None)
    until = serializers.DateTimeField(required=False, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """It begins before it ends."""
        if attrs["since"] and attrs["until"] and attrs["since"] >= attrs["until"]:
            raise serializers.ValidationError({"until": "This is not after `since`."})
        return attrs


class LedgerQuery(TimesQuery):
    """Query of a ledger."""

    kind = serializers.ChoiceField(choices=LEDGER_KINDS, required=False, default=None)
    actor = serializers.CharField(max_length=120, required=False, default=None)
    hold = serializers.UUIDField(required=False, default=None)
    reference = serializers.CharField(max_length=120, required=False, default=None)
    least_amount = serializers.DecimalField(max_digits=24, decimal_places=6, min_value=0, required=False, default=None)
    page_size = serializers.IntegerField(min_value=1, max_value=500, required=False, default=100)
    cursor = serializers.CharField(max_length=80, required=False, default=None)


class LedgerView(APIView):
    """Every change of one budget."""

    required_scopes = {"GET": Scope.BUDGETS_READ}

    @extend_schema(operation_id="budgets_ledger", parameters=FILTERS, responses=paged(LedgerLineOut))
    def get(self, request: Request, budget_id: UUID) -> Response:
        """Newest first. With some filters a page can be short, even empty, and `next` still lead on."""
        visible_budget(Principal.of(request.auth), budget_id)
        return _page(request, [budget_id])


class TeamLedgerView(APIView):
    """Every change of all the caller's live budgets together."""

    required_scopes = {"GET": Scope.BUDGETS_READ}

    @extend_schema(operation_id="budgets_ledger_of_all", parameters=FILTERS, responses=paged(LedgerLineOut))
    def get(self, request: Request) -> Response:
        """Newest first. With some filters a page can be short, even empty, and `next` still lead on."""
        return _page(request, [state.id for state in visible_budgets(Principal.of(request.auth))])


def _page(request: Request, budget_ids: Sequence[UUID]) -> Response:
    query = asked(LedgerQuery, request)
    filters = LedgerFilters(
        kind=query["kind"],
        actor=query["actor"],
        hold_id=query["hold"],
        reference=query["reference"],
        since=query["since"],
        until=query["until"],
        least_amount=query["least_amount"],
    )
    after = _place(query["cursor"]) if query["cursor"] else None
    page = get_ledger_page(budget_ids, filters=filters, after=after, limit=query["page_size"])
    results = LedgerLineOut(page.lines, many=True).data
    return Response({"next": next_page(request, page.next), "previous": None, "results": results})


def _place(cursor: str) -> LedgerPlace:
    try:
        return LedgerPlace.parse(cursor)
    except ValueError as error:
        raise InvalidInput("Send `next` of the page before, as it is.", field="cursor") from error
