"""Context windows as bars, with the rungs of the ladder, and how full they were over time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from dashboard.domain.figures import UNKNOWN, ago, whole
from sessions_app.domain.foresight import HORIZON_SECONDS
from sessions_app.domain.terms import Ladder, SessionTerms
from sessions_app.domain.words import Component, Rung
from sessions_app.selectors.board import WindowLine
from sessions_app.selectors.story import ForecastLine, ItemLine, Reading

Row = dict[str, Any]

COMPONENTS = {
    Component.SYSTEM: "System",
    Component.WORKING_MEMORY: "Working memory",
    Component.KNOWLEDGE: "Knowledge",
    Component.AGENT: "Agent",
    Component.INTERACTION: "Interaction",
}
RUNGS = {
    Rung.WARN: "warned",
    Rung.OFFLOAD: "offloaded",
    Rung.CHECKPOINT: "checkpoint made, compacted",
    Rung.REFUSE: "admits nothing new",
    Rung.EMERGENCY: "emergency",
}
COLOURS = ("live-line", "forecast-line", "modelled-line", "marginal-line", "yearly-line")
DASHES: tuple[list[int] | None, ...] = (None, [6, 4], [2, 3])
MOST_LINES = len(COLOURS) * len(DASHES)


def percent(share: float) -> str:
    """A share as whole percent; what is not full never reads as 100."""
    rounded = round(100 * share)
    return f"{99 if rounded >= 100 and share < 1 else rounded} %"


def rung_tone(occupancy: float, ladder: Ladder) -> tuple[str, str]:
    """A word and a tone for how full a window is."""
    used = 100 * occupancy
    if used >= ladder.emergency_percent:
        return "emergency", "bad"
    if used >= ladder.refuse_percent:
        return "full", "bad"
    if used >= ladder.checkpoint_percent:
        return "compacting", "warn"
    if used >= ladder.warn_percent:
        return "filling", "warn"
    return "roomy", "good"


def window_row(line: WindowLine, terms: SessionTerms, *, now: datetime) -> Row:
    """One window: a stacked bar in percent of the window, and the figures behind it."""
    word, tone = rung_tone(line.occupancy, terms.ladder)
    room = line.window_tokens - line.max_output_tokens
    parts = [_part(each, line, terms, room) for each in Component]
    return {
        "agent": line.agent,
        "role": line.role,
        "model": line.model or "model not told",
        "epoch": line.epoch,
        "percent": percent(line.occupancy),
        "word": word,
        "tone": tone,
        "held": whole(line.context_tokens),
        "output": whole(line.max_output_tokens),
        "window": whole(line.window_tokens),
        "segments": _segments(line),
        "marks": terms.rungs,
        "parts": parts,
        "fired": [RUNGS[Rung(name)] for name in line.fired_rungs],
        "seen": ago(line.last_seen_at, now=now) if line.last_seen_at else "has not reported yet",
    }


def _part(component: Component, line: WindowLine, terms: SessionTerms, room: int) -> Row:
    held = line.component_tokens.get(component.value, 0)
    most = room * terms.shares.percent[component] // 100
    return {
        "name": COMPONENTS[component],
        "kind": component.value.replace("_", "-"),
        "held": whole(held),
        "most": whole(most),
        "share": percent(held / most) if most else UNKNOWN,
        "is_over": held > most,
    }


def _segments(line: WindowLine) -> list[Row]:
    """Where each part of the bar begins and how wide it is, in percent of the window, never beyond it."""
    rows, at = [], 0.0
    told = [(each.value.replace("_", "-"), line.component_tokens.get(each.value, 0)) for each in Component]
    for kind, tokens in [*told, ("output", line.max_output_tokens)]:
        width = min(100 * tokens / line.window_tokens, 100 - at)
        if width > 0:
            rows.append({"kind": kind, "x": f"{at:.2f}", "width": f"{width:.2f}"})
            at += width
    return rows


def ladder_words(terms: SessionTerms) -> str:
    """The rungs in words."""
    names = ("warn", "offload", "checkpoint and compact", "admit nothing new", "emergency")
    return ", ".join(f"{name} at {percent} %" for name, percent in zip(names, terms.rungs, strict=True))


def occupancy_chart(readings: Sequence[Reading]) -> tuple[list[Row], list[Row], str]:
    """Keys of agents, a row for each time, how the chart is drawn (JSON); agents beyond the colours are left out."""
    agents = sorted({reading.agent for reading in readings})[:MOST_LINES]
    rows: list[Row] = []
    for reading in readings:
        if reading.agent in agents:
            values = [f"{100 * reading.occupancy:.1f}" if each == reading.agent else "" for each in agents]
            rows.append(
                {
                    "unix": f"{reading.at.timestamp():.3f}",
                    "clock": f"{reading.at:%d %b %H:%M:%S}",
                    "values": ",".join(values),
                    "cells": [f"{value} %" if value else "" for value in values],
                }
            )
    keys: list[Row] = [
        {"agent": agent, "colour": COLOURS[at % len(COLOURS)], "dash": at // len(COLOURS)}
        for at, agent in enumerate(agents)
    ]
    series = [{"label": key["agent"], "colour": key["colour"], "dash": DASHES[key["dash"]]} for key in keys]
    return keys, rows, json.dumps({"x": "time", "series": series})


def item_row(line: ItemLine, *, now: datetime) -> Row:
    """A thing in a window."""
    states = {"live": ("in the window", "good"), "compressed": ("shortened", "info"), "unloaded": ("unloaded", "calm")}
    word, tone = states[line.status]
    return {
        "key": line.key,
        "agent": line.agent,
        "component": COMPONENTS[Component(line.component)],
        "kind": line.kind.replace("_", " "),
        "tokens": whole(line.tokens),
        "saved": whole(line.saved_tokens) if line.saved_tokens else "",
        "is_pinned": line.is_pinned,
        "word": word,
        "tone": tone,
        "touched": ago(line.last_access_at, now=now),
        "archive_id": line.archive_id,
    }


def forecast_rows(lines: Iterable[ForecastLine], *, now: datetime) -> list[Row]:
    """When windows will be full, by the newest forecasts."""
    return [
        {
            "who": line.agent or f"All together (the first {line.k})",
            "is_collective": line.kind == "collective",
            "central": span_words(line.central_seconds),
            "band": _band(line),
            "made": ago(line.at, now=now),
            "is_joint": line.is_joint,
            "correlation": UNKNOWN if line.correlation is None else f"{line.correlation:.2f}",
        }
        for line in lines
    ]


def _band(line: ForecastLine) -> str:
    """An upper edge at the horizon of forecasts is no time at which anything is expected."""
    if line.high_seconds >= HORIZON_SECONDS:
        return f"{span_words(line.low_seconds)} or more"
    return f"{span_words(line.low_seconds)} to {span_words(line.high_seconds)}"


def span_words(seconds: float) -> str:
    """A length of time in the unit in which it is read."""
    if seconds >= 48 * 3600:
        return f"{seconds / 86_400:.0f} d" if seconds < 999 * 86_400 else "more than 999 d"
    if seconds >= 2 * 3600:
        return f"{seconds / 3600:.0f} h"
    if seconds >= 120:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.0f} s"
