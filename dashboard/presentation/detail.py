"""The whole story of one request in words, from the same answer that the API gives."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.urls import reverse

from climate.domain.ladder import floor_hour
from dashboard.domain import figures
from dashboard.domain.intensity import basis_family, basis_word, bucket_of
from dashboard.presentation.rows import status_words
from market.domain.views import RequestDetail

Row = dict[str, Any]

_PRICE_LINES = (
    ("service_usd", "Service", "tokens at the policy’s rate, scarcity and urgency"),
    ("carbon_usd", "Carbon", "location-based emissions at the policy’s price, never discounted"),
    ("justice_usd", "Justice", "negative for those in need, positive for the others"),
)
_RENEWABLE_NOTES = {
    "contracted_supply": "subtracted: contracted, hourly matched supply only",
    "grid": "subtracted: by the renewable share of the serving grid",
}


def request_story(detail: RequestDetail, *, capacity_sources: Mapping[str, str]) -> Row:
    """Everything the page of a request shows. `capacity_sources` are those of its model class, by region."""
    answer = detail.answer
    word, tone = status_words(detail.status)
    candidates = [_candidate(each, _is_chosen(each, answer)) for each in detail.candidates]
    return {
        "id": str(detail.id),
        "title": detail.purpose_title,
        "status": word,
        "tone": tone,
        "simulated": bool(answer.get("simulated")),
        "explanation": answer.get("explanation", ""),
        "reasons": list(detail.reasons),
        "asked": _asked(detail),
        "verdict": _verdict(detail),
        "price": _price(answer.get("price") or {}, _RENEWABLE_NOTES[detail.renewable_share_of]),
        "carbon": _carbon(answer.get("carbon") or {}),
        "factors": _factors(answer.get("priority") or {}),
        "candidates": sorted(candidates, key=lambda each: not each["is_chosen"]),
        "shows_hours": len({each["starts_at"] for each in detail.candidates}) > 1,
        "capacity_note": _capacity_note([capacity_sources.get(each["code"], "") for each in candidates]),
        "timeline": [
            {"at": f"{at:%d %b %Y %H:%M:%S} UTC", "iso": at.isoformat(), "what": what} for at, what in detail.timeline
        ],
        "settlement": _settlement(detail.settlement),
    }


def _asked(detail: RequestDetail) -> list[tuple[str, str]]:
    return [
        ("Team", f"{detail.organisation_name} · {detail.team_name}"),
        ("Sent by", detail.actor),
        ("Origin", detail.origin_code),
        ("Model class", detail.model_class),
        ("Tokens asked", f"{figures.whole(detail.asked_tokens)} ({detail.tokens_basis})"),
        ("Input tokens", figures.whole(detail.input_tokens)),
        ("Mode", detail.mode),
        ("Latency class", detail.latency_class),
        ("Window", f"{_moment(detail.earliest_at)} to {_moment(detail.latest_at)}"),
    ]


def _verdict(detail: RequestDetail) -> Row:
    answer = detail.answer
    region = answer.get("region") or {}
    policy = answer.get("policy") or {}
    return {
        "granted": figures.whole(answer.get("granted_tokens")),
        "asked": figures.whole(detail.asked_tokens),
        "region": region.get("code", ""),
        "region_url": reverse("region", args=[region["code"]]) if region.get("code") else "",
        "zone": region.get("zone", ""),
        "starts_at": _moment_of(answer.get("starts_at")),
        "policy": f"{policy.get('name', figures.UNKNOWN)} v{policy.get('version', figures.UNKNOWN)}",
        "hold_until": _moment_of((answer.get("hold") or {}).get("expires_at")),
    }


def _price(price: Row, renewable_note: str) -> Row:
    lines = (*_PRICE_LINES, ("renewable_usd", "Renewable discount", renewable_note))
    return {
        "lines": [{"name": name, "note": note, "usd": _dollars(price.get(key))} for key, name, note in lines],
        "total": _dollars(price.get("total_usd")),
    }


def _carbon(carbon: Row) -> Row:
    intensity = carbon.get("intensity_g_per_kwh")
    basis = carbon.get("basis") or ""
    return {
        "intensity": figures.two_digits(intensity),
        "bucket": bucket_of(intensity),
        "basis": basis_word(basis) if basis else figures.UNKNOWN,
        "basis_family": basis_family(basis),
        "source": carbon.get("source") or figures.UNKNOWN,
        "as_of_words": _moment_of(carbon.get("as_of")),
        "kind": f"{carbon.get('kind') or figures.UNKNOWN}, {carbon.get('scope') or figures.UNKNOWN}",
        "energy": _interval(carbon.get("energy_wh"), lambda wh: f"{figures.two_digits(wh)} Wh"),
        "location": _interval(carbon.get("location_g"), figures.mass_text),
        "market": figures.mass_text(carbon.get("market_g")),
        "avoided": figures.mass_text(carbon.get("avoided_g")),
        "avoided_reference": carbon.get("avoided_reference") or "",
        "avoided_label": carbon.get("avoided_label") or "",
    }


def _interval(values: Any, words: Any) -> Row:
    values = values or {}
    return {name: words(values.get(name)) for name in ("low", "central", "high")}


def _factors(priority: Row) -> Row:
    return {
        "weight": f"{priority['weight']:g}" if priority.get("weight") is not None else figures.UNKNOWN,
        "lines": [
            {"name": str(each["name"]).replace("_", " "), "value": f"{each['value']:g}"}
            for each in priority.get("factors", [])
        ],
    }


def _is_chosen(candidate: Row, answer: Row) -> bool:
    """The candidate of the answer's region and hour; work may begin later in the hour that serves it."""
    if not answer.get("region") or not answer.get("starts_at"):
        return False
    hour = floor_hour(datetime.fromisoformat(answer["starts_at"]))
    return bool(candidate["code"] == answer["region"]["code"] and candidate["starts_at"] == hour)


