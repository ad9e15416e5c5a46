"""GDACS, the Global Disaster Alert and Coordination System of UN and European Commission (gdacs.org), without a key.

The GeoJSON list of events, which holds all that GDACS shows at the moment; where it fails or is none, the
RSS feed, of which nobody says that it holds them all: it ends no event by leaving it out. Times are UTC;
the list writes them without an offset. The overall alert level of an event decides, that of its newest
episode is kept in words. An event off-shore names no country. Copyright European Union; syndication is
allowed if the source is acknowledged.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree.ElementTree import Element

from climate.connectors.contract import Ask, Connector
from climate.connectors.disasters import (
    collected_alerts,
    coordinates,
    is_true,
    mail_moment,
    moment,
    text_of,
    web_address,
)
from climate.connectors.http import SourceHttp, SourceMisbehaved, SourceRefused, SourceUnavailable
from climate.domain.alerts import AlertLevel, CollectedAlert, DisasterKind
from climate.domain.collected import Collected
from climate.domain.providers import PROVIDERS

EVENTS = "/gdacsapi/api/events/geteventlist/EVENTS4APP"
RSS = "/xml/rss.xml"
KINDS = {
    "FL": DisasterKind.FLOOD,
    "TC": DisasterKind.CYCLONE,
    "WF": DisasterKind.WILDFIRE,
    "DR": DisasterKind.DROUGHT,
    "EQ": DisasterKind.EARTHQUAKE,
    "VO": DisasterKind.VOLCANO,
    # A tsunami (TS) follows an earthquake, which has an alert of its own: it is kept, and lifts nothing twice.
}
LEVELS = {each.value: each for each in AlertLevel}
NAMESPACES = {
    "gdacs": "http://www.gdacs.org",
    "geo": "http://www.w3.org/2003/01/geo/wgs84_pos#",
    "georss": "http://www.georss.org/georss",
}


def collect(http: SourceHttp, ask: Ask) -> Collected:
    """All events, from the list or else from the RSS feed."""
    try:
        return _of_list(http.get(EVENTS).json(), ask.now)
    except (SourceMisbehaved, SourceUnavailable, SourceRefused) as error:
        feed = _of_feed(http.get(RSS).xml(), ask.now)
        why = f"the list of events failed ({error}); the RSS feed was read instead"
        return feed.plus(Collected(problems=(why,)))


def _of_list(answer: Any, now: datetime) -> Collected:
    features = answer.get("features") if isinstance(answer, dict) else None
    if not isinstance(features, list) or not features:
        # There is never a day without an earthquake: an empty list says nothing.
        raise SourceMisbehaved("the list has no events in it")
    return collected_alerts(features, _of_feature, name=_name_of_feature, is_complete=True, now=now)


def _name_of_feature(feature: Any) -> str:
    facts = feature.get("properties") if isinstance(feature, dict) else None
    return f"event {facts.get('eventtype')}{facts.get('eventid')}" if isinstance(facts, dict) else "an event"


def _of_feature(feature: Any) -> CollectedAlert:
    facts = feature["properties"]
    kind, number = str(facts["eventtype"]).upper(), int(facts["eventid"])
    severity, address = facts.get("severitydata"), facts.get("url")
    latitude, longitude = _point(feature.get("geometry"))
    return CollectedAlert(
        external_id=f"{kind}{number}",
        kind=KINDS.get(kind, DisasterKind.OTHER),
        level=_level(facts.get("alertlevel")),
        title=text_of(facts.get("name")) or text_of(facts.get("description")) or f"{kind}{number}",
        places=_countries(facts),
        starts_at=moment(facts["fromdate"]),
        # Until when the event was last observed, not when it will be over.
        ends_at=moment(facts["todate"]) if facts.get("todate") else None,
        is_current=is_true(facts["iscurrent"]),
        version_at=moment(facts["datemodified"]),
        severity_text=_severity(
            severity.get("severitytext") if isinstance(severity, dict) else "", facts.get("episodealertlevel")
        ),
        glide=text_of(facts.get("glide")),
        url=web_address(address.get("report") if isinstance(address, dict) else address),
        latitude=latitude,
        longitude=longitude,
    )


def _countries(facts: dict[str, Any]) -> tuple[str, ...]:
    """All countries of an event. `iso3` names the first one only, so it is the last resort."""
    listed = facts.get("affectedcountries") or []
    codes = [
        next((text for key in ("iso2", "iso3", "countryname") if (text := text_of(each.get(key)))), "")
        for each in listed
        if isinstance(each, dict)
    ]
    return tuple(filter(None, codes)) or _named(text_of(facts.get("country")), text_of(facts.get("iso3")))


def _named(countries: str, iso3: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in countries.split(", ") if each.strip()) or tuple(filter(None, (iso3,)))


def _point(geometry: Any) -> tuple[float | None, float | None]:
    if not isinstance(geometry, dict) or geometry.get("type") != "Point":
        return None, None
    longitude, latitude = (*geometry["coordinates"], None, None)[:2]
    return coordinates(latitude, longitude)


def _level(text: Any) -> AlertLevel:
    return LEVELS.get(text_of(text).casefold(), AlertLevel.UNKNOWN)


def _severity(text: Any, episode: Any) -> str:
    parts = (text_of(text), f"newest episode {text_of(episode).casefold()}" if text_of(episode) else "")
    return "; ".join(filter(None, parts))


def _of_feed(root: Element, now: datetime) -> Collected:
    items = root.findall("./channel/item")
    if root.tag != "rss" or not items:
        raise SourceMisbehaved("the feed has no events in it")
    return collected_alerts(
        items, _of_item, name=lambda item: _text(item, "guid") or "an event", is_complete=False, now=now
    )


def _text(item: Element, path: str) -> str:
    return (item.findtext(path, "", NAMESPACES) or "").strip()


def _of_item(item: Element) -> CollectedAlert:
    """An item of the feed. Some hold a bounding box and no point: a box is not a place, so none is given."""
    latitude, longitude = _feed_point(item)
    changed = _text(item, "gdacs:datemodified") or _text(item, "pubDate")
    ends = _text(item, "gdacs:todate")
    kind, external_id = _feed_id(item)
    return CollectedAlert(
        external_id=external_id,
        kind=KINDS.get(kind, DisasterKind.OTHER),
        level=_level(_text(item, "gdacs:alertlevel")),
        title=_text(item, "title") or external_id,
        places=_named(_text(item, "gdacs:country"), _text(item, "gdacs:iso3")),
        starts_at=mail_moment(_text(item, "gdacs:fromdate")),
        ends_at=mail_moment(ends) if ends else None,
        is_current=is_true(_text(item, "gdacs:iscurrent")),
        version_at=mail_moment(changed),
        severity_text=_severity(_text(item, "gdacs:severity"), _text(item, "gdacs:episodealertlevel")),
        glide=_text(item, "gdacs:glide"),
        url=web_address(_text(item, "link")),
        latitude=latitude,
        longitude=longitude,
    )


def _feed_id(item: Element) -> tuple[str, str]:
    """Type, and type with number; where the elements are left out the address of the report has both."""
    asked = parse_qs(urlsplit(_text(item, "link")).query)
    in_link = {name: values[0] for name, values in asked.items()}
    kind = (_text(item, "gdacs:eventtype") or in_link.get("eventtype", "")).upper()
    number = int(_text(item, "gdacs:eventid") or in_link.get("eventid", ""))
    if not kind:
        raise ValueError("an event without a type")
    return kind, f"{kind}{number}"


def _feed_point(item: Element) -> tuple[float | None, float | None]:
    latitude, longitude = _text(item, "geo:Point/geo:lat"), _text(item, "geo:Point/geo:long")
    if not latitude:
        latitude, _, longitude = _text(item, "georss:point").partition(" ")
    return coordinates(latitude, longitude)


CONNECTOR = Connector(
    provider=PROVIDERS["gdacs"],
    collect=collect,
    interval_minutes=10,
)
