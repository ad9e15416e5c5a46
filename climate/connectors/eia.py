"""US Energy Information Administration, Open Data API v2: hourly net generation by fuel (form EIA-930), with a key.

Generation of a balancing authority becomes intensity by the factors of `climate/data`; what it
imports is not in it. The respondent is the last part of a zone's code (`US-CAL-CISO` is `CISO`).

**`period` marks the end of the hour.** With `frequency=hourly` periods are UTC, and EIA's files of the
same data name the column "UTC Time at End of Hour" (EIA-930 balance files; gridstatus reads the API the
same way). `2026-04-27T23` is the hour from 22:00 to 23:00 UTC.

Values are strings since version 2.1.6 of the API. Negative ones (storage filling, a plant's own use)
count as none. Storage (BAT, PS, OES, UES) and OTH, UNK have no factor and are left out with a flag.
Where a respondent gives no PS, its pumped storage is within WAT.

Limits (API technical documentation): 5,000 rows an answer, more by `offset`. Too many requests are
slowed down without a published number; ours is 300 an hour.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from climate.connectors.asking import ask_each
from climate.connectors.contract import Ask, Connector
from climate.connectors.generation import CONTEXT, readings_of
from climate.connectors.http import SourceHttp, SourceMisbehaved, SourceUnavailable
from climate.domain.collected import Collected
from climate.domain.providers import PROVIDERS

KEY = "EIA_KEY"
HOUR = timedelta(hours=1)
ROWS = 5_000
MOST_PAGES = 40
LOOK_BACK = timedelta(days=7)
REVISED_WITHIN = timedelta(days=4)
"""Form EIA-930 has values of days off corrected on the next working day; a weekend makes that four days."""
ZONES = (
    "US-CAL-BANC", "US-CAL-CISO", "US-CAL-IID", "US-CAL-LDWP", "US-CAL-TIDC",
    "US-CAR-CPLE", "US-CAR-CPLW", "US-CAR-DUK", "US-CAR-SC", "US-CAR-SCEG", "US-CAR-YAD",
    "US-CENT-SPA", "US-CENT-SWPP",
    "US-FLA-FMPP", "US-FLA-FPC", "US-FLA-FPL", "US-FLA-GVL", "US-FLA-HST", "US-FLA-JEA",
    "US-FLA-SEC", "US-FLA-TAL", "US-FLA-TEC",
    "US-MIDA-PJM", "US-MIDW-AECI", "US-MIDW-LGEE", "US-MIDW-MISO", "US-NE-ISNE",
    "US-NW-AVA", "US-NW-BPAT", "US-NW-CHPD", "US-NW-DOPD", "US-NW-GCPD", "US-NW-GRID",
    "US-NW-IPCO", "US-NW-NEVP", "US-NW-NWMT", "US-NW-PACE", "US-NW-PACW", "US-NW-PGE",
    "US-NW-PSCO", "US-NW-PSEI", "US-NW-SCL", "US-NW-TPWR", "US-NW-WACM", "US-NW-WAUW",
    "US-NY-NYIS", "US-SE-SEPA", "US-SE-SOCO",
    "US-SW-AZPS", "US-SW-EPE", "US-SW-PNM", "US-SW-SRP", "US-SW-TEPC", "US-SW-WALC",
    "US-TEN-TVA", "US-TEX-ERCO",
)  # fmt: skip
KIND_OF_FUEL = {
    "BAT": "battery storage",
    "COL": "coal",
    "GEO": "other_renewable",
    "NG": "gas",
    "NUC": "nuclear",
    "OES": "other storage",
    "OIL": "oil",
    "OTH": "other",
    "PS": "pumped storage",
    "SNB": "solar",
    "SUN": "solar",
    "UES": "unknown storage",
    "UNK": "unknown",
    "WAT": "hydro",
    "WNB": "wind",
    "WND": "wind",
}

Amounts = dict[str, dict[datetime, float]]


def collect(http: SourceHttp, ask: Ask) -> Collected:
    """Every zone asked for, since it was last had; those wanted from the same hour on in one question."""
    wanted: dict[datetime, list[str]] = defaultdict(list)
    for zone in ask.zones:
        if zone in ZONES:
            wanted[max(ask.since_of(zone), ask.now - LOOK_BACK).replace(minute=0, second=0, microsecond=0)].append(zone)
    questions = {
        f"since {since:%Y-%m-%d %H:%M}": (since, zones) for since, zones in sorted(wanted.items(), reverse=True)
    }
    return ask_each(tuple(questions), lambda name: _of_zones(http, *questions[name], ask))


def _of_zones(http: SourceHttp, since: datetime, zones: list[str], ask: Ask) -> Collected:
    zone_of = {zone.rpartition("-")[2]: zone for zone in zones}
    by_respondent, is_whole = _rows(http, sorted(zone_of), since, ask)
    collected = (
        Collected()
        if is_whole
        else Collected(problems=("not all rows could be read; the rest is left for the next asking",))
    )
    for respondent, zone in zone_of.items():
        amounts = by_respondent.get(respondent)
        if amounts is None or all(at < since for fuel in amounts.values() for at in fuel):
            collected = collected.plus(Collected(problems=(f"{zone}: no data since {since:%Y-%m-%d %H:%M}",)))
            continue
        collected = collected.plus(
            readings_of(
                zone,
                amounts,
                KIND_OF_FUEL,
                period_minutes=60,
                since=since,
                until=ask.now,
                place=ask.places.get(zone),
                last_flag=ask.flags.get(zone, ""),
            )
        )
    return collected


def _rows(http: SourceHttp, respondents: list[str], since: datetime, ask: Ask) -> tuple[dict[str, Amounts], bool]:
    """Megawatt-hours by respondent, fuel and beginning of the hour, and whether that was all there is."""
    found: dict[str, Amounts] = {}
    for page in range(MOST_PAGES):
        try:
            answer = _page(http, respondents, since, ask, offset=page * ROWS)
        except SourceUnavailable:
            if not found:
                raise
            return found, False  # the oldest rows come first: the next asking goes on from here
        rows = answer["data"]
        for row in rows:
            respondent, value = str(row["respondent"]), row["value"]
            if respondent not in respondents:
                raise SourceMisbehaved(f"the answer is of {respondent[:20]} too; nothing of it was used")
            if value is not None:
                fuels = found.setdefault(respondent, {})
                # A row that two pages share counts once.
                fuels.setdefault(str(row["fueltype"]), {})[_time(row["period"]) - HOUR] = float(value)
        if not rows or (page + 1) * ROWS >= int(answer["total"]):
            return found, True
    return found, False


def _page(http: SourceHttp, respondents: list[str], since: datetime, ask: Ask, *, offset: int) -> Any:
    params = {
        "api_key": ask.secrets.get(KEY, ""),
        "frequency": "hourly",
        "data[0]": "value",
        "facets[respondent][]": respondents,
        # Both ends are included, and an hour is called by its end.
        "start": f"{since - CONTEXT + HOUR:%Y-%m-%dT%H}",
        "end": f"{ask.now:%Y-%m-%dT%H}",
        # Pages of an order that does not change.
        "sort[0][column]": "period",
        "sort[0][direction]": "asc",
        "sort[1][column]": "respondent",
        "sort[1][direction]": "asc",
        "sort[2][column]": "fueltype",
        "sort[2][direction]": "asc",
        "offset": str(offset),
        "length": str(ROWS),
    }
    return http.get("/v2/electricity/rto/fuel-type-data/data/", params=params).json()["response"]


def _time(text: str) -> datetime:
    """`2026-04-27T23`, in UTC."""
    return datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC)


CONNECTOR = Connector(
    provider=PROVIDERS["eia"],
    collect=collect,
    interval_minutes=30,
    longest_look_back=LOOK_BACK,
    revised_within=REVISED_WITHIN,
    zones=ZONES,
)
