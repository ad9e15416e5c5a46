"""The plan in force, its fairness, its savings and the runs before it, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse

from dashboard.domain import figures
from dashboard.domain.intensity import basis_word
from dashboard.presentation.budgets import counted
from market.domain.plan_views import (
    BOUND_LABEL,
    LABEL,
    REFERENCE,
    FairnessIndices,
    FairnessReport,
    GridCell,
    PartyRow,
    RunDetail,
    RunRow,
    Savings,
    WorkSavings,
)

Row = dict[str, Any]
_STATES = {"finished": ("finished", "good"), "running": ("running", "info"), "failed": ("failed", "bad")}


def plan_cards(run: RunRow) -> list[Row]:
    """What a plan comes to, with what it misses beside what it saves."""
    return [
        _card(
            "Planned",
            figures.whole(run.planned_tokens),
            "tokens",
            f"of {figures.whole(run.asked_tokens)} asked, in {counted(run.granted, 'request', 'requests')}",
        ),
        _card(
            "Missed",
            figures.whole(run.missed_tokens),
            "tokens",
            f"due within the plan and not placed; the reference misses {figures.whole(run.reference_missed_tokens)}",
        ),
        _carbon_card(run),
        _card(
            "Saved",
            figures.percent(run.saved_share),
            "of the carbon of a token",
            f"against “{REFERENCE}”; {LABEL}, by the signals of the plan",
        ),
    ]


def _carbon_card(run: RunRow) -> Row:
    """Grams of the whole plan; beside them both sides of the comparison, over the tokens that both serve."""
    value, unit = figures.mass(run.planned_g)
    compared, reference = figures.mass_text(run.compared_g), figures.mass_text(run.reference_g)
    return _card("Carbon of the plan", value, unit, f"of what both serve: {compared}, run at home {reference}")


def _card(title: str, value: str, unit: str, note: str) -> Row:
    return {"title": title, "value": value, "unit": unit, "note": note}


def run_line(run: RunRow) -> Row:
    """One run of the list."""
    word, tone = _STATES.get(run.state, (run.state, "calm"))
    return {
        "id": run.run_id,
        "url": reverse("allocation-run", args=[run.run_id]),
        "trigger": run.trigger,
        "is_drill": run.kind == "drill",
        "is_current": run.is_current,
        "is_degraded": run.is_degraded,
        "state": word,
        "tone": tone,
        "started_at": run.started_at.isoformat(),
        "started": figures.moment(run.started_at),
        "considered": figures.whole(run.considered),
        "looked_at": counted(run.considered, "request", "requests"),
        "granted": figures.whole(run.granted),
        "waiting": figures.whole(run.waiting),
        "denied": figures.whole(run.denied),
        "planned": figures.whole(run.planned_tokens),
        "missed": figures.whole(run.missed_tokens),
        "carbon": figures.mass_text(run.planned_g),
        "saved": figures.percent(run.saved_share),
        "seconds": _seconds(run.total_seconds),
        "solver": run.solver or figures.UNKNOWN,
        "error": run.error,
        "kept_run_id": run.kept_run_id,
    }


def run_story(detail: RunDetail) -> Row:
    """Everything that a run recorded of itself."""
    run = detail.row
    return {
        **run_line(run),
        "cards": plan_cards(run),
        "facts": [
            ("Solver", run.solver or figures.UNKNOWN),
            ("Fingerprint of what was solved", detail.fingerprint or figures.UNKNOWN),
            ("Hours planned", _hours(detail)),
            (f"Carbon if no region ever filled up ({BOUND_LABEL})", figures.mass_text(detail.bound_g)),
            ("Kept by the Fund for planned discounts", figures.usd(detail.fund_promised_micro_usd)),
            ("Finished", figures.moment(run.finished_at) if run.finished_at else figures.UNKNOWN),
        ],
        "stages": [(name.replace("_", " ").capitalize(), _seconds(took)) for name, took in detail.seconds.items()],
        "reasons": _reasons(detail.record),
        "degraded_because": str(detail.record.get("degraded_because") or ""),
    }


def _hours(detail: RunDetail) -> str:
    if detail.first_hour is None:
        return "not kept any more"
    return f"{detail.hour_count} from {figures.moment(detail.first_hour)}"


def _reasons(record: Row) -> list[tuple[str, str]]:
    """Why requests wait, with how many."""
    misses: dict[str, Any] = record.get("misses") or {}
    return [(str(name).replace("_", " ").capitalize(), _amount(value)) for name, value in misses.items()]


def _amount(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{figures.whole(each)} {name}" for name, each in value.items())
    return figures.whole(value)


def fairness_board(report: FairnessReport, *, purpose_titles: dict[str, str]) -> Row:
    """Who got what, with the policy and without it."""
    return {
        "made_at": report.made_at.isoformat(),
        "parties": [_party(each, purpose_titles) for each in report.parties if each.asked_tokens],
        "indices": [
            ("Smallest share served", *_pair(report, "minimum_share", figures.percent), "of what a party asked for"),
            ("Jain index", *_pair(report, "jain", _index), "of shares served; 1 is all alike"),
            ("Gini index", *_pair(report, "gini", _index), "of shares served; 0 is all alike"),
            ("Jain index by weight", *_pair(report, "weighted_jain", _index), "of shares served for their weight"),
            ("Tokens served", *_pair(report, "service_tokens", figures.whole), "in all"),
        ],
        "floors": ""
        if report.floor_scale >= 1
        else f"Floors did not all fit: each shrank to {report.floor_scale:.0%}.",
        "levels": _levels(report),
        "price_of_justice": _price_of_justice(report),
    }


def _levels(report: FairnessReport) -> list[str]:
    """One line for each level that room stopped, and one for all who got what they asked for."""
    short = {index for index, each in enumerate(report.parties) if each.service_tokens < each.asked_tokens}
    full = sum(1 for each in report.parties if each.asked_tokens) - len(short)
    lines = [f"{_parties(full)} got all that was asked for."] if full else []
    for level in report.levels:
        if stopped := short.intersection(level.parties):
            at = figures.two_digits(level.level)
            lines.append(f"{_parties(len(stopped))} stopped at {at} tokens per weight: {level.bottleneck}")
    return lines


def _parties(count: int) -> str:
    return "1 party" if count == 1 else f"{count} parties"


def _price_of_justice(report: FairnessReport) -> list[tuple[str, str]]:
    known = report.price_of_justice or {}
    return [(name.replace("_", " ").capitalize(), _told(name, value)) for name, value in known.items()]


def _told(name: str, value: Any) -> str:
    if not isinstance(value, int | float):
        return str(value)
    if name.endswith("_g"):
        return figures.mass_text(value)
    return figures.percent(value) if name.endswith("_share") else figures.whole(int(value))


def _pair(report: FairnessReport, name: str, words: Any) -> tuple[str, str]:
    def told(indices: FairnessIndices) -> str:
        return str(words(getattr(indices, name)))

    return told(report.with_policy), told(report.without_policy)


def _party(row: PartyRow, titles: dict[str, str]) -> Row:
    return {
        "origin": row.origin,
        "purpose": titles.get(row.purpose, row.purpose),
        "weight": f"{row.weight:g}",
        "factors": ", ".join(f"{name.replace('_', ' ')} × {value:g}" for name, value in row.factors),
        "floor": figures.whole(int(row.floor_tokens)),
        "asked": figures.whole(row.asked_tokens),
        "served": figures.whole(row.service_tokens),
        "share": figures.percent(row.served_share),
        "width": f"{100 * (row.served_share or 0):.1f}",
        "baseline": figures.percent(row.baseline_share),
        "mark": f"{min(99.2, 100 * (row.baseline_share or 0)):.1f}",
        "per_weight": figures.two_digits(row.served_per_weight),
    }


def _index(value: float | None) -> str:
    return figures.UNKNOWN if value is None else f"{value:.3f}"


def savings_table(savings: Savings) -> Row:
    """Savings as decisions expected them and as the hours were measured, with misses beside both."""
    return {
        "since": savings.since.isoformat(),
        "rows": [
            _saved("Expected when decided", "all settled work", savings.expected),
            _saved("Expected, of what has been measured since", "the same work as below", savings.expected_of_measured),
            _saved("By the hours as measured", "intensities known by now", savings.measured),
        ],
        "has_work": savings.expected.tokens > 0,
        "unmeasured": figures.whole(savings.unmeasured_tokens),
        "without_home": figures.whole(savings.without_home_tokens),
        "missed": figures.whole(savings.missed_tokens),
        "reference": REFERENCE,
        "label": LABEL,
    }


def _saved(name: str, note: str, work: WorkSavings) -> Row:
    return {
        "name": name,
        "note": note,
        "tokens": figures.whole(work.tokens),
        "carbon": figures.mass_text(work.location_g),
        "compared": figures.mass_text(work.compared_g),
        "reference": figures.mass_text(work.reference_g),
        "saved": figures.mass_text(work.saved_g),
        "share": figures.percent(work.saved_share),
        "missed": figures.whole(work.reference_missed_tokens),
    }


def _seconds(value: float | None) -> str:
    if value is None:
        return figures.UNKNOWN
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.1f} s"


def steps_of(share: float) -> int:
    """Which of the five shades a share of an hour in use has; 0 is empty, 5 is full."""
    return 0 if share <= 0 else min(5, 1 + int(4.999 * share)) if share < 1 else 5


def grid_rows(cells: Sequence[GridCell]) -> Row:
    """Regions by hours with the share of each hour that is in use; regions without planned work are counted only."""
    by_region: dict[str, list[GridCell]] = {}
    for cell in cells:
        by_region.setdefault(cell.region, []).append(cell)
    busy = {code: row for code, row in by_region.items() if any(each.planned_tokens for each in row)}
    ranked = sorted(busy.values(), key=lambda row: (-sum(each.planned_tokens for each in row), row[0].region))
    hours = [each.starts_at for each in ranked[0]] if ranked else []
    return {
        "hours": [
            {"iso": hour.isoformat(), "clock": f"{hour:%H}", "day": _day(hours, index)}
            for index, hour in enumerate(hours)
        ],
        "rows": [_grid_row(row) for row in ranked],
        "idle_count": len(by_region) - len(busy),
    }


def _day(hours: Sequence[datetime], index: int) -> str:
    is_first = index == 0 or hours[index].date() != hours[index - 1].date()
    return f"{hours[index]:%d %b}" if is_first else ""


def _grid_row(row: Sequence[GridCell]) -> Row:
    return {
        "region": row[0].region,
        "url": reverse("region", args=[row[0].region]),
        "city": row[0].city,
        "planned": figures.whole(sum(each.planned_tokens for each in row)),
        "cells": [_grid_cell(each) for each in row],
    }


def _grid_cell(cell: GridCell) -> Row:
    used = cell.planned_tokens + cell.promised_tokens
    share = used / cell.capacity_tokens if cell.capacity_tokens else 1.0
    return {
        "step": steps_of(share),
        "share": _share_words(share) if cell.planned_tokens else "",
        "has_plan": cell.planned_tokens > 0,
        "title": _cell_words(cell),
    }


def _share_words(share: float) -> str:
    return "<1" if share < 0.01 else f"{100 * share:.0f}"


def _cell_words(cell: GridCell) -> str:
    price = cell.hour_price_g_per_1k_tokens
    return (
        f"{cell.city or cell.region}, {figures.moment(cell.starts_at)}:"
        f" {figures.whole(cell.planned_tokens)} planned, {figures.whole(cell.promised_tokens)} promised,"
        f" {figures.whole(cell.kept_tokens)} kept, {figures.whole(cell.free_tokens)} free"
        f" of {figures.whole(cell.capacity_tokens)} tokens;"
        f" {figures.two_digits(cell.intensity_g_per_kwh)} g CO₂e/kWh ({basis_word(cell.basis)})"
        + (f"; room for 1,000 tokens more would save {figures.mass_text(price)}" if price else "")
    )
