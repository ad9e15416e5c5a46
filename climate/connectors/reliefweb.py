"""ReliefWeb's disasters (api.reliefweb.int v2, UN OCHA), off until an approved appname is set.

ReliefWeb says that there is a disaster (`alert`, `current` or `past`), not how grave it is: the level is
unknown. Its terms allow 1,000 rows a question and 1,000 questions a day. Without an approved appname it
answers 403; its first version is gone (410).
"""

from __future__ import annotations

from typing import Any

from climate.connectors.contract import Ask, Connector
from climate.connectors.disasters import collected_alerts, coordinates, moment, text_of, web_address
from climate.connectors.http import SourceHttp, SourceMisbehaved, SourceRefused
from climate.domain.alerts import AlertLevel, CollectedAlert, DisasterKind
from climate.domain.collected import Collected
from climate.domain.providers import PROVIDERS

APPNAME = "RELIEFWEB_APPNAME"
MOST_ROWS = 1000
GOING_ON = ("alert", "current")
KINDS = {
    "FL": DisasterKind.FLOOD,
    "FF": DisasterKind.FLOOD,  # flash flood
    "SS": DisasterKind.FLOOD,  # storm surge
    "TC": DisasterKind.CYCLONE,
    "WF": DisasterKind.WILDFIRE,
    "DR": DisasterKind.DROUGHT,
    "EQ": DisasterKind.EARTHQUAKE,
    "VO": DisasterKind.VOLCANO,
    "HT": DisasterKind.HEATWAVE,
}


def collect(http: SourceHttp, ask: Ask) -> Collected:
    """All disasters that go on."""
    appname = ask.secrets.get(APPNAME, "")
    if not appname:
        raise SourceRefused(f"set {APPNAME} to an appname that ReliefWeb has approved")
    answer = http.get(
        "/v2/disasters",
        params={
            "appname": appname,
            "profile": "full",
            "limit": str(MOST_ROWS),
            "sort[0]": "date.changed:desc",
            "filter[field]": "status",
            "filter[operator]": "OR",
            **{f"filter[value][{index}]": status for index, status in enumerate(GOING_ON)},
        },
    ).json()
    rows = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise SourceMisbehaved("the answer has no disasters in it")
    is_complete = bool(rows) and len(rows) >= answer.get("totalCount", len(rows) + 1)
    return collected_alerts(rows, _of_row, name=_name_of_row, is_complete=is_complete, now=ask.now)


def _name_of_row(row: Any) -> str:
    return f"disaster {row.get('id')}" if isinstance(row, dict) else "a disaster"


def _of_row(row: Any) -> CollectedAlert:
    facts = row["fields"]
    code = str(_one(facts, "primary_type", "type").get("code", "")).upper()
    dates = facts["date"]
    country = _one(facts, "primary_country", "country")
    place = country.get("location")
    latitude, longitude = coordinates(place.get("lat"), place.get("lon")) if isinstance(place, dict) else (None, None)
    return CollectedAlert(
        external_id=f"{code or 'XX'}{int(row['id'])}",
        kind=KINDS.get(code, DisasterKind.OTHER),
        level=AlertLevel.UNKNOWN,
        title=text_of(facts["name"]),
        places=tuple(text_of(each.get("iso3")) or text_of(each.get("name")) for each in facts.get("country") or []),
        starts_at=moment(dates.get("event") or dates["created"]),
        ends_at=None,
        is_current=facts["status"] in GOING_ON,
        version_at=moment(dates.get("changed") or dates["created"]),
        severity_text=f"ReliefWeb status: {facts['status']}",
        glide=text_of(facts.get("glide")),
        url=web_address(facts.get("url_alias")) or web_address(facts.get("url")),
        latitude=latitude,
        longitude=longitude,
    )


def _one(facts: dict[str, Any], primary: str, listed: str) -> dict[str, Any]:
    """The primary one, or else the first of the list, or else nothing."""
    found: Any = facts.get(primary) or next(iter(facts.get(listed) or []), None)
    return found if isinstance(found, dict) else {}


CONNECTOR = Connector(
    provider=PROVIDERS["reliefweb"],
    collect=collect,
    interval_minutes=30,
)
