"""Readings that are old enough for the archive, and what is found there."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime, timedelta

from climate.models import (
    ArchivedFile,
    CarbonReading,
)
from climate.services import archive

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
MIDNIGHT = NOW.replace(hour=0, minute=0)
OLD = MIDNIGHT - timedelta(days=401)
"""The newest day that 400 days of readings leave out."""
VERY_OLD = MIDNIGHT - timedelta(days=1_101)
ANCIENT = MIDNIGHT - timedelta(days=3_661)


def fill(begin: datetime, *, periods: int = 48, minutes: int = 30, **changes) -> None:
    CarbonReading.objects.bulk_create(
        CarbonReading(
            **{
                "zone_id": "DE",
                "source": "meter",
                "starts_at": begin + i * timedelta(minutes=minutes),
                "period_minutes": minutes,
                "intensity_g_per_kwh": 100.0 + i,
                "renewable_share": 0.5,
                "received_at": begin + (i + 1) * timedelta(minutes=minutes),
                "flag": 'estimated, by the "meter"\nitself' if i == 1 else "",
                **changes,
            }
        )
        for i in range(periods)
    )


def said(model=CarbonReading, *order: str) -> list[dict]:
    rows = model.objects.order_by(*(order or ("starts_at", "zone_id", "source"))).values()
    return [{name: value for name, value in row.items() if name != "id"} for row in rows]


def archived(what: str) -> list[dict[str, str]]:
    """The rows of all listed files of a table."""
    rows: list[dict[str, str]] = []
    for listed in ArchivedFile.objects.filter(what=what).order_by("path"):
        with gzip.open(archive.settings.ARCHIVE_DIR / listed.path, "rt", encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
        assert len(found) == listed.row_count
        rows += found
    return rows
