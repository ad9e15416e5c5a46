"""Readings into the database: new ones are added, changed ones leave their past behind, equal ones touch nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from climate.domain.belief import JUMP_WITHIN, JUMPED, jump
from climate.domain.collected import CollectedReading
from climate.models import CarbonReading, CarbonReadingRevision

BATCH = 500
LONGEST_FLAG_CHARACTERS = 200
FIGURES = ("period_minutes", "intensity_g_per_kwh")
SHARES = ("renewable_share", "carbon_free_share")
SAID = (*FIGURES, *SHARES)
SHARE_STEP = 0.01
"""Less is no revision: some sources' shares are forecasts, which move a little with every asking."""
SHARED = ("zone_id", "source", "kind", "scope", "starts_at", *SAID, "flag", "received_at", "revision")

Series = tuple[str, str, str]
Key = tuple[str, str, str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How many readings were added, and how many the source has changed."""

    new: int
    revised: int


def keep_readings(*, source: str, readings: Iterable[CollectedReading], now: datetime) -> Kept:
    """Store believed readings of a source. For within a transaction that holds the source's row.

    Of two readings of one period the later counts. Raises nothing: one run at a time writes for a source.
    """
    said = {_key(each): each for each in readings}
    if not said:
        return Kept(new=0, revised=0)
    stored = _stored(source, said)
    jumps = _jumps({key: row.intensity_g_per_kwh for key, row in stored.items()}, said)
    new = [
        _with(CarbonReading(source=source), each, jumps.get(key, ""), now)
        for key, each in said.items()
        if key not in stored
    ]
    changed = [key for key, each in said.items() if key in stored and not _says(stored[key], each)]
    CarbonReading.objects.bulk_create(new, batch_size=BATCH)
    CarbonReadingRevision.objects.bulk_create([_revision(stored[key], now) for key in changed], batch_size=BATCH)
    for key in changed:
        stored[key].revision += 1
        stored[key].pk = None  # found again by its key
        _with(stored[key], said[key], jumps.get(key, ""), now)
    # Written over by their key: ten times as fast as an UPDATE that tells the rows apart one by one.
    CarbonReading.objects.bulk_create(
        [stored[key] for key in changed],
        update_conflicts=True,
        unique_fields=["zone", "source", "kind", "scope", "starts_at"],
        update_fields=[*SAID, "flag", "received_at", "revision"],
        batch_size=BATCH,
    )
    return Kept(new=len(new), revised=len(changed))


def _key(reading: CollectedReading) -> Key:
    return reading.zone, reading.kind, reading.scope, reading.starts_at


def _stored(source: str, said: dict[Key, CollectedReading]) -> dict[Key, CarbonReading]:
    """What is stored of the same periods, and of the two hours before them to compare with."""
    times = [starts_at for _, _, _, starts_at in said]
    rows = CarbonReading.objects.filter(
        zone__in={zone for zone, _, _, _ in said},
        source=source,
        starts_at__gte=min(times) - JUMP_WITHIN,
        starts_at__lte=max(times),
    )
    return {(row.zone_id, row.kind, row.scope, row.starts_at): row for row in rows}


def _jumps(before_g_per_kwh: dict[Key, float], said: dict[Key, CollectedReading]) -> dict[Key, str]:
    """Words for each reading that is far from the one before it in its series."""
    values = before_g_per_kwh | {key: each.intensity_g_per_kwh for key, each in said.items()}
    found: dict[Key, str] = {}
    before: Key | None = None
    for key in sorted(values):
        if before is not None and before[:3] == key[:3] and key[3] - before[3] <= JUMP_WITHIN:
            found[key] = jump(values[before], values[key])
        before = key
    return found


def _flag(reading: CollectedReading, jumped: str) -> str:
    return "; ".join(part for part in (reading.flag, jumped) if part)[:LONGEST_FLAG_CHARACTERS]


def _says(row: CarbonReading, reading: CollectedReading) -> bool:
    """Whether the row holds what the source says. That it is a jump is our word: it does not make a revision."""
    own_flag = "; ".join(part for part in row.flag.split("; ") if not part.startswith(JUMPED))
    same_flag = own_flag == reading.flag[:LONGEST_FLAG_CHARACTERS] or row.flag == _flag(reading, "")
    same_shares = all(_same_share(getattr(row, name), getattr(reading, name)) for name in SHARES)
    return same_flag and same_shares and all(getattr(row, name) == getattr(reading, name) for name in FIGURES)


def _same_share(stored: float | None, said: float | None) -> bool:
    if stored is None or said is None:
        return stored is said
    return abs(stored - said) < SHARE_STEP


def _with(row: CarbonReading, reading: CollectedReading, jumped: str, now: datetime) -> CarbonReading:
    values: dict[str, Any] = {name: getattr(reading, name) for name in SAID}
    values |= {"zone_id": reading.zone, "kind": reading.kind, "scope": reading.scope, "starts_at": reading.starts_at}
    values |= {"flag": _flag(reading, jumped), "received_at": now}
    for name, value in values.items():
        setattr(row, name, value)
    return row


def _revision(row: CarbonReading, now: datetime) -> CarbonReadingRevision:
    return CarbonReadingRevision(replaced_at=now, **{name: getattr(row, name) for name in SHARED})
