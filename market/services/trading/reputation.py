"""Keeping each day's reputation of every team of which anything was seen."""

from __future__ import annotations

from datetime import datetime

from market.models import ReputationScore
from market.selectors.trading.reputation import date_of, list_teams_seen, work_out


def snapshot_reputation(*, now: datetime) -> int:
    """Keep the scores of today for teams that have none of it yet; how many there were to work out. Append-only."""
    day = date_of(now)
    known = set(ReputationScore.objects.filter(day=day).values_list("team", flat=True))
    teams = [team_id for team_id in list_teams_seen(now=now) if team_id not in known]
    for team_id in teams:
        score = work_out(team_id, now=now)
        row = ReputationScore(
            team_id=team_id, day=day, score=score.score, parts=[part.to_json() for part in score.parts], made_at=now
        )
        # Two workers at once: the first one's stays.
        ReputationScore.objects.bulk_create([row], ignore_conflicts=True)
    return len(teams)
