"""Calls of models: a line of the list, and one of them whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import Any

from django.urls import reverse

from dashboard.domain.figures import UNKNOWN, ago, mass, mass_text, moment, usd, whole
from sessions_app.selectors.gateway.board import CallLine, CallSums

Row = dict[str, Any]
_TONES = {"running": "info", "answered": "good", "cut": "warn", "failed": "bad", "refused": "warn", "lost": "bad"}
_USAGE = {
    "provider": "reported by the provider",
    "counted": "counted by tokeniser",
    "granted": "not known: what was granted",
    "": UNKNOWN,
}
_FALLBACKS = {"express": "a single answer instead of a council", "cached_summary": "the session’s last summary"}
ECHO = "echo"


def call_row(line: CallLine, *, now: datetime) -> Row:
    """A line of the list."""
    return {
        "url": reverse("gateway-call", args=[line.id]),
        "model": line.asked_model,
        "is_echo": line.provider == ECHO,
        "team": line.team_name,
        "told": _told(line),
        "deployment": line.deployment or UNKNOWN,
        "region": line.region or "",
        "region_url": reverse("region", args=[line.region]) if line.region else "",
        "word": (line.error_code.replace("_", " ") if line.status in ("failed", "refused") else "") or line.status,
        "tone": _TONES[line.status],
        "tokens": _tokens(line),
        "mass": mass_text(line.location_g),
        "usd": usd(line.total_micro_usd),
        "first_byte": ms(line.first_byte_ms),
        "tries": len(line.attempts),
        "ago": ago(line.created_at, now=now),
        "at": line.created_at,
    }


def _told(line: CallLine) -> str:
    words = [line.endpoint] + ["stream"] * line.is_stream + [line.mode] * (line.mode != "express")
    return " · ".join([*words, line.session_name] if line.session_name else words)


def _tokens(line: CallLine) -> str:
    if line.input_tokens is None or line.output_tokens is None:
        return UNKNOWN
    return f"{whole(line.input_tokens)} in, {whole(line.output_tokens)} out"


def ms(milliseconds: float | None) -> str:
    """A time of an answer."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds < 1:
        return "under 1 ms"
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.0f} ms"


def gateway_cards(sums: CallSums, first_bytes_ms: Sequence[float]) -> list[Row]:
    """Figures above the list, of the last 24 hours."""
    figure, unit = mass(sums.location_g) if sums.tokens else (UNKNOWN, "")
    troubles = [f"{whole(sums.refused)} refused", f"{whole(sums.failed)} failed", f"{whole(sums.moved)} tried again"]
    return [
        {"title": "Calls of 24 hours", "value": whole(sums.calls), "note": ", ".join(troubles)},
        {
            "title": "Tokens",
            "value": whole(sums.tokens),
            "unit": "tokens",
            "note": "of settled calls, input and output",
        },
        {"title": "Carbon", "value": figure, "unit": unit, "note": f"location-based; {usd(sums.micro_usd)} charged"},
        {
            "title": "First byte",
            "value": ms(median(first_bytes_ms)) if first_bytes_ms else UNKNOWN,
            "note": f"median of the last {len(first_bytes_ms)} streams" if first_bytes_ms else "no stream was answered",
        },
    ]


def call_story(line: CallLine, triage: Mapping[str, Any] | None, *, now: datetime) -> Row:
    """One call, whole."""
    return {
        **call_row(line, now=now),
        "id": line.id,
        "request_url": reverse("request", args=[line.request_id]) if line.request_id else "",
        "session_url": reverse("session-page", args=[line.session_id]) if line.session_id else "",
        "session_name": line.session_name,
        "round_url": _round_url(line),
        "by": f"{line.actor}{f' as {line.agent}' if line.agent else ''}",
        "begun": moment(line.created_at),
        "fallback": _FALLBACKS.get(line.fallback, line.fallback.replace("_", " ")),
        "attempts": [_attempt(index, each) for index, each in enumerate(line.attempts, start=1)],
        "usage": [
            ("Input", _count(line.input_tokens)),
            ("of which cached", _count(line.cached_tokens)),
            ("Output", _count(line.output_tokens)),
            ("Most output sent upstream", _count(line.max_output_tokens)),
            ("Counted", _USAGE[line.usage_basis]),
        ],
        "money": [
            ("Charged", usd(line.total_micro_usd), "" if line.is_verified is not False else "unverified"),
            ("Provider’s list price", usd(line.provider_micro_usd), "by the deployment’s prices"),
            ("Carbon", mass_text(line.location_g), "location-based, central"),
        ],
        "times": [
            ("First byte", ms(line.first_byte_ms)),
            ("Upstream", ms(line.upstream_ms)),
            ("In all", ms(line.total_ms)),
        ],
        "triage": triage_rows(triage),
        "is_of_agents": line.status == "answered" and line.request_id is None and line.round_id is not None,
    }


def _round_url(line: CallLine) -> str:
    if line.session_id is None or line.round_id is None:
        return ""
    return reverse("session-round", args=[line.session_id, line.round_id])


def _count(tokens: int | None) -> str:
    return UNKNOWN if tokens is None else f"{whole(tokens)} tokens"


def _attempt(number: int, tried: Mapping[str, Any]) -> Row:
    outcome = str(tried.get("outcome", ""))
    return {
        "number": number,
        "deployment": tried.get("deployment", UNKNOWN),
        "outcome": outcome.replace("_", " "),
        "tone": "good" if outcome in ("answered", "ok") else "warn",
        "status": tried.get("status") or "",
        "ms": ms(tried.get("ms")),
    }


def _why(told: str) -> str:
    """Words as they are, a code as words."""
    return told if " " in told else told.replace("_", " ")


def triage_rows(triage: Mapping[str, Any] | None) -> Row | None:
    """What triage found, as rows; None where it did not look."""
    if not triage:
        return None
    signals = triage.get("signals", [])
    return {
        "complexity": f"{100 * float(triage.get('complexity', 0)):.0f} of 100 points",
        "mode": triage.get("mode", ""),
        "confidence": f"{100 * float(triage['confidence']):.0f} %" if triage.get("confidence") is not None else UNKNOWN,
        "roles": ", ".join(map(str, triage.get("roles", []))),
        "explanation": triage.get("explanation", ""),
        "no_council": _why(str(triage.get("no_council", ""))),
        "is_shortened": bool(triage.get("is_shortened")),
        "signals": [
            {
                "name": str(each.get("name", "")).replace("_", " "),
                "found": each.get("words") or each.get("value", UNKNOWN),
                "full": each.get("full", UNKNOWN),
                "most": each.get("weight", UNKNOWN),
                "points": f"{float(each.get('points', 0)):.1f}",
            }
            for each in signals
        ],
    }
