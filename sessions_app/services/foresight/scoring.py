"""What came of forecasts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Min

from config.kernel.transactions import transactional
from sessions_app.domain.foresight import MOST_SAMPLES, Band, Sample
from sessions_app.domain.foresight_scores import Course, Ending, Fate, judge
from sessions_app.models import ExhaustionForecast, Instance, Session, Usage
from sessions_app.selectors.foresight import limit_of, list_sessions_to_score
from sessions_app.selectors.policies import terms_of

PAGE = 500
_Asked = tuple[int, str]
"""Event and agent of a forecast."""


def score_forecasts(*, now: datetime) -> int:
    """Score forecasts whose outcome is known; return how many."""
    return sum(_score_session(session_id, now) for session_id in list_sessions_to_score())


def _score_session(session_id: UUID, now: datetime) -> int:
    """Page by page, each in a transaction of its own, past those that stay open: they keep no later one waiting."""
    watch = _Watch(session_id)
    scored, last = 0, 0
    while True:
        count, seen = _score_page(watch, now, after=last)
        scored += count
        if seen is None:
            return scored
        last = seen


@transactional
def _score_page(watch: _Watch, now: datetime, *, after: int) -> tuple[int, int | None]:
    """How many were scored, and the last that was looked at; None where there are no more."""
    rows = ExhaustionForecast.objects.select_for_update().filter(session=watch.session_id, scored_at=None, pk__gt=after)
    forecasts = list(rows.order_by("pk")[:PAGE])
    scored = [each for each in forecasts if _is_scored(each, watch, now)]
    ExhaustionForecast.objects.bulk_update(scored, ["actual_seconds", "was_right", "scored_at"])
    return len(scored), forecasts[-1].pk if len(forecasts) == PAGE else None


def _is_scored(forecast: ExhaustionForecast, watch: _Watch, now: datetime) -> bool:
    band = Band(
        low_seconds=forecast.low_seconds,
        central_seconds=forecast.central_seconds,
        high_seconds=forecast.high_seconds,
    )
    judgement = judge(band, watch.endings(forecast), k=forecast.k, elapsed_seconds=(now - forecast.at).total_seconds())
    if judgement is None:
        return False
    forecast.actual_seconds, forecast.was_right = judgement.actual_seconds, judgement.was_right
    forecast.scored_at = now
    return True


class _Watch:
    """What became of the windows of a session since the oldest forecast of it that is open."""

    def __init__(self, session_id: UUID):
        self.session_id = session_id
        session = Session.objects.select_related("policy").get(pk=session_id)
        self.ended_at, terms = session.ended_at, terms_of(session)
        self.instances = list(Instance.objects.filter(session=session_id, activated_at__isnull=False))
        self.courses = {each.pk: Course(limit_of(each, terms), held_tokens=0) for each in self.instances}
        rows = ExhaustionForecast.objects.filter(session=session_id)
        oldest = rows.filter(scored_at=None).aggregate(seq=Min("seq"))["seq"] or 0
        full = rows.filter(kind=ExhaustionForecast.Kind.AGENT, high_seconds=0, seq__gte=oldest)
        self.was_full: frozenset[_Asked] = frozenset(full.values_list("seq", "agent"))
        self._read_since(oldest)

    def _read_since(self, seq: int) -> None:
        """All calls since then, however many; of those before only what the windows held."""
        rows = Usage.objects.filter(session=self.session_id)
        before = rows.filter(seq__lte=seq).order_by("-seq").values_list("instance_id", "context_tokens")
        before = before.filter(instance__in=self.courses)[: MOST_SAMPLES * len(self.courses)]
        for instance_id, tokens in reversed(before):
            self.courses[instance_id].held_tokens = tokens
        after = rows.filter(seq__gt=seq, instance__in=self.courses).order_by("seq")
        columns = ("instance_id", "seq", "at", "context_tokens")
        for instance_id, at_seq, at, tokens in after.values_list(*columns).iterator(chunk_size=PAGE):
            self.courses[instance_id].note(at_seq, Sample(at.timestamp(), tokens))

    def endings(self, forecast: ExhaustionForecast) -> list[Ending]:
        """What became of the instances that were active then, of one agent or of all."""
        return [
            self._ending(each, forecast)
            for each in self.instances
            if (not forecast.agent or each.agent == forecast.agent)
            and each.activated_at is not None
            and each.activated_at <= forecast.at
            and (each.retired_at is None or each.retired_at > forecast.at)
        ]

    def _ending(self, instance: Instance, forecast: ExhaustionForecast) -> Ending:
        if (forecast.seq, instance.agent) in self.was_full:
            return Ending(Fate.FULL)
        ended_at = instance.retired_at or self.ended_at
        return self.courses[instance.pk].ending(
            seq=forecast.seq,
            at_seconds=forecast.at.timestamp(),
            ended_at_seconds=None if ended_at is None else ended_at.timestamp(),
        )
