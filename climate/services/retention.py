"""Readings that grow old: they become hourly means, then daily ones, and go to the archive, never away.

So do the scores of forecasts and the values that nobody believed, without means. Of files that people
brought only the contents go, once it is long over with them: their readings are stored, or never were.

Each table is worked off by UTC days, oldest first. One day is one transaction: its rows are
locked and written to a file that is read back, the means of the next tier are stored, the file
is listed, and then the rows are deleted. A crash leaves either the rows, perhaps with a file
that the next run finds to be theirs, or the listed file. The row of the policy is locked
meanwhile, so two runs take turns by days, and the later one finds nothing to do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction

from climate.domain.ladder import floor_hour
from climate.domain.means import Stretch, mean_of
from climate.domain.overlap import Told, counted_minutes
from climate.models import (
    ArchivedFile,
    CarbonReadingMean,
    RetentionPolicy,
)
from climate.services.archive import write_archive_file
from climate.services.archive_tables import KEPT, SERIES, TABLES, ArchivedTable, Tier, midnight
from climate.services.import_leftovers import drop_old_files
from config.kernel.errors import Unavailable

DAY = timedelta(days=1)
ROWS_AT_ONCE = 500
Progress = Callable[[str, date, int], None]


@dataclass(slots=True)
class Retirement:
    """How many rows of each table went to the archive, into how many files, and how many imports were emptied."""

    rows: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    days: int = 0
    dropped_files: int = 0


def retire_readings(*, now: datetime, progress: Progress | None = None) -> Retirement:
    """Move everything that is older than the policy keeps it. Safe to repeat, and to run twice at once.

    `progress` is told of each day that was moved: table, day, rows. Raises Unavailable without a
    policy, OSError or ArchiveDamaged where the archive cannot be written; then that day stays as it was.
    """
    done = Retirement(dropped_files=drop_old_files(now=now))
    for table in TABLES:
        for day in _days_due(table, now):
            moved = _retire_day(table, day, now)
            if moved:
                done.rows[table.name] += moved
                done.days += 1
                if progress:
                    progress(table.name, day, moved)
    return done


def _days_due(table: ArchivedTable, now: datetime) -> Iterator[date]:
    """The days that have rows to move, found one after the other: years without any cost nothing."""
    rows = table.rows(table.before(_policy(), now)).order_by(table.moment)
    oldest = rows.values_list(table.moment, flat=True).first()
    while oldest is not None:
        day = _moment_of(oldest).date()
        yield day
        later = rows.filter(**{f"{table.moment}__gte": table.age_of(midnight(day) + DAY)})
        oldest = later.values_list(table.moment, flat=True).first()


def _moment_of(age: date) -> datetime:
    """A time, or the beginning of a UTC day, in UTC."""
    return age.astimezone(UTC) if isinstance(age, datetime) else midnight(age)


@transaction.atomic
def _retire_day(table: ArchivedTable, day: date, now: datetime) -> int:
    """Move one day; how many rows. Nothing while the day was brought back to be looked at."""
    cutoff = table.before(_policy(lock=True), now)
    start, end = midnight(day), midnight(day) + DAY
    if start >= cutoff or _was_brought_back(table.name, start, end, now):
        return 0
    of_day = {f"{table.moment}__gte": table.age_of(start), f"{table.moment}__lt": table.age_of(end)}
    rows = table.rows(cutoff).filter(**of_day)
    rows = rows.select_for_update().order_by(*table.order).values_list("pk", *table.columns)
    found = list(rows)
    if not found:
        return 0
    _store_file(table, day, [row[1:] for row in found], now)
    if table.becomes is not None:
        _store_means(table, table.becomes, found)
    _delete(table, [row[0] for row in found])
    return len(found)


def _store_file(table: ArchivedTable, day: date, rows: Sequence[Sequence[Any]], now: datetime) -> None:
    """On the disk first, then in the list."""
    written = write_archive_file(table.name, day, table.columns, rows)
    moments = [_moment_of(row[table.columns.index(table.moment)]) for row in rows]
    ArchivedFile.objects.update_or_create(
        path=written.path,
        defaults={"stays_until": None},
        create_defaults={
            "what": table.name,
            "first_at": min(moments),
            "last_at": max(moments),
            "row_count": written.row_count,
            "size_bytes": written.size_bytes,
            "sha256": written.sha256,
            "archived_at": now,
        },
    )


def _store_means(table: ArchivedTable, tier: Tier, found: Sequence[Sequence[Any]]) -> None:
    """What the rows leave behind. A mean that covers more than the new one stays."""
    parts: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in found:
        known = dict(zip(("pk", *table.columns), row, strict=True))
        begins = floor_hour(known["starts_at"]) if tier == Tier.HOUR else midnight(known["starts_at"].date())
        parts[(*(known[name] for name in SERIES), begins)].append(known)
    first, last = min(key[-1] for key in parts), max(key[-1] for key in parts)
    there = CarbonReadingMean.objects.filter(tier=tier, starts_at__gte=first, starts_at__lte=last)
    covered = {tuple(row[:-1]): row[-1] for row in there.values_list(*SERIES, "starts_at", "covered_minutes")}
    longest = 60 if tier == Tier.HOUR else 1440
    means = {key: mean_of(_stretches(each), longest_minutes=longest) for key, each in parts.items()}
    CarbonReadingMean.objects.bulk_create(
        [_mean(key, tier, mean) for key, mean in means.items() if mean.minutes >= covered.get(key, 0)],
        update_conflicts=True,
        unique_fields=["zone", "kind", "scope", "tier", "starts_at", "source"],
        update_fields=list(KEPT),
        batch_size=ROWS_AT_ONCE,
    )


def _stretches(told: Sequence[dict[str, Any]]) -> list[Stretch]:
    """What one source said of one hour or day, every minute once."""
    lengths = [timedelta(minutes=each.get("period_minutes") or each["covered_minutes"]) for each in told]
    periods = [
        Told(each["starts_at"], each["starts_at"] + length, each["received_at"])
        for each, length in zip(told, lengths, strict=True)
    ]
    counted = counted_minutes(periods)
    return [_stretch(each, round(minutes)) for each, minutes in zip(told, counted, strict=True) if round(minutes)]


def _stretch(known: dict[str, Any], minutes: int) -> Stretch:
    intensity = known["intensity_g_per_kwh"]
    return Stretch(
        minutes=minutes,
        intensity_g_per_kwh=intensity,
        lowest_g_per_kwh=known.get("lowest_g_per_kwh", intensity),
        highest_g_per_kwh=known.get("highest_g_per_kwh", intensity),
        renewable_share=known["renewable_share"],
        carbon_free_share=known["carbon_free_share"],
        flag=known["flag"],
        received_at=known["received_at"],
    )


def _mean(key: tuple[Any, ...], tier: Tier, mean: Stretch) -> CarbonReadingMean:
    return CarbonReadingMean(
        **dict(zip((*SERIES, "starts_at"), key, strict=True)),
        tier=tier,
        covered_minutes=mean.minutes,
        intensity_g_per_kwh=mean.intensity_g_per_kwh,
        lowest_g_per_kwh=mean.lowest_g_per_kwh,
        highest_g_per_kwh=mean.highest_g_per_kwh,
        renewable_share=mean.renewable_share,
        carbon_free_share=mean.carbon_free_share,
        flag=mean.flag,
        received_at=mean.received_at,
    )


def _delete(table: ArchivedTable, pks: Sequence[int]) -> None:
    """Exactly the rows that are in the file: what came since stays for the next run."""
    deleted = 0
    for first in range(0, len(pks), ROWS_AT_ONCE):
        deleted += table.model.objects.filter(pk__in=pks[first : first + ROWS_AT_ONCE]).delete()[0]
    if deleted != len(pks):
        raise RuntimeError(f"{deleted} of {len(pks)} archived rows of {table.name} were there to delete")


def _was_brought_back(what: str, start: datetime, end: datetime, now: datetime) -> bool:
    files = ArchivedFile.objects.filter(what=what, first_at__gte=start, first_at__lt=end)
    return files.filter(stays_until__gt=now).exists()


def _policy(*, lock: bool = False) -> RetentionPolicy:
    rows = RetentionPolicy.objects.filter(pk=1)
    found = (rows.select_for_update() if lock else rows).first()
    if found is None:
        raise Unavailable("There is no retention policy: run manage.py load_reference.")
    return found
