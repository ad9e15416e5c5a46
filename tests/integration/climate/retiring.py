"""A process that moves readings to the archive, and can be told where to die: `python -m ... STEP`.

Steps: `fill` makes two days of old readings; `draft`, `named`, `listed`, `means`, `deleted` and `committed`
name the last thing done before the kill; `run` runs to the end. Ends by printing what there is as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import django

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)


def main(step: str) -> None:
    """Do it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from climate.services.retention import retire_readings

    if step == "fill":
        fill()
    else:
        arm(step)
        retire_readings(now=NOW)
    sys.stdout.write(json.dumps(what_there_is()))


def fill() -> None:
    """Two old days of one zone."""
    from climate.models import CarbonReading, GridZone, RetentionPolicy

    RetentionPolicy.objects.create(pk=1)
    GridZone.objects.create(code="DE", name="Germany")
    CarbonReading.objects.bulk_create(
        CarbonReading(
            zone_id="DE",
            source="meter",
            starts_at=FIRST_DAY + hour * timedelta(hours=1),
            period_minutes=60,
            intensity_g_per_kwh=100.0 + hour,
            received_at=NOW,
        )
        for hour in range(48)
    )


def arm(step: str) -> None:
    """Put a kill behind the step."""
    from climate.models import ArchivedFile
    from climate.services import archive, retention

    places: dict[str, tuple[Any, str]] = {
        "draft": (archive, "_check"),
        "named": (os, "replace"),
        "listed": (ArchivedFile.objects, "update_or_create"),
        "means": (retention, "_store_means"),
        "deleted": (retention, "_delete"),
        "committed": (retention, "_retire_day"),
    }
    if step in places:
        holder, name = places[step]
        setattr(holder, name, deadly(getattr(holder, name)))


def deadly(real: Callable[..., Any]) -> Callable[..., Any]:
    """Does it, and is killed."""

    def call(*args: Any, **kwargs: Any) -> None:
        real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return call


def what_there_is() -> dict[str, Any]:
    """Hours in the table, hours in listed files, means, and files on the disk."""
    import csv
    import gzip

    from django.conf import settings

    from climate.models import ArchivedFile, CarbonReading, CarbonReadingMean

    in_files: list[float] = []
    for listed in ArchivedFile.objects.all():
        with gzip.open(settings.ARCHIVE_DIR / listed.path, "rt") as file:
            in_files += [float(row["intensity_g_per_kwh"]) for row in csv.DictReader(file)]
    return {
        "in the table": sorted(CarbonReading.objects.values_list("intensity_g_per_kwh", flat=True)),
        "in files": sorted(in_files),
        "means": CarbonReadingMean.objects.count(),
        "files": sorted(path.name for path in settings.ARCHIVE_DIR.rglob("*") if path.is_file()),
    }


if __name__ == "__main__":
    main(sys.argv[1])
