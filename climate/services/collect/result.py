"""What came of asking a source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionResult:
    """What one collection brought, and what was wrong in words.

    `readings` and `forecasts` that were believed, of so many `zones`; `new` readings and `revised` ones were
    written, the others were known already. `alerts` that changed. `quarantined` values were not believed.
    """

    source: str
    state: str
    readings: int = 0
    new: int = 0
    revised: int = 0
    forecasts: int = 0
    alerts: int = 0
    zones: int = 0
    quarantined: int = 0
    requests: int = 0
    problems: tuple[str, ...] = ()


def bounded(problems: Sequence[str]) -> tuple[str, ...]:
    """The first ones, and how many more there are."""
    left_out = len(problems) - MOST_PROBLEMS
    return (*problems[:MOST_PROBLEMS], *([f"and {left_out} more"] if left_out > 0 else []))


def shortened(words: str, longest: int) -> str:
    """At most so many characters, cut between words where there are any."""
    if len(words) <= longest:
        return words
    cut = words[: longest - 2]
    return f"{cut.rpartition(' ')[0] or cut} …"
