"""Keeping what disaster feeds say: every version of every event, and when a feed no longer holds one."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db import transaction

from climate.domain.alerts import CollectedAlert
from climate.domain.country_words import codes_of, plain
from climate.events import AlertsChanged
from climate.models import Alert, AlertVersion, Country, DataSource
from climate.services.alert_emergencies import follow_alerts
from config.kernel.events import publish

logger = logging.getLogger(__name__)

ALIASES = Path(__file__).resolve().parent.parent / "data" / "country_aliases.csv"
FACTS = (
    "kind",
    "level",
    "title",
    "country_codes",
    "unknown_places",
    "severity_text",
    "glide",
    "url",
    "latitude",
    "longitude",
    "starts_at",
    "ends_at",
    "is_current",
)
"""What a version of an event says."""
COLUMNS = (*FACTS, "version_at")
DECISIVE = ("level", "is_current")
"""What an emergency hangs on."""
TRANSLATED = ("country_codes", "unknown_places")
TEXTS = {"title": 300, "severity_text": 300, "glide": 40, "url": 500}
"""Characters that the columns hold."""

ROWS_AT_ONCE = 500

Facts = dict[str, Any]
Change = tuple[Alert, datetime]
"""An event, and the time of the version that its history gains."""


@transaction.atomic
def keep_alerts(*, source: str, alerts: Sequence[CollectedAlert], is_complete: bool, now: datetime) -> int:
    """Keep what `source` says of its events at `now`, let emergencies follow, and return how many events changed.

    A newer version is added to the event's history, and so is one of the same time with another level or end;
    any other only says that the event is still listed, and so does one of an event that we put together, if
    it says what the one before said. With
    `is_complete` the list holds all current events: one that is missing from two lists in a row is over
    (one list may be a slip of the feed), and current again once it is listed.
    """
    # One collection of a feed at a time: the constraints behind it would refuse the second, this makes it wait.
    DataSource.objects.select_for_update().filter(pk=source).first()
    newest = _newest_of(alerts)
    listed, changed = _read(source, newest, now)
    over = _missing(source, newest, now) if is_complete else []
    _store([*changed, *((each, now) for each in over)], now)
    Alert.objects.filter(pk__in=[each.pk for each in listed]).update(last_seen_at=now, missing_since=None)
    follow_alerts([*listed, *over], now=now)
    told = tuple(each.pk for each in [*(row for row, _ in changed), *over])
    if told:
        publish(AlertsChanged(source=source, alert_ids=told, at=now))
    return len(told)


def _read(source: str, newest: Mapping[str, CollectedAlert], now: datetime) -> tuple[list[Alert], list[Change]]:
    """The rows of what is listed, not stored yet, and those of them that have changed."""
    rows = {each.external_id: each for each in Alert.objects.filter(source=source, external_id__in=newest)}
    countries = _known_countries() if newest else {}
    changed: list[Change] = []
    for external_id, collected in sorted(newest.items()):
        row = rows.setdefault(external_id, Alert(source=source, external_id=external_id, first_seen_at=now))
        facts = _facts(collected, countries)
        version_at = _version_to_add(row, collected, facts, now)
        if version_at is not None:
            _take(row, collected, facts)
            changed.append((row, version_at))
        row.last_seen_at, row.missing_since = now, None
    return list(rows.values()), changed


def _newest_of(alerts: Iterable[CollectedAlert]) -> dict[str, CollectedAlert]:
    newest: dict[str, CollectedAlert] = {}
    for each in alerts:
        other = newest.get(each.external_id)
        if other is None or each.version_at > other.version_at:
            newest[each.external_id] = each
    return newest


def _version_to_add(row: Alert, collected: CollectedAlert, facts: Facts, now: datetime) -> datetime | None:
    """The time of the version that `collected` adds to the history of `row`; None: it says nothing new."""
    if row._state.adding:
        return collected.version_at
    says_more = not collected.is_put_together or any(getattr(row, name) != facts[name] for name in FACTS)
    if says_more and collected.version_at > row.version_at:
        return collected.version_at
    if collected.version_at == row.version_at and any(getattr(row, name) != facts[name] for name in DECISIVE):
        return now  # The feed changed it and not its time; the history has that time already.
    has_returned = row.missing_since is not None and collected.is_current and not row.is_current
    return now if has_returned else None


def _facts(collected: CollectedAlert, countries: Mapping[str, str]) -> Facts:
    """What `collected` says, as the columns hold it."""
    facts = {name: getattr(collected, name) for name in FACTS if name not in TRANSLATED}
    facts |= {name: _line(facts[name], longest) for name, longest in TEXTS.items()}
    codes, unknown = codes_of(collected.places, countries)
    return {**facts, "country_codes": codes, "unknown_places": [_line(each, 100) for each in unknown]}


def _take(row: Alert, collected: CollectedAlert, facts: Facts) -> None:
    """Make `row` say what `collected` says."""
    row.version_at = collected.version_at if row._state.adding else max(row.version_at, collected.version_at)
    for name in FACTS:
        setattr(row, name, facts[name])
    if row.unknown_places:
        more = {"alert": row.external_id, "places": row.unknown_places}
        logger.warning("an alert names unknown places", extra=more)


def _line(text: str, longest: int) -> str:
    """One line that every database can store."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:longest]


def _missing(source: str, listed: Iterable[str], now: datetime) -> list[Alert]:
    """Current events that this list lacks: over if the list before lacked them too, else noted as missing."""
    missing = Alert.objects.filter(source=source, is_current=True).exclude(external_id__in=list(listed))
    over = [each for each in missing if each.missing_since is not None and each.missing_since < now]
    for each in over:
        each.is_current = False
    missing.filter(missing_since=None).update(missing_since=now)
    return over


def _store(changed: list[Change], now: datetime) -> None:
    """The rows, and a version of each. `version_at` of a row stays the feed's own, so that its next one is newer."""
    rows = [row for row, _ in changed]
    # By their key, which writes 500 rows over at once; bulk_update takes ten times as long.
    known, new = [[each for each in rows if each._state.adding is adding] for adding in (False, True)]
    Alert.objects.bulk_create(
        known, update_conflicts=True, unique_fields=["id"], update_fields=COLUMNS, batch_size=ROWS_AT_ONCE
    )
    Alert.objects.bulk_create(new, batch_size=ROWS_AT_ONCE)
    versions = [
        AlertVersion(
            alert=row,
            version_at=version_at,
            received_at=now,
            level=row.level,
            is_current=row.is_current,
            facts={name: _plain_json(getattr(row, name)) for name in COLUMNS},
        )
        for row, version_at in changed
    ]
    AlertVersion.objects.bulk_create(versions, batch_size=ROWS_AT_ONCE)


def _plain_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _known_countries() -> dict[str, str]:
    """Codes by everything a feed may call a country, as `plain` words."""
    known = {plain(alias): code for alias, code in _aliases()}
    for code, iso3, name in Country.objects.values_list("code", "iso3", "name"):
        known |= {plain(name): code, plain(iso3): code, plain(code): code}
    return known


@lru_cache(maxsize=1)
def _aliases() -> tuple[tuple[str, str], ...]:
    with ALIASES.open(newline="", encoding="utf-8") as file:
        return tuple((row["alias"], row["iso2"]) for row in csv.DictReader(file))
