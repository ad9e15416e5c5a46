"""How much is stored of readings, tier by tier, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Min, Sum

from climate.models import ArchivedFile, CarbonForecast, CarbonReading, CarbonReadingMean


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTier:
    """Rows of one kind at hand, and the oldest period; `is_estimate` where counting would take seconds."""

    words: str
    rows: int
    is_estimate: bool
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedTier:
    """Files, rows and bytes of one table in the archive."""

    what: str
    files: int
    rows: int
    size_bytes: int
    oldest_at: datetime


def list_stored_tiers() -> list[StoredTier]:
    """Readings, hourly and daily means, forecasts. PostgreSQL estimates the many; it is told which."""
    tiers = [_table("readings", CarbonReading)]
    for tier in CarbonReadingMean.Tier:
        rows = CarbonReadingMean.objects.filter(tier=tier)
        found = rows.aggregate(rows=Count("pk"), oldest=Min("starts_at"))
        tiers.append(
            StoredTier(words=f"{tier.label} means", rows=found["rows"], is_estimate=False, oldest_at=found["oldest"])
        )
    return [*tiers, _table("forecasts", CarbonForecast)]


def list_archived_tiers() -> list[ArchivedTier]:
    """What the listed files hold, by table."""
    rows = ArchivedFile.objects.order_by("what").values("what")
    found = rows.annotate(files=Count("pk"), rows=Sum("row_count"), size=Sum("size_bytes"), oldest=Min("first_at"))
    return [
        ArchivedTier(
            what=row["what"], files=row["files"], rows=row["rows"], size_bytes=row["size"], oldest_at=row["oldest"]
        )
        for row in found
    ]


def _table(words: str, model: Any) -> StoredTier:
    oldest = model.objects.order_by("starts_at").values_list("starts_at", flat=True).first()
    estimate = _estimate(model._meta.db_table)
    rows = model.objects.count() if estimate is None else estimate
    return StoredTier(words=words, rows=rows, is_estimate=estimate is not None, oldest_at=oldest)


FEWEST_TO_ESTIMATE = 100_000


def _estimate(table: str) -> int | None:
    """What PostgreSQL's planner believes, if it is worth not counting."""
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [table])
        rows = int(cursor.fetchone()[0])
    return rows if rows >= FEWEST_TO_ESTIMATE else None
