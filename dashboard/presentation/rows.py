"""Decisions and the figures of the day as rows of plain words, the same for a page and for a frame."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from dashboard.domain import figures
from dashboard.domain.intensity import basis_family, basis_word, bucket_of
from market.domain.views import DecisionRow, Headline

Row = dict[str, Any]

_STATUS_WORDS = {
    "granted": ("granted", "good"),
    "partial": ("partly granted", "warn"),
    "queued": ("waiting", "info"),
    "denied": ("denied", "bad"),
    "cancelled": ("cancelled", "calm"),
    "settled": ("settled", "good"),
    "released": ("released", "calm"),
    "expired": ("expired", "warn"),
}


def status_words(status: str) -> tuple[str, str]:
    """The word of a request's status and the tone of its pill."""
    return _STATUS_WORDS.get(status, (status, "calm"))


def decision_row(row: DecisionRow) -> Row:
    """One line of the feed."""
    word, tone = status_words(row.status)
    granted = figures.whole(row.granted_tokens)
    return {
        "key": str(row.request_id),
        "url": reverse("request", args=[row.request_id]),
        "made_at": row.made_at.isoformat(),
        "clock": f"{row.made_at:%H:%M:%S}",
        "purpose": row.purpose_title,
        "who": f"{row.organisation_name} · {row.team_name}",
        "origin": row.origin_code,
        "model_class": row.model_class,
        "tokens": granted if row.granted_tokens else figures.whole(row.asked_tokens),
        "tokens_note": "" if row.granted_tokens == row.asked_tokens else _asked_note(row),
        "region": row.region_code or ("no region yet" if row.status == "queued" else "no region"),
        "region_url": reverse("region", args=[row.region_code]) if row.region_code else "",
        "city": row.region_city or _first_reason(row),
        "intensity": figures.two_digits(row.intensity_g_per_kwh),
        "bucket": bucket_of(row.intensity_g_per_kwh),
        "basis": basis_word(row.basis) if row.basis else figures.UNKNOWN,
        "basis_family": basis_family(row.basis),
        "source": f"{row.source}," if row.as_of else "none was used",
        "as_of": row.as_of.isoformat() if row.as_of else "",
        "mass": figures.mass_text(row.location_g),
        "avoided": figures.mass_text(row.avoided_g),
        "total": figures.usd(row.total_micro_usd),
        "service": figures.usd(row.service_micro_usd),
        "carbon": figures.usd(row.carbon_micro_usd),
        "justice": figures.usd(row.justice_micro_usd),
        "renewable": figures.usd(row.renewable_micro_usd),
        "status": word,
        "tone": tone,
        "explanation": row.explanation,
        "policy": row.policy,
        "simulated": "simulated" if row.is_simulated else "",
        "summary": f"{row.purpose_title}, {granted} of {figures.whole(row.asked_tokens)} tokens, {word}.",
    }


def _asked_note(row: DecisionRow) -> str:
    return f"of {figures.whole(row.asked_tokens)} asked" if row.granted_tokens else "asked"


def _first_reason(row: DecisionRow) -> str:
    """Why a request got no region; the rest of the reasons is a click away."""
    if row.status != "denied":
        return ""
    return row.explanation.removeprefix("Refused: ").partition(". ")[0].rstrip(".")


def headline_row(headline: Headline) -> Row:
    """The figures of the day."""
    carbon, carbon_unit = figures.mass(headline.location_g)
    avoided, avoided_unit = figures.mass(headline.avoided_g)
    free = headline.fund_balance_micro_usd - headline.fund_reserved_micro_usd
    return {
        "as_of": headline.as_of.isoformat(),
        "tokens": figures.whole(headline.granted_tokens),
        "requests": f"{figures.whole(headline.requests)} {'request' if headline.requests == 1 else 'requests'} today",
        "refused": f"{headline.queued:,} waiting, {headline.denied:,} denied",
        "carbon": carbon,
        "carbon_unit": carbon_unit,
        "avoided": avoided,
        "avoided_unit": avoided_unit,
        "fund": figures.usd(headline.fund_balance_micro_usd),
        "fund_note": f"{figures.usd(free)} not promised",
        "holds": figures.whole(headline.open_holds),
    }
