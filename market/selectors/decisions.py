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
from market.selectors.answers import answer_body
from market.selectors.explanations import explain, list_candidates
from market.selectors.plan_timeline import list_plan_moments
from market.selectors.planned import Standing, having_status, list_standings, planned_in
from market.selectors.policies import get_policy_version

RELATED = ("request__team__organisation", "request__purpose", "region", "policy")


def list_decisions(
    *,
    team_ids: frozenset[int] | None,
    limit: int = 30,
    region_code: str | None = None,
    before: tuple[datetime, int] | None = None,
) -> list[DecisionRow]:
    """The latest decision of each request, newest first; None means of all teams. What waits stands as it is planned.

    `before` is the time and the id of the last decision of the page before: a pass makes many at one time.
    """
    later = Decision.objects.filter(request=OuterRef("request"), sequence__gt=OuterRef("sequence"))
    rows = Decision.objects.select_related(*RELATED).filter(~Exists(later))
    if team_ids is not None:
        rows = rows.filter(request__team__in=team_ids)
    if region_code is not None:
        rows = rows.filter(Q(region=region_code) | planned_in(region_code))
    if before is not None:
        made_at, decision_id = before
        rows = rows.filter(Q(made_at__lt=made_at) | Q(made_at=made_at, pk__lt=decision_id))
    found = list(rows.defer("inputs").order_by("-made_at", "-id")[:limit])
    standings = list_standings(found)
    return [_row(each, standings[each.request_id]) for each in found]


def get_decision_row(request_id: UUID) -> DecisionRow:
    """The latest decision of a request as a line of the feed. Raises NotFound."""
    decision = _latest(request_id)
    return _row(decision, _standing(decision))


def is_served_here(request_id: UUID) -> bool:
    """Whether its work is done by the gateway, which began it as it was granted, and not by whoever asked."""
    orders = Decision.objects.filter(request=request_id).order_by("sequence")
    return orders.values_list("inputs__facts__preferred", flat=True).first() is not None


def get_request_answer(request_id: UUID) -> tuple[int, dict[str, Any]]:
    """The team of a request and its body as `GET /api/v1/requests/{id}/` answers it. Raises NotFound."""
    standing = _standing(_latest(request_id))
    return standing.decision.request.team_id, _body(standing)


def get_explanation(request_id: UUID) -> dict[str, Any]:
    """Inputs, stored verdict and the verdict computed again, of a request as it stands. Raises NotFound."""
    return explain(_standing(_latest(request_id)))


def list_request_answers(
    *,
    team_ids: frozenset[int] | None,
    filters: dict[str, Any],
    offset: int,
    limit: int,
) -> list[dict[str, Any]]:
    """Bodies of requests, newest first, in a bounded number of queries. `filters` are field lookups of the API's own.

    `status` is the status in which a request stands: one that waits and is planned counts as granted or partial.
    """
    stored = {name: value for name, value in filters.items() if name != "status"}
    requests: QuerySet[AllocationRequest] = AllocationRequest.objects.filter(**stored)
    if "status" in filters:
        requests = requests.filter(having_status(filters["status"]))
    if team_ids is not None:
        requests = requests.filter(team__in=team_ids)
    newest = Decision.objects.filter(request=OuterRef("pk")).order_by("-sequence").values("pk")[:1]
    page = requests.annotate(newest=Subquery(newest)).order_by("-created_at", "-pk")[offset : offset + limit]
    decision_ids = [each.newest for each in page]
    decisions = Decision.objects.select_related(*RELATED, "request__settlement").defer("inputs").in_bulk(decision_ids)
    standings = list_standings(decisions.values())
    holds = budgets.find_hold_leases(each.hold_id for each in decisions.values() if each.hold_id)
    return [_body(standings[decisions[pk].request_id], holds) for pk in decision_ids]


def get_request_detail(request_id: UUID) -> RequestDetail:
    """A request with its whole story. Raises NotFound."""
    standing = _standing(_latest(request_id))
    decision = standing.decision
    request = decision.request
    story: Sequence[Decision] = list(request.decisions.order_by("sequence"))
    settlement = getattr(request, "settlement", None)
    timeline = [(request.created_at, "asked"), *((each.made_at, each.verdict) for each in story)]
    if any(each.verdict == Decision.Verdict.QUEUED for each in story):
        timeline = sorted([*timeline, *list_plan_moments(request)], key=lambda moment: moment[0])
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
        status=standing.status,
        answer=_body(standing),
        reasons=tuple(decision.reasons),
        candidates=tuple(list_candidates(standing)),
        timeline=tuple(timeline),
        settlement=None
        if settlement is None
        else {
            "used_tokens": settlement.used_tokens,
            "total_usd": usd(settlement.total_micro_usd),
            "energy_wh": settlement.energy_wh,
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


def _body(standing: Standing, holds: Mapping[UUID, budgets.HoldLease] | None = None) -> dict[str, Any]:
    decision = standing.decision
    hold: budgets.HoldLease | budgets.PlanHold | None = standing.plan_hold
    if hold is None and decision.hold_id is not None:
        known = budgets.find_hold_leases([decision.hold_id]) if holds is None else holds
        hold = known.get(decision.hold_id)
    run_id = standing.run.pk if standing.is_planned and standing.run else None
    return answer_body(decision.request, decision, hold, status=standing.status, planned_by_run=run_id)


def _standing(decision: Decision) -> Standing:
    return list_standings([decision])[decision.request_id]


def _latest(request_id: UUID) -> Decision:
    rows = Decision.objects.filter(request=request_id).select_related(*RELATED, "request__settlement")
    decision = rows.order_by("-sequence").first()
    if decision is None:
        raise NotFound("There is no such request.")
    return decision


def _row(stored: Decision, standing: Standing) -> DecisionRow:
    """A line of the feed. It keeps the place and time of the stored decision, so that pages follow on each other."""
    decision, request = standing.decision, stored.request
    return DecisionRow(
        decision_id=stored.pk,
        request_id=request.pk,
        made_at=stored.made_at,
        team_id=request.team_id,
        team_name=request.team.name,
        organisation_name=request.team.organisation.name,
        purpose=request.purpose_id,
        purpose_title=request.purpose.title,
        origin_code=request.origin_code,
        model_class=request.model_class,
        asked_tokens=request.tokens,
        granted_tokens=decision.granted_tokens,
        status=standing.status,
        region_code=decision.region_id,
        region_city=standing.city or ((decision.region.city or decision.region.name) if decision.region else ""),
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
