"""Alerts of the US National Weather Service (api.weather.gov), CAP in GeoJSON, public domain, without a key.

The service asks that the User-Agent names the application and a contact. It has hundreds of alerts at a
time, each for a few counties. They are put together: one event here is all alerts of one kind, one level
and one day of onset in one country or territory, so a storm over three hundred counties is one event.
Only actual alerts count that are severe or extreme, observed or likely, and immediate or expected.
Extreme becomes orange (a person decides) and severe becomes green: a county's warning is not by itself a
disaster of a nation, so nothing here is ever red.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from climate.connectors.contract import Ask, Connector
from climate.connectors.disasters import CLOCKS_DIFFER_BY, moment, text_of
from climate.connectors.http import SourceHttp, SourceMisbehaved
from climate.connectors.http.transport import USER_AGENT
from climate.domain.alerts import AlertLevel, CollectedAlert, DisasterKind
from climate.domain.collected import Collected
from climate.domain.providers import PROVIDERS

LEVELS = {"Extreme": AlertLevel.ORANGE, "Severe": AlertLevel.GREEN}
CERTAIN = ("Observed", "Likely")
URGENT = ("Immediate", "Expected")
REPLACING = ("Update", "Cancel")
WORDS = (
    (DisasterKind.CYCLONE, ("Hurricane", "Typhoon", "Tropical Storm", "Tropical Cyclone", "Storm Surge")),
    (DisasterKind.FLOOD, ("Flood", "Hydrologic")),
    (DisasterKind.WILDFIRE, ("Fire", "Red Flag")),
    (DisasterKind.HEATWAVE, ("Heat",)),
    (DisasterKind.VOLCANO, ("Volcan", "Ashfall")),
    (DisasterKind.EARTHQUAKE, ("Earthquake",)),
)
"""What the name of an event type must hold; the first that fits. All others (tornado, blizzard) are OTHER."""
ELSEWHERE = ("AS", "FM", "GU", "MH", "MP", "PR", "PW", "VI")
"""Islands that the service warns too and that are countries or territories of their own in ISO 3166-1."""
AT_SEA = ("AM", "AN", "GM", "LC", "LE", "LH", "LM", "LO", "LS", "PH", "PK", "PM", "PS", "PZ", "SL")
"""Coastal waters, Great Lakes and the Saint Lawrence, by the first letters of their zones."""
OFF_SHORE = ""
PAGE = "https://www.weather.gov/alerts"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Warning:
    """One alert of the service that counts."""

    event: str
    kind: DisasterKind
    level: AlertLevel
    areas: str
    countries: frozenset[str]
    begins_at: datetime
    ends_at: datetime


def collect(http: SourceHttp, ask: Ask) -> Collected:
    """All active alerts that are grave, put together."""
    contact = " ".join(ask.options.get("contact", "").split())
    answer = http.get(
        "/alerts/active",
        params={"status": "actual", "severity": "Extreme,Severe"},
        headers={
            "User-Agent": f"{USER_AGENT} ({contact})" if contact else USER_AGENT,
            "Accept": "application/geo+json",
        },
    ).json()
    features = answer.get("features") if isinstance(answer, dict) else None
    if not isinstance(features, list):
        raise SourceMisbehaved("the answer has no alerts in it")
    warnings, problems = _warnings(features, ask.now)
    alerts = _put_together(warnings, _made_at(answer, ask.now))
    return Collected(alerts=tuple(alerts), is_complete_alert_list=not problems, problems=problems)


def _made_at(answer: dict[str, Any], now: datetime) -> datetime:
    """When the list was made, as it says itself. A time to come is not believed: later lists would seem older."""
    try:
        return min(moment(answer["updated"]), now)
    except (KeyError, TypeError, ValueError, AttributeError):
        return now


def _warnings(features: Sequence[Any], now: datetime) -> tuple[list[_Warning], tuple[str, ...]]:
    facts = [each["properties"] for each in features if isinstance(each, dict) and "properties" in each]
    actual = [each for each in facts if isinstance(each, dict) and each.get("status") == "Actual"]
    replaced = {name for each in actual if each.get("messageType") in REPLACING for name in _references(each)}
    warnings = []
    unread = len(features) - len(facts)
    for each in actual:
        try:
            if _counts(each) and not replaced & {each.get("id"), each.get("@id")}:
                warnings.append(_warning(each, now))
        except (KeyError, TypeError, ValueError, AttributeError):
            unread += 1
    return warnings, (f"{unread} of {len(features)} alerts could not be read",) if unread else ()


def _references(facts: dict[str, Any]) -> Iterable[str]:
    for each in facts.get("references") or []:
        if isinstance(each, dict):
            yield from (text for key in ("identifier", "@id") if (text := text_of(each.get(key))))


def _counts(facts: dict[str, Any]) -> bool:
    return (
        facts.get("messageType") != "Cancel"
        and facts.get("severity") in LEVELS
        and facts.get("certainty") in CERTAIN
        and facts.get("urgency") in URGENT
    )


def _warning(facts: dict[str, Any], now: datetime) -> _Warning:
    event = facts["event"].strip()
    kind = next((kind for kind, words in WORDS if any(word in event for word in words)), DisasterKind.OTHER)
    if moment(facts["sent"]) > now + CLOCKS_DIFFER_BY:
        raise ValueError("a message that is yet to come")
    return _Warning(
        event=event,
        kind=kind,
        level=LEVELS[facts["severity"]],
        areas=text_of(facts.get("areaDesc")),
        countries=_countries(facts.get("geocode")),
        begins_at=moment(facts.get("onset") or facts.get("effective") or facts["sent"]),
        # `expires` is when the message is stale, `ends` when the weather is over, as far as anybody foresees.
        ends_at=moment(facts.get("ends") or facts["expires"]),
    )


def _countries(geocode: Any) -> frozenset[str]:
    """Countries by the first letters of the zones' codes; a zone at sea is in none, no code at all means the US."""
    codes = geocode.get("UGC") if isinstance(geocode, dict) else None
    if not codes:
        return frozenset({"US"})
    return frozenset(_country(str(each)[:2]) for each in codes)


