"""Writing requests and decisions. Not for other apps; they use the services built on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count

from budgets.domain.asks import PlacedHold
from config.kernel.events import publish
from market.events import RequestDecided, RequestsDecided
from market.models import AllocationRequest, AllocationRun, Decision
from market.selectors.drafts import figures_of, tokens_in_words, unsaved_decision

__all__ = ["figures_of", "record", "tokens_in_words", "unsaved_decision"]


def record(
    decision: Decision,
    *,
    status: AllocationRequest.Status,
    hold: PlacedHold | None = None,
    fund_reserved_micro_usd: int = 0,
    run: AllocationRun | None = None,
) -> Decision:
    """Store a decision as the latest of its request, move the request's status and tell the apps above."""
    request = decision.request
    decision.sequence = request.decisions.count() + 1
    _complete(decision, hold, fund_reserved_micro_usd, run)
    decision.save(force_insert=True)
    AllocationRequest.objects.filter(pk=request.pk).update(status=status)
    request.status = status
    publish(
        RequestDecided(request_id=request.pk, decision_id=decision.pk, team_id=request.team_id, at=decision.made_at)
    )
    return decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A decision that grants something, with what was taken for it."""

    decision: Decision
    hold: PlacedHold
    fund_reserved_micro_usd: int


def record_grants(grants: Sequence[Granted], *, run: AllocationRun) -> None:
    """`record` for many grants of one run, with few statements. Their requests are locked."""
    if not grants:
        return
    requests = [each.decision.request for each in grants]
    before = Decision.objects.filter(request__in=requests).order_by().values("request").annotate(count=Count("pk"))
    counts = {row["request"]: row["count"] for row in before}
    for each in grants:
        each.decision.sequence = counts.get(each.decision.request_id, 0) + 1
        _complete(each.decision, each.hold, each.fund_reserved_micro_usd, run)
    Decision.objects.bulk_create([each.decision for each in grants])
    for status in AllocationRequest.HOLDING:
        of_status = [each.decision.request for each in grants if each.decision.verdict == status]
        AllocationRequest.objects.filter(pk__in=[each.pk for each in of_status]).update(status=status)
        for request in of_status:
            request.status = status
    teams = tuple(dict.fromkeys(request.team_id for request in requests))
    publish(RequestsDecided(team_ids=teams, at=max(each.decision.made_at for each in grants)))


def _complete(
    decision: Decision, hold: PlacedHold | None, fund_reserved_micro_usd: int, run: AllocationRun | None
) -> None:
    decision.hold_id = hold.hold_id if hold else None
    decision.hold_expires_at = hold.expires_at if hold else None
    decision.fund_reserved_micro_usd = fund_reserved_micro_usd
    decision.run = run
