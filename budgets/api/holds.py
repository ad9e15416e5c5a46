"""Holds after they are placed: `/budgets/{id}/holds|release|settle|dispatch/`, `/budgets/holds/{hold}/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
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
from accounts.services.once import IDEMPOTENCY_KEY
from budgets import selectors, services
from budgets.api.answers import BudgetHoldOut, HoldDetailOut
from budgets.api.bodies import HoldDispatchIn, HoldSettleIn, ReleaseIn, asked
from budgets.api.doors import Said, acting_team, answered_once, next_page, visible_budget
from budgets.domain.spending import amounts_in, amounts_of_parts, grams_of, wh_of
from budgets.domain.units import COLUMN_OF, Amounts, Unit
from budgets.selectors.hold_facts import HoldFacts
from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.rest import StrictSerializer, paged, validated

PAGE = 100
OF_REQUESTS = "request:"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class HoldsQuery(StrictSerializer):
    """Query of `GET /api/v1/budgets/{id}/holds/`."""

    open = serializers.BooleanField(required=False, allow_null=True, default=None)
    reference = serializers.CharField(max_length=120, required=False, default=None)
    cursor = serializers.CharField(max_length=80, required=False, default=None)


class HoldListView(APIView):
    """Holds of a budget."""

    required_scopes = {"GET": Scope.BUDGETS_READ}

    @extend_schema(
        operation_id="budgets_holds",
        parameters=[
            OpenApiParameter("open", bool, description="Only those that still reserve something, or only the others."),
            OpenApiParameter("reference", str, description="As the hold shows it, for example api:7:job-12."),
            OpenApiParameter("cursor", str, description="From `next` of the page before."),
        ],
        responses=paged(BudgetHoldOut),
    )
    def get(self, request: Request, budget_id: UUID) -> Response:
        """Those that were asked of this budget itself, newest first, 100 a page."""
        visible_budget(Principal.of(request.auth), budget_id)
        query = asked(HoldsQuery, request)
        rows = selectors.list_holds(
            budget_id,
            is_open=query["open"],
            reference=query["reference"],
            before=_place(query["cursor"]) if query["cursor"] else None,
            limit=PAGE + 1,
        )
        last = rows[PAGE - 1] if len(rows) > PAGE else None
        cursor = f"{(last.created_at - EPOCH) // timedelta(microseconds=1)}-{last.id.hex}" if last else None
        results = BudgetHoldOut(rows[:PAGE], many=True).data
        return Response({"next": next_page(request, cursor), "previous": None, "results": results})


class HoldView(APIView):
    """One hold."""

    required_scopes = {"GET": Scope.BUDGETS_READ}

    @extend_schema(operation_id="budgets_hold", responses=HoldDetailOut)
    def get(self, request: Request, hold_id: UUID) -> Response:
        """What was held, its state, and what it takes from each budget of its path."""
        return Response(HoldDetailOut(visible_hold(Principal.of(request.auth), hold_id)).data)


class ReleaseView(APIView):
    """Give back a hold."""

    required_scopes = {"POST": Scope.BUDGETS_SPEND}

    @extend_schema(
        operation_id="budgets_release", parameters=[IDEMPOTENCY_KEY], request=ReleaseIn, responses=HoldDetailOut
    )
    def post(self, request: Request, budget_id: UUID) -> Response:
        """All of it; 409 if it was settled or released before."""
        visible_budget(Principal.of(request.auth), budget_id)
        body = validated(ReleaseIn, request)

        def change(actor: str) -> None:
            services.release_hold(
                hold_id=body["hold"], actor=actor, now=timezone.now(), reason=body["reason"], fence=body["fence"]
            )

        return _changed(request, budget_id, body, change)


class DispatchView(APIView):
    """Say that the work of a hold begins."""

    required_scopes = {"POST": Scope.BUDGETS_SPEND}

    @extend_schema(
        operation_id="budgets_dispatch", parameters=[IDEMPOTENCY_KEY], request=HoldDispatchIn, responses=HoldDetailOut
    )
    def post(self, request: Request, budget_id: UUID) -> Response:
        """From now on it is not given back when its lease ends, but settled at what was held."""
        visible_budget(Principal.of(request.auth), budget_id)
        body = validated(HoldDispatchIn, request)

        def change(actor: str) -> None:
            now = timezone.now()
            ends_at = now + timedelta(seconds=body["lease_seconds"])
            services.dispatch_hold(
                hold_id=body["hold"], lease_expires_at=ends_at, actor=actor, now=now, fence=body["fence"]
            )

        return _changed(request, budget_id, body, change)


class SettleView(APIView):
    """Say what was really used."""

    required_scopes = {"POST": Scope.BUDGETS_SPEND}

    @extend_schema(
        operation_id="budgets_settle", parameters=[IDEMPOTENCY_KEY], request=HoldSettleIn, responses=HoldDetailOut
    )
    def post(self, request: Request, budget_id: UUID) -> Response:
        """Charges it and frees the rest. What no longer fits is kept as overdraft, never dropped."""
        state = visible_budget(Principal.of(request.auth), budget_id)
        body = validated(HoldSettleIn, request)

        def change(actor: str) -> int | None:
            return services.settle_hold(
                hold_id=body["hold"],
                amounts=used_amounts(body, held=selectors.get_hold(body["hold"]).held, unit=state.unit),
                actor=actor,
                now=timezone.now(),
                fence=body["fence"],
            )

        return _changed(request, budget_id, body, change)


def visible_hold(principal: Principal, hold_id: UUID) -> HoldFacts:
    """A hold on a budget that the caller may see."""
    hold = selectors.get_hold(hold_id)
    try:
        visible_budget(principal, hold.budget_id)
    except NotFound as error:
        raise NotFound("There is no such hold.", field="hold") from error
    return hold


def used_amounts(body: Mapping[str, Any], *, held: Amounts, unit: Unit) -> Amounts:
    """What was used, in steps; of a unit that nobody speaks of, what was held."""
    if "amount" in body:
        return replace(held, **{COLUMN_OF[unit]: amounts_in(unit, body["amount"]).of(unit)})
    said = amounts_of_parts(
        body.get("tokens", held.tokens),
        body.get("carbon_g", grams_of(held)),
        body.get("usd", Decimal(0)),
        body.get("energy_wh", wh_of(held)),
    )
    return said if "usd" in body else replace(said, micro_usd=held.micro_usd)


def _changed(
    request: Request, budget_id: UUID, body: Mapping[str, Any], change: Callable[[str], int | None]
) -> Response:
    """Change a hold that the caller's own team placed through the API on this budget, which it sees; answer with it."""
    principal = Principal.of(request.auth)

    def work() -> Said:
        _require_own(principal, selectors.get_hold(body["hold"]), budget_id)
        warning_percent = change(principal.actor)
        return 200, dict(HoldDetailOut(selectors.get_hold(body["hold"])).data), warning_percent

    return answered_once(request, work)


def _require_own(principal: Principal, hold: HoldFacts, budget_id: UUID) -> None:
    if hold.budget_id != budget_id:
        raise NotFound("There is no such hold on this budget.", field="hold")
    if hold.reference.startswith(OF_REQUESTS):
        _, _, request_id = hold.reference.partition(":")
        raise Conflict(
            "This hold belongs to a request: settle, release or cancel the request.",
            field="hold",
            code="hold_of_request",
            request=request_id,
        )
    team_id, _ = acting_team(principal)
    if not hold.reference.startswith(f"api:{team_id}:"):
        raise NotFound("There is no such hold on this budget.", field="hold")


def _place(cursor: str) -> tuple[datetime, UUID]:
    micros, _, key = cursor.partition("-")
    try:
        if not (micros.isascii() and micros.isdigit()):
            raise ValueError(cursor)
        return EPOCH + timedelta(microseconds=int(micros)), UUID(hex=key)
    except (ValueError, OverflowError) as error:
        raise InvalidInput("Send `next` of the page before, as it is.", field="cursor") from error
