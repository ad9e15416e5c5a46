"""The analysis of a session in words: what cost most, where room ran out, how good foresight was, what to change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from dashboard.domain.figures import ago, percent, whole
from dashboard.presentation.sessions.windows import COMPONENTS
from sessions_app.selectors.proposals import ProposalFacts
from sessions_app.selectors.report import Cost, EstimateErrors, SessionReport

Row = dict[str, Any]

_TONES = {"open": "info", "accepted": "good", "rejected": "calm", "withdrawn": "calm"}
_COMPONENTS = {each.value: words for each, words in COMPONENTS.items()}


def report_cards(report: SessionReport) -> list[Row]:
    """Figures above the tables."""
    accuracy = report.forecast_accuracy
    return [
        {
            "title": "Calls",
            "value": whole(report.total.calls),
            "note": f"{whole(report.total.input_tokens)} tokens in, {whole(report.total.output_tokens)} out",
        },
        {
            "title": "Freed by cleanup",
            "value": whole(report.cleanup.freed_tokens),
            "unit": "tokens",
            "note": f"{whole(report.cleanup.runs)} times; all of it is in the archive",
        },
        {
            "title": "Rungs reached",
            "value": whole(sum(sum(each.values()) for each in report.exhaustion.rungs.values())),
            "note": f"foreseen {whole(report.exhaustion.foreseen)} times",
        },
        {
            "title": "Forecasts in their band",
            "value": percent(accuracy.coverage),
            "note": f"of {whole(accuracy.scored)} that were scored" if accuracy.scored else "none is scored yet",
        },
    ]


def cost_tables(report: SessionReport) -> list[Row]:
    """What cost most, four ways."""
    told: tuple[tuple[str, str, list[Cost], Mapping[str, str]], ...] = (
        ("operation", "By operation", report.by_operation, {}),
        ("subject", "By file or subject", report.by_subject, {}),
        ("agent", "By agent", report.by_agent, {}),
        ("component", "By component", report.by_component, _COMPONENTS),
    )
    return [
        {"key": key, "title": title, "rows": [_cost(each, names) for each in costs]}
        for key, title, costs, names in told
    ]


def _cost(cost: Cost, names: Mapping[str, str]) -> Row:
    return {
        "name": names.get(cost.name, cost.name),
        "calls": whole(cost.calls),
        "tokens": whole(cost.tokens),
        "share": percent(cost.share),
        "width": f"{100 * min(1.0, cost.share):.1f}",
    }


def exhaustion_rows(report: SessionReport) -> list[Row]:
    """Rungs by agent, and asks for room by component."""
    rungs = [{"who": agent, "what": _counts(counts)} for agent, counts in report.exhaustion.rungs.items()]
    asks = [
        {"who": f"Asks for {_COMPONENTS.get(name, name).lower()}", "what": _counts(counts)}
        for name, counts in report.exhaustion.allocations.items()
    ]
    freed = [{"who": "Freed, in tokens", "what": _counts(report.cleanup.by_strategy)}] if report.cleanup.runs else []
    return [*rungs, *asks, *freed]


def estimate_row(errors: EstimateErrors) -> Row:
    """How far estimates of an operation were off."""
    return {
        "operation": errors.operation or "unnamed",
        "calls": whole(errors.calls),
        "median": percent(errors.median_error),
        "within": percent(errors.within_target),
        "covered": percent(errors.covered),
    }


def proposal_row(facts: ProposalFacts, *, now: datetime) -> Row:
    """A suggestion: what changes, why, what it should bring and what it brought."""
    return {
        "id": facts.id,
        "title": f"{facts.kind.capitalize()}: {facts.subject}",
        "status": facts.status,
        "tone": _TONES[facts.status],
        "changes": list(_changes(facts.before, facts.after)),
        "evidence": _told(facts.evidence),
        "expected": _told(facts.expected),
        "effect": _told(facts.effect) if facts.effect else "",
        "made": ago(facts.made_at, now=now),
        "decided": _decided(facts, now=now),
        "rationale": facts.rationale,
        "is_open": facts.status == "open",
    }


def _decided(facts: ProposalFacts, *, now: datetime) -> str:
    if facts.decided_at is None:
        return ""
    return f"{facts.status} by {facts.decided_by}, {ago(facts.decided_at, now=now)}"


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterable[str]:
    for name, value in after.items():
        if before.get(name) != value:
            yield f"{_name(name)}: {_value(before.get(name))} → {_value(value)}"


def _told(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{_name(name)} {_value(value)}" for name, value in values.items() if value not in (None, "", []))


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{_name(name)} {whole(count)}" for name, count in counts.items())


def _name(name: str) -> str:
    return name.replace("_", " ").replace(".", " ")


def _value(value: Any) -> str:
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return whole(value)
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    if isinstance(value, dict):
        return ", ".join(f"{_name(name)} {_value(each)}" for name, each in value.items())
    return str(value)