def _candidate(candidate: Row, is_chosen: bool) -> Row:
    intensity = candidate.get("intensity_g_per_kwh")
    basis = candidate.get("basis") or ""
    return {
        "code": candidate["code"],
        "hour": f"{candidate['starts_at']:%d %b %H:%M}",
        "url": reverse("region", args=[candidate["code"]]),
        "zone": candidate.get("zone", ""),
        "intensity": figures.two_digits(intensity),
        "bucket": bucket_of(intensity),
        "basis": basis_word(basis) if basis else figures.UNKNOWN,
        "basis_family": basis_family(basis),
        "pue": f"{candidate['pue']:.2f}" if candidate.get("pue") is not None else figures.UNKNOWN,
        "pue_note": "assumed" if candidate.get("pue_is_assumed") else "",
        "free": figures.whole(candidate.get("free_tokens")),
        "distance": f"{candidate['distance_km']:,.0f} km"
        if candidate.get("distance_km") is not None
        else figures.UNKNOWN,
        "reason": candidate.get("reason") or "",
        "is_chosen": is_chosen,
    }


def _capacity_note(sources: Collection[str]) -> str:
    """Free tokens are no better known than the capacities that they are left of."""
    are_assumed = [source.startswith("assumed") for source in sources]
    if all(are_assumed):
        return "capacity: assumed"
    return "capacity: partly assumed" if any(are_assumed) else ""


def _settlement(settlement: Row | None) -> list[tuple[str, str]]:
    """The settlement's own fields in words; empty before there is one."""
    if not settlement:
        return []
    rows = []
    for name, value in settlement.items():
        if value is None or isinstance(value, dict | list):
            continue
        rows.append(_settled_line(name, value))
    return rows


def _settled_line(name: str, value: Any) -> tuple[str, str]:
    words = name.removesuffix("_usd").removesuffix("_g").replace("_", " ").capitalize()
    if name.endswith("_usd"):
        return words, _dollars(value)
    if name.endswith("_g"):
        return words, figures.mass_text(float(value))
    if name.endswith("_wh"):
        return words.removesuffix(" wh"), figures.energy_text(float(value))
    if name.endswith("_at"):
        return words, _moment_of(value)
    if isinstance(value, int):
        return words, figures.whole(value)
    return words, f"{value:g}" if isinstance(value, float) else str(value)


def _dollars(text: str | None) -> str:
    """An exact amount as the answer states it, written as the pages write money."""
    if text is None:
        return figures.UNKNOWN
    amount = Decimal(text)
    return f"{'−' if amount < 0 else ''}${abs(amount):,}"


def _moment(at: datetime) -> str:
    return f"{at:%d %b %Y %H:%M} UTC"


def _moment_of(value: Any) -> str:
    if not value:
        return figures.UNKNOWN
    return _moment(value if isinstance(value, datetime) else datetime.fromisoformat(value))
