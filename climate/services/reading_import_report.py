"""What a file of readings holds, and what a person needs to see of it before confirming."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import fsum
from typing import Any

from climate.domain.reading_file import Mistake, Row, gaps_of, overlaps_of, read_lines, text_of
from climate.domain.signal import Kind, Scope
from climate.models import CarbonReading, ReadingImport

ROWS_PER_REPORT = 2_000
MOST_MISTAKES_SHOWN = 50
MOST_GAPS_SHOWN = 20
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Contents:
    """Rows by time, mistakes, and the lines that have any."""

    rows: list[Row] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    bad_lines: set[int] = field(default_factory=set)

    def add(self, mistakes: Sequence[Mistake]) -> None:
        """Mark what is wrong."""
        self.mistakes += mistakes
        self.bad_lines |= {mistake.line for mistake in mistakes}


def read_file(brought: ReadingImport, *, now: datetime, progress: Progress | None = None) -> Contents:
    """All lines, judged. Raises UnreadableFile. `progress` hears the rows done and about how many there are."""
    text = text_of(zlib.decompress(brought.content))
    expected = text.count("\n") or text.count("\r")
    contents = Contents()
    for number, line in enumerate(read_lines(text, scope=Scope(brought.scope), now=now)):
        if progress and number % ROWS_PER_REPORT == 0:
            progress(number, expected)
        if isinstance(line, Row):
            contents.rows.append(line)
        else:
            contents.add(line)
    contents.rows.sort(key=lambda row: (row.starts_at, row.line))
    contents.add(overlaps_of(contents.rows))
    return contents


def report_on(brought: ReadingImport, contents: Contents) -> dict[str, Any]:
    """Counts, mistakes, period, gaps and what would change, as JSON."""
    rows = [row for row in contents.rows if row.line not in contents.bad_lines]
    shown = sorted(contents.mistakes, key=lambda mistake: mistake.line)[:MOST_MISTAKES_SHOWN]
    report: dict[str, Any] = {
        "good": len(rows),
        "bad": len(contents.bad_lines),
        "mistakes": [list(mistake) for mistake in shown],
        "more_mistakes": len(contents.mistakes) - len(shown),
    }
    if rows:
        intensities = [row.intensity_g_per_kwh for row in rows]
        report |= {
            "first_at": rows[0].starts_at.isoformat(),
            "last_at": rows[-1].starts_at.isoformat(),
            "lowest_g_per_kwh": min(intensities),
            "mean_g_per_kwh": fsum(intensities) / len(rows),
            "highest_g_per_kwh": max(intensities),
            **_gap_report(rows),
            **_compared(brought, rows),
        }
    return report


def _gap_report(rows: Sequence[Row]) -> dict[str, Any]:
    gaps = gaps_of(rows)
    return {
        "gaps": [[gap.starts_at.isoformat(), gap.ends_at.isoformat()] for gap in gaps[:MOST_GAPS_SHOWN]],
        "gap_count": len(gaps),
        "gap_minutes": sum(gap.minutes for gap in gaps),
    }


def _compared(brought: ReadingImport, rows: Sequence[Row]) -> dict[str, int]:
    """How many are new, would change a stored reading, or are stored already."""
    columns = ("period_minutes", "intensity_g_per_kwh", "renewable_share", "carbon_free_share")
    there = CarbonReading.objects.filter(
        zone_id=brought.zone_id,
        source=brought.source,
        kind=Kind.AVERAGE,
        scope=brought.scope,
        starts_at__gte=rows[0].starts_at,
        starts_at__lte=rows[-1].starts_at,
    )
    stored = {known[0]: known[1:] for known in there.values_list("starts_at", *columns)}
    equal = sum(1 for row in rows if stored.get(row.starts_at) == row[2:])
    new = sum(1 for row in rows if row.starts_at not in stored)
    return {"new": new, "changed": len(rows) - new - equal, "equal": equal}
