"""What triage knows beside the request: emergencies in force, estimates, and what outcomes have taught.

Kept in the process and read again at most every two seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from budgets import selectors as budgets
from climate import selectors as climate
from climate.domain.places import EmergencyFacts
from sessions_app.models import TriageCorrection
from sessions_app.services.gateway.rereading import Rereader

FRESH = timedelta(seconds=2)
"""So long what was read is used without a look."""
USABLE = timedelta(seconds=5)
"""So long it is used while the next is being read, by those who cannot wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """As of `loaded_at`. `corrections` in points, by team and kind of work."""

    loaded_at: datetime
    emergencies: tuple[EmergencyFacts, ...]
    estimates: budgets.KnownEstimates
    corrections: Mapping[tuple[int, str], float]

    def emergency_for(self, *, origin: str, purpose: str) -> str:
        """The strongest emergency that lifts this purpose for this origin, in words; empty if none does."""
        touching = [each for each in self.emergencies if origin in each.country_codes and purpose in each.purposes]
        if not touching:
            return ""
        strongest = max(touching, key=lambda each: each.multiplier)
        return f"the emergency {strongest.title} is in force for {purpose} in {origin}"

    def correction(self, team_id: int | None, kind: str) -> float:
        """What outcomes of this team's work of this kind have taught, in points; 0 where nothing is known."""
        return 0.0 if team_id is None else self.corrections.get((team_id, kind), 0.0)

    def is_older_than(self, age: timedelta, *, now: datetime) -> bool:
        """Whether it was read longer ago than that; a clock that went back counts as old, too."""
        return not timedelta(0) <= now - self.loaded_at < age


def _read(now: datetime) -> Knowledge:
    rows = TriageCorrection.objects.exclude(correction_points=0.0)
    return Knowledge(
        loaded_at=now,
        emergencies=tuple(climate.list_active_emergencies(now=now)),
        estimates=budgets.load_estimates(),
        corrections={
            (team, kind): points for team, kind, points in rows.values_list("team", "kind", "correction_points")
        },
    )


_rereader = Rereader("what triage knows", lambda now: _read(now), fresh=FRESH, usable=USABLE)
knowledge = _rereader.get
peek = _rereader.peek
current = _rereader.current
forget = _rereader.forget
