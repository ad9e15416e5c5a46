"""Requests and decisions as the API and the pages show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from budgets import selectors as budgets
from config.kernel.errors import NotFound
from market.domain.explanation import usd
from market.domain.views import DecisionRow, RequestDetail
from market.models import AllocationRequest, Decision
from market.selectors.answers import answer_body, candidate_rows, explain_again
from market.selectors.policies import get_policy_version

RELATED = ("request__team__organisation", "request__purpose", "region", "policy")


def list_decisions(
    *,
    team_ids: frozenset[int] | None,
    limit: int = 30,
    region_code: str | None = None,
    before: tuple[datetime, int] | None = None,
) -> list[DecisionRow]:
    """The latest decision of each request, newest first; None means of all teams.

    `before` is the time and the id of the last decision of the page before: a pass makes many at one time.
    """
    later = Decision.objects.filter(request=OuterRef("request"), sequence__gt=OuterRef("sequence"))
    rows = Decision.objects.select_related(*RELATED).filter(~Exists(later))
    if team_ids is not None:
        rows = rows.filter(request__team__in=team_ids)
    if region_code is not None:
        rows = rows.filter(region=region_code)
    if before is not None:
        made_at, decision_id = before
        rows = rows.filter(Q(made_at__lt=made_at) | Q(made_at=made_at, pk__lt=decision_id))
    return [_row(each) for each in rows.defer("inputs").order_by("-made_at", "-id")[:limit]]


def get_decision_row(request_id: UUID) -> DecisionRow:
    """The latest decision of a request as a line of the feed. Raises NotFound."""
    return _row(_latest(request_id))


def get_request_answer(request_id: UUID) -> tuple[int, dict[str, Any]]:
    """The team of a request and its body as `GET /api/v1/requests/{id}/` answers it. Raises NotFound."""
    decision = _latest(request_id)
    return decision.request.team_id, _body(decision)


def get_explanation(request_id: UUID) -> dict[str, Any]:
    """Inputs, stored verdict and the verdict computed again, of a request's latest decision. Raises NotFound."""
    return explain_again(_latest(request_id))


def list_request_answers(
    *,
    team_ids: frozenset[int] | None,
    filters: dict[str, Any],
    offset: int,
    limit: int,
) -> list[dict[str, Any]]:
    """Bodies of requests, newest first, in three queries. `filters` are field lookups of the API's own."""
    requests: QuerySet[AllocationRequest] = AllocationRequest.objects.filter(**filters)
    if team_ids is not None:
        requests = requests.filter(team__in=team_ids)
    newest = Decision.objects.filter(request=OuterRef("pk")).order_by("-sequence").values("pk")[:1]
    page = requests.annotate(newest=Subquery(newest)).order_by("-created_at", "-pk")[offset : offset + limit]
    decision_ids = [each.newest for each in page]
    decisions = Decision.objects.select_related(*RELATED, "request__settlement").defer("inputs").in_bulk(decision_ids)
    holds = budgets.find_hold_leases(each.hold_id for each in decisions.values() if each.hold_id)
    return [_body(decisions[pk], holds) for pk in decision_ids]


def get_request_detail(request_id: UUID) -> RequestDetail:
    """A request with its whole story. Raises NotFound."""
    decision = _latest(request_id)
    request = decision.request
    story: Sequence[Decision] = list(request.decisions.order_by("sequence"))
    settlement = getattr(request, "settlement", None)
    timeline = [(request.created_at, "asked"), *((each.made_at, each.verdict) for each in story)]
    if request.resolved_at:
        timeline.append((request.resolved_at, request.status))
    return RequestDetail(
        id=request.pk,
        team_id=request.team_id,
        team_name=request.team.name,
        organisation_name=request.team.organisation.name,
        actor=request.actor,
        created_at=request.created_at,
        purpose=request.purpose_id,
        purpose_title=request.purpose.title,
        origin_code=request.origin_code,
        model_class=request.model_class,
        asked_tokens=request.tokens,
        input_tokens=request.input_tokens,
        tokens_basis=request.tokens_basis,
        mode=request.mode,
        latency_class=request.latency_class,
        earliest_at=request.earliest_at,
        latest_at=request.latest_at,
        status=request.status,
        answer=_body(decision),
        reasons=tuple(decision.reasons),
        candidates=tuple(candidate_rows(decision)),
        timeline=tuple(timeline),
        settlement=None
        if settlement is None
        else {
            "used_tokens": settlement.used_tokens,
            "total_usd": usd(settlement.total_micro_usd),
            "location_g": settlement.location_g,
            "avoided_g": settlement.avoided_g,
            "quality": settlement.quality,
            "collaboration": settlement.collaboration,
            "market_value_tokens": settlement.market_value_tokens,
            "settled_at": settlement.settled_at,
            "corrected_at": settlement.corrected_at,
            "reported": "yes" if settlement.is_verified else "no: settled at the grant, unverified",
        },
        renewable_share_of=get_policy_version(decision.policy_id).terms.renewable_share_of,
    )


def _body(decision: Decision, holds: Mapping[UUID, budgets.HoldLease] | None = None) -> dict[str, Any]:
    if holds is None:
        holds = budgets.find_hold_leases([decision.hold_id] if decision.hold_id else [])
    return answer_body(decision.request, decision, holds.get(decision.hold_id) if decision.hold_id else None)


def _latest(request_id: UUID) -> Decision:
    rows = Decision.objects.filter(request=request_id).select_related(*RELATED, "request__settlement")
    decision = rows.order_by("-sequence").first()
    if decision is None:
        raise NotFound("There is no such request.")
    return decision


def _row(decision: Decision) -> DecisionRow:
    request = decision.request
    return DecisionRow(
        decision_id=decision.pk,
        request_id=request.pk,
        made_at=decision.made_at,
        team_id=request.team_id,
        team_name=request.team.name,
        organisation_name=request.team.organisation.name,
        purpose=request.purpose_id,
        purpose_title=request.purpose.title,
        origin_code=request.origin_code,
        model_class=request.model_class,
        asked_tokens=request.tokens,
        granted_tokens=decision.granted_tokens,
        status=request.status,
        region_code=decision.region_id,
        region_city=(decision.region.city or decision.region.name) if decision.region else "",
        zone_code=decision.zone_code,
        starts_at=decision.starts_at,
        intensity_g_per_kwh=decision.intensity_g_per_kwh,
        basis=decision.basis,
        source=decision.source,
        as_of=decision.as_of,
        location_g=decision.location_g_central,
        avoided_g=decision.avoided_g,
        total_micro_usd=decision.total_micro_usd,
        weight=decision.weight,
        explanation=decision.explanation,
        policy=str(decision.policy),
        is_simulated=request.is_simulated,
        service_micro_usd=decision.service_micro_usd,
        carbon_micro_usd=decision.carbon_micro_usd,
        justice_micro_usd=decision.justice_micro_usd,
        renewable_micro_usd=decision.renewable_micro_usd,
    )
