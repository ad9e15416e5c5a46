"""ENTSO-E Transparency Platform: actual generation per production type (document A75, process A16), with a token.

Generation in an area becomes intensity by the factors of `climate/data`; what the area imports is
not in it. XML of the family IEC 62325; namespaces carry a version that changes, so elements are
found by their names alone. `Answer.xml` refuses entity definitions before the parser sees them.

- Curve type A03 leaves out a position whose value is that of the one before: it holds until the
  next one or the end of its period. With A01 a missing position is missing.
- A series with an `outBiddingZone_Domain` is consumption (pumping, a plant's own use), no generation.
- Answers that a series has nothing are documents of their own (acknowledgement, reason 999).
- The newest periods lack types that report later: see `generation.readings_of`.

Kinds: gas made from coal counts as coal, whose carbon it burns, and so do oil shale and peat. Waste
has no factor here, nor have "other", pumped storage and other storage: left out with a flag.

Limits (RESTful API user guide): 400 requests a minute, else shut out for 10 minutes; at most a year a
request. Bidding areas by EIC code: `climate/data/entsoe_areas.csv`. Southern Italy is two areas.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from xml.etree.ElementTree import Element

from climate.connectors.asking import ask_each
from climate.connectors.contract import Ask, Connector
from climate.connectors.generation import CONTEXT, readings_of
from climate.connectors.http import SourceHttp, SourceMisbehaved
from climate.domain.collected import Collected
from climate.domain.providers import PROVIDERS

TOKEN = "ENTSOE_TOKEN"  # noqa: S105  # the name of a setting
NO_DATA = "999"
REPEATING = "A03"
MINUTES_OF_RESOLUTION = {"PT15M": 15, "PT30M": 30, "PT60M": 60, "PT1H": 60}
MOST_POSITIONS = 40_000
"""In one answer, which is of a week: 20 types by the quarter hour are 13,440. More is a mistake or means harm."""
LOOK_BACK = timedelta(days=7)
REVISED_WITHIN = timedelta(days=3)
"""Operators correct what they published for days. The platform names no limit: the figure is ours."""
KIND_OF_TYPE = {
    "B01": "biofuel",
    "B02": "coal",
    "B03": "coal",
    "B04": "gas",
    "B05": "coal",
    "B06": "oil",
    "B07": "coal",
    "B08": "coal",
    "B09": "other_renewable",
    "B10": "pumped storage",
    "B11": "hydro",
    "B12": "hydro",
    "B13": "other_renewable",
    "B14": "nuclear",
    "B15": "other_renewable",
    "B16": "solar",
    "B17": "waste",
    "B18": "wind",
    "B19": "wind",
    "B20": "other",
    "B25": "energy storage",
}


def _read_areas() -> dict[str, tuple[str, ...]]:
    """EIC codes by zone. The table ships with the package and is a constant."""
    areas: dict[str, tuple[str, ...]] = {}
    table = files("climate").joinpath("data/entsoe_areas.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(table.splitlines()):
        areas[row["zone"]] = (*areas.get(row["zone"], ()), row["eic"])
    return areas


AREAS = _read_areas()


def collect(http: SourceHttp, ask: Ask) -> Collected:
    """Every zone asked for, since it was last had. One that fails is a problem, not the end of the others."""
    wanted = tuple(zone for zone in ask.zones if zone in AREAS)
    return ask_each(wanted, lambda zone: _of_zone(http, zone, ask))


def _of_zone(http: SourceHttp, zone: str, ask: Ask) -> Collected:
    since = max(ask.since_of(zone), ask.now - LOOK_BACK).replace(minute=0, second=0, microsecond=0)
    found = {area: _document(http, area, since, ask) for area in AREAS[zone]}
    stretches = {
        f"{code}/{area}": [*_stretches(series, area)]
        for area, by_type in found.items()
        for code, series in by_type.items()
    }
    if not stretches or not all(found.values()):
        return Collected(problems=(f"{zone}: no data since {since:%Y-%m-%d %H:%M}",))
    step = min((minutes for each in stretches.values() for _, minutes, _ in each), default=60)
    return readings_of(
        zone,
        {code: _summed(each, step) for code, each in stretches.items()},
        {code: KIND_OF_TYPE.get(code.split("/")[0], "unknown") for code in stretches},
        period_minutes=step,
        since=since,
        until=ask.now,
        place=ask.places.get(zone),
        last_flag=ask.flags.get(zone, ""),
    )


def _document(http: SourceHttp, area: str, since: datetime, ask: Ask) -> dict[str, list[Element]]:
    """The series of an area by production type; empty where there is no data."""
    token = ask.secrets.get(TOKEN, "")
    params = {
        "securityToken": token,
        "documentType": "A75",
        "processType": "A16",
        "in_Domain": area,
        "periodStart": f"{since - CONTEXT:%Y%m%d%H%M}",
        "periodEnd": f"{ask.now + timedelta(hours=1):%Y%m%d%H}00",
    }
    try:
        root = http.get("/api", params=params).xml()
    except SourceMisbehaved as error:
        # The platform has answered so with status 400 as well as with 200.
        if error.status == 400 and f"<code>{NO_DATA}</code>" in error.body:
            return {}
        raise
    if _local(root) == "Acknowledgement_MarketDocument":
        codes = {_text(reason, "code") for reason in _children(root, "Reason")}
        if codes == {NO_DATA}:
            return {}
        raise SourceMisbehaved(f"the platform refused the question (reason {', '.join(sorted(codes))[:40]})")
    if _local(root) != "GL_MarketDocument":
        raise SourceMisbehaved(f"the answer is a {_local(root)[:40]}, no generation")
    by_type = _by_type(root)
    _check_size(by_type)
    return by_type


def _by_type(root: Element) -> dict[str, list[Element]]:
    found: dict[str, list[Element]] = defaultdict(list)
    for series in _children(root, "TimeSeries"):
        if next(_children(series, "outBiddingZone_Domain.mRID"), None) is None:
            found[_text(_child(series, "MktPSRType"), "psrType")].append(series)
    return dict(found)


Stretch = tuple[datetime, int, float]
"""Beginning, minutes and megawatts."""


def _stretches(of_type: list[Element], area: str) -> Iterator[Stretch]:
    for series in of_type:
        if _text(series, "inBiddingZone_Domain.mRID") != area:
            raise SourceMisbehaved("the answer is of another area; nothing of it was used")
        repeats = next((each.text for each in _children(series, "curveType")), "A01") == REPEATING
        for period in _children(series, "Period"):
            yield from _positions(period, repeats=repeats)


def _check_size(by_type: dict[str, list[Element]]) -> None:
    """A curve that repeats makes as many values of a short period as it says: they are counted before they are made."""
    of_types = (series for each in by_type.values() for series in each)
    positions = sum(_span(period)[2] for series in of_types for period in _children(series, "Period"))
    if positions > MOST_POSITIONS:
        raise SourceMisbehaved(f"an answer of {positions} positions")


def _span(period: Element) -> tuple[datetime, int, int]:
    """Beginning, minutes of a position, and how many there are."""
    interval = _child(period, "timeInterval")
    start, end = _time(_text(interval, "start")), _time(_text(interval, "end"))
    minutes = MINUTES_OF_RESOLUTION.get(_text(period, "resolution"))
    if minutes is None:
        raise SourceMisbehaved(f"periods of {_text(period, 'resolution')[:20]} cannot be kept")
    return start, minutes, max(0, int((end - start) / timedelta(minutes=minutes)))


def _positions(period: Element, *, repeats: bool) -> Iterator[Stretch]:
    start, minutes, count = _span(period)
    points = {int(_text(point, "position")): float(_text(point, "quantity")) for point in _children(period, "Point")}
    value: float | None = None
    for position in range(1, count + 1):
        value = points.get(position, value if repeats else None)
        if value is not None:
            yield start + timedelta(minutes=minutes * (position - 1)), minutes, value


def _summed(stretches: list[Stretch], step: int) -> dict[datetime, float]:
    """Megawatts in periods of `step` minutes; several series of one type add up. Longer periods are even."""
    summed: dict[datetime, float] = defaultdict(float)
    for at, minutes, megawatts in stretches:
        for offset in range(0, minutes, step):
            summed[at + timedelta(minutes=offset)] += megawatts
    return dict(summed)


def _children(element: Element, name: str) -> Iterator[Element]:
    """Children by their name, whatever the version of the namespace."""
    return (child for child in element if _local(child) == name)


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _child(element: Element, name: str) -> Element:
    """A child that must be there."""
    found = next(_children(element, name), None)
    if found is None:
        raise SourceMisbehaved(f"the answer lacks a {name}")
    return found


def _text(element: Element, name: str) -> str:
    return (_child(element, name).text or "").strip()


def _time(text: str) -> datetime:
    """`2026-07-14T00:00Z`."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


CONNECTOR = Connector(
    provider=PROVIDERS["entsoe"],
    collect=collect,
    interval_minutes=15,
    longest_look_back=LOOK_BACK,
    revised_within=REVISED_WITHIN,
    zones=tuple(sorted(AREAS)),
)