def _country(prefix: str) -> str:
    if prefix in AT_SEA:
        return OFF_SHORE
    return prefix if prefix in ELSEWHERE else "US"


def _put_together(warnings: Iterable[_Warning], made_at: datetime) -> list[CollectedAlert]:
    groups: dict[tuple[str, DisasterKind, AlertLevel, str], list[_Warning]] = {}
    for each in warnings:
        for country in each.countries:
            groups.setdefault((country, each.kind, each.level, f"{each.begins_at:%Y-%m-%d}"), []).append(each)
    return [_group(*key, members, made_at) for key, members in sorted(groups.items())]


def _group(
    country: str, kind: DisasterKind, level: AlertLevel, day: str, members: list[_Warning], made_at: datetime
) -> CollectedAlert:
    members = sorted(members, key=lambda each: (each.event, each.areas))  # another order is no other content
    where = country or "off-shore"
    severity = "extreme" if level is AlertLevel.ORANGE else "severe"
    counted = Counter(each.event for each in members).most_common()
    events = ", ".join(f"{number} × {event}" if number > 1 else event for event, number in counted)
    areas = "; ".join(dict.fromkeys(each.areas for each in members if each.areas))
    return CollectedAlert(
        external_id=f"{where}-{kind}-{severity}-{day}",
        kind=kind,
        level=level,
        title=f"{counted[0][0]}{f' and {len(members) - 1} more' if len(members) > 1 else ''}, {where} {day}",
        places=(country,) if country else (),
        starts_at=min(each.begins_at for each in members),
        ends_at=max(each.ends_at for each in members),
        is_current=True,
        # Not the newest member's time: when that one is cancelled the rest would seem older than before.
        version_at=made_at,
        is_put_together=True,
        severity_text=f"{events}: {areas}",
        url=PAGE,
    )


CONNECTOR = Connector(
    provider=PROVIDERS["nws"],
    collect=collect,
    interval_minutes=5,
)
