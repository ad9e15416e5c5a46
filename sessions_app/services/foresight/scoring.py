"""What came of forecasts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from config.kernel.transactions import transactional
from sessions_app.domain.foresight import MOST_SAMPLES, Band, Sample
from sessions_app.domain.foresight_scores import Ending, ending_of, judge
from sessions_app.models import ExhaustionForecast, Instance, Session, Usage
from sessions_app.selectors.foresight import limit_of, list_sessions_to_score
from sessions_app.selectors.policies import terms_of

MOST_AT_ONCE = 500
MOST_READ = 5000
_Held = tuple[int, datetime, int]
"""A window after a call: event, time, tokens."""


def score_forecasts(*, now: datetime) -> int:
    """Score forecasts whose outcome is known; return how many. Each session in a transaction of its own."""
    return sum(_score_session(session_id, now) for session_id in list_sessions_to_score())


@transactional
def _score_session(session_id: UUID, now: datetime) -> int:
    rows = ExhaustionForecast.objects.select_for_update().filter(session=session_id, scored_at=None)
    forecasts = list(rows.order_by("id")[:MOST_AT_ONCE])
    if not forecasts:
        return 0
    watch = _Watch(session_id, since_seq=min(each.seq for each in forecasts))
    scored = [each for each in forecasts if _is_scored(each, watch, now)]
    ExhaustionForecast.objects.bulk_update(scored, ["actual_seconds", "was_right", "scored_at"])
    return len(scored)


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
    """The instances of a session and what their windows held since a point of its log."""

    def __init__(self, session_id: UUID, *, since_seq: int):
        session = Session.objects.select_related("policy").get(pk=session_id)
        self.terms = terms_of(session)
        self.ended_at = session.ended_at
        self.instances = list(Instance.objects.filter(session=session_id, activated_at__isnull=False))
        self.usages: dict[int, list[_Held]] = {each.pk: [] for each in self.instances}
        rows = Usage.objects.filter(session=session_id)
        before = rows.filter(seq__lte=since_seq).order_by("-seq")[: MOST_SAMPLES * len(self.instances)]
        after = rows.filter(seq__gt=since_seq).order_by("seq")[:MOST_READ]
        for row in [*reversed(before), *after]:
            self.usages[row.instance_id].append((row.seq, row.at, row.context_tokens))

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
        usages = self.usages[instance.pk]
        before = [tokens for seq, _, tokens in usages if seq <= forecast.seq]
        after = [
            Sample(max(0.0, (at - forecast.at).total_seconds()), tokens)
            for seq, at, tokens in usages
            if seq > forecast.seq
        ]
        ended_at = instance.retired_at or self.ended_at
        return ending_of(
            after,
            used_tokens=before[-1] if before else 0,
            limit_tokens=limit_of(instance, self.terms),
            ended_after_seconds=None if ended_at is None else (ended_at - forecast.at).total_seconds(),
        )
