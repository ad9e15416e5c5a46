"""What is foreseen of a session, and how good that was."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from sessions_app.domain.foresight import MOST_SAMPLES, Load, Outlook, Sample, foresee
from sessions_app.domain.foresight_scores import Accuracy, Outcome, accuracy_of
from sessions_app.domain.terms import SessionTerms
from sessions_app.models import ExhaustionForecast, Instance, Session, Usage
from sessions_app.selectors.policies import terms_of

MOST_OUTCOMES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastFacts:
    """The outlook of a session at a time and point of its log, with the accuracy of earlier ones.

    `is_correlated`: increments move together more than the policy's share; a diagnostic.
    """

    at: datetime
    seq: int
    outlook: Outlook
    loads: tuple[Load, ...]
    is_correlated: bool
    transition_seconds: float
    is_due: bool
    session_accuracy: Accuracy
    team_accuracy: Accuracy


def get_forecast(session_id: UUID, *, now: datetime) -> ForecastFacts:
    """What is foreseen of a session now."""
    session = Session.objects.get(pk=session_id)
    terms = terms_of(session)
    loads = loads_of(session)
    outlook = foresee(loads, now_seconds=now.timestamp(), terms=terms.forecasts)
    transition = terms.forecasts.transition_minutes * 60.0
    least = terms.forecasts.correlation_percent / 100
    return ForecastFacts(
        at=now,
        seq=session.head_seq,
        outlook=outlook,
        loads=tuple(loads),
        is_correlated=outlook.correlation is not None and outlook.correlation >= least,
        transition_seconds=transition,
        is_due=is_due(outlook, loads, transition_seconds=transition),
        session_accuracy=get_accuracy(session),
        team_accuracy=_accuracy(ExhaustionForecast.objects.filter(session__team=session.team_id), transition),
    )


def get_accuracy(session: Session) -> Accuracy:
    """How good forecasts of a session were."""
    transition = terms_of(session).forecasts.transition_minutes * 60.0
    return _accuracy(ExhaustionForecast.objects.filter(session=session), transition)


def is_due(outlook: Outlook, loads: Collection[Load], *, transition_seconds: float) -> bool:
    """Whether it is time for all to go over: the k-th window is full soon, and k are past the joint share.

    Without the second a window that fills within the time of a transition would be handed over ever again,
    nearly empty.
    """
    is_soon = outlook.band is not None and outlook.band.central_seconds <= transition_seconds
    return is_soon and sum(load.used_tokens >= load.joint_tokens for load in loads) >= outlook.k


def loads_of(session: Session) -> list[Load]:
    """The loads of the active agents of a session, by name."""
    terms = terms_of(session)
    instances = list(Instance.objects.filter(session=session, status=Instance.Status.ACTIVE).order_by("agent"))
    newest = (
        Usage.objects.filter(session=session, instance__in=[each.pk for each in instances])
        .order_by("-seq")
        .values_list("instance_id", "at", "context_tokens")[: MOST_SAMPLES * len(instances)]
    )
    samples: dict[int, list[Sample]] = {each.pk: [] for each in instances}
    for instance_id, at, tokens in reversed(list(newest)):
        samples[instance_id].append(Sample(at.timestamp(), tokens))
    return [_load(each, samples[each.pk], terms) for each in instances]


def limit_of(instance: Instance, terms: SessionTerms) -> int:
    """Tokens of context from which on the window of an instance admits nothing new."""
    return instance.window_tokens * terms.ladder.refuse_percent // 100 - instance.max_output_tokens


def _load(instance: Instance, samples: Iterable[Sample], terms: SessionTerms) -> Load:
    joint = instance.window_tokens * terms.forecasts.joint_percent // 100 - instance.max_output_tokens
    return Load(
        agent=instance.agent,
        samples=tuple(samples),
        used_tokens=instance.context_tokens,
        limit_tokens=limit_of(instance, terms),
        joint_tokens=joint,
    )


def _accuracy(rows: QuerySet[ExhaustionForecast], transition_seconds: float) -> Accuracy:
    # A band that ends at once is that of windows which were full already: nothing was foreseen of them.
    scored = rows.filter(scored_at__isnull=False, high_seconds__gt=0).order_by("-id")
    values = scored.values_list("central_seconds", "actual_seconds", "was_right")[:MOST_OUTCOMES]
    outcomes = [
        Outcome(central_seconds=central, actual_seconds=actual, was_right=right) for central, actual, right in values
    ]
    return accuracy_of(outcomes, transition_seconds=transition_seconds)


def list_sessions_with_news() -> list[UUID]:
    """Open sessions that used tokens since their last forecast."""
    used = Usage.objects.filter(session=OuterRef("pk")).order_by("-seq").values("seq")[:1]
    told = ExhaustionForecast.objects.filter(session=OuterRef("pk")).order_by("-id").values("seq")[:1]
    rows = Session.objects.filter(status=Session.Status.OPEN).annotate(used=Subquery(used), told=Subquery(told))
    return list(rows.filter(used__gt=Coalesce(F("told"), 0)).order_by("pk").values_list("pk", flat=True))


def list_sessions_to_score() -> list[UUID]:
    """Sessions with forecasts of which nobody knows yet what came."""
    rows = ExhaustionForecast.objects.filter(scored_at=None).order_by()
    return sorted(rows.values_list("session_id", flat=True).distinct())
