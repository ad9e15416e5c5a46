"""Sessions in the list, and what stands above every page of one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse

from dashboard.domain.figures import UNKNOWN, ago, moment, whole
from dashboard.presentation.sessions.windows import percent, rung_tone
from sessions_app.domain.terms import SessionTerms
from sessions_app.selectors.board import SessionLine, WindowLine

Row = dict[str, Any]
SHOWN_WINDOWS = 6


def session_row(line: SessionLine, *, now: datetime) -> Row:
    """A line of the list."""
    fullest = sorted(line.windows, key=lambda window: -window.occupancy)
    word, tone = status_words(line)
    return {
        "url": reverse("session-page", args=[line.id]),
        "name": line.name,
        "team": line.team_name,
        "mode": line.mode,
        "word": word,
        "tone": tone,
        "windows": [_gauge(window, line.terms) for window in fullest[:SHOWN_WINDOWS]],
        "more_windows": max(0, len(fullest) - SHOWN_WINDOWS),
        "events": whole(line.head_seq),
        "tokens": whole(line.tokens_used),
        "checkpoint": ago(line.last_checkpoint_at, now=now) if line.last_checkpoint_seq else "none yet",
        "heard": ago(line.last_event_at, now=now),
        "heard_at": line.last_event_at,
    }


def status_words(line: SessionLine) -> tuple[str, str]:
    """Where a session stands, and its tone."""
    if line.ended_at:
        return "ended", "calm"
    if line.handoff_phase:
        return f"handing over: {line.handoff_phase}", "info"
    return "open", "good"


def _gauge(window: WindowLine, terms: SessionTerms) -> Row:
    word, tone = rung_tone(window.occupancy, terms.ladder)
    width = min(100.0, 100 * window.occupancy)
    return {
        "agent": window.agent,
        "percent": percent(window.occupancy),
        "width": f"{width:.1f}",
        "word": word,
        "tone": {"good": "spent"}.get(tone, tone),
    }


def head_row(line: SessionLine, *, now: datetime) -> Row:
    """What stands above every page of a session."""
    word, tone = status_words(line)
    told = [line.team_name, f"{line.mode} mode"]
    if line.profile != "default":
        told.append(f"{line.profile} profile")
    if line.purpose:
        told.append(line.purpose.replace("_", " "))
    told.append(f"policy {line.policy}{' with accepted changes' if line.overrides else ''}")
    return {
        "id": line.id,
        "name": line.name,
        "word": word,
        "tone": tone,
        "sub": " · ".join(told),
        "begun": moment(line.created_at),
        "head_seq": line.head_seq,
        "is_open": line.ended_at is None,
        "budget_url": reverse("budget-page", args=[line.budget_id]) if line.budget_id else "",
    }


def board_cards(lines: Sequence[SessionLine], counts: tuple[int, int]) -> list[Row]:
    """Figures above the list."""
    windows = [(window.occupancy, window.agent, line.name) for line in lines for window in line.windows]
    fullest = max(windows, default=None)
    busy = sum(1 for line in lines if line.handoff_phase)
    return [
        {"title": "Open sessions", "value": whole(counts[0]), "note": f"{whole(counts[1])} have ended"},
        {
            "title": "Fullest window",
            "value": percent(fullest[0]) if fullest else UNKNOWN,
            "note": f"{fullest[1]} in {fullest[2]}" if fullest else "no agent has joined",
        },
        {"title": "Handing over", "value": whole(busy), "note": "of the sessions below"},
        {
            "title": "Tokens used",
            "value": whole(sum(line.tokens_used for line in lines)),
            "unit": "tokens",
            "note": "as told by agents, in the sessions below",
        },
    ]


def session_cards(line: SessionLine, forecast: Row | None, *, now: datetime) -> list[Row]:
    """Figures above the windows of a session."""
    fullest = max(line.windows, key=lambda window: window.occupancy, default=None)
    return [
        {
            "title": "Fullest window",
            "value": percent(fullest.occupancy) if fullest else UNKNOWN,
            "note": f"{fullest.agent}: context and next output" if fullest else "no agent has joined",
        },
        {
            "title": "Full together in",
            "value": forecast["central"] if forecast else UNKNOWN,
            "note": f"{forecast['band']}, foreseen {forecast['made']}" if forecast else "too few calls to foresee it",
        },
        {
            "title": "Last checkpoint",
            "value": ago(line.last_checkpoint_at, now=now) if line.last_checkpoint_seq else "none yet",
            "note": f"{whole(line.tokens_since_checkpoint)} tokens since",
        },
        {
            "title": "Tokens used",
            "value": whole(line.tokens_used),
            "unit": "tokens",
            "note": f"{whole(line.head_seq)} events, {whole(line.state_bytes)} bytes of state",
        },
    ]
