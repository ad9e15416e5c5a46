"""What a channel is told: one payload for programs, and the same in words for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from budgets.domain.alerts import AlertFacts, AlertKind
from budgets.domain.exhaustion import ExhaustionForecast
from budgets.domain.refusals import plain_number

TYPES = {
    AlertKind.PERCENT: "budget.threshold_crossed",
    AlertKind.AMOUNT: "budget.threshold_crossed",
    AlertKind.OVERDRAFT: "budget.overdraft",
    AlertKind.FORECAST: "budget.exhaustion_forecast",
    AlertKind.NOTICE: "budget.notice",
}
TEST = "test"
UNITS = {"tokens": "tokens", "carbon_g": "g CO2e", "micro_usd": "micro-USD", "energy_wh": "Wh"}

Payload = dict[str, Any]


def payload_of(alert: AlertFacts, *, forecast: ExhaustionForecast | None, public_url: str) -> Payload:
    """The body of a webhook, by the Standard Webhooks specification; amounts are in the budget's unit.

    `forecast` is the one in force when it is told; None is unknown.
    """
    return {
        "type": TYPES[alert.kind],
        "timestamp": alert.at.isoformat(),
        "data": {
            "alert_id": alert.id,
            "kind": str(alert.kind),
            "budget_id": str(alert.budget_id),
            "name": alert.budget_name,
            "level": alert.budget_level,
            "unit": str(alert.unit),
            "percent": alert.percent,
            "amount": _number(alert.amount),
            "limit": _number(alert.limit),
            "spent": _number(alert.spent),
            "reserved": _number(alert.reserved),
            "period": alert.period,
            "period_starts_at": alert.period_starts_at.isoformat(),
            "resets_at": _text(alert.resets_at),
            "runs_out_at": _text(alert.runs_out_at),
            "forecast": _forecast(forecast) if forecast else None,
            "hold_id": str(alert.hold_id) if alert.hold_id else None,
            "link": f"{public_url}/budgets/{alert.budget_id}/" if public_url else None,
            **({"notice": alert.notice} if alert.kind == AlertKind.NOTICE else {}),
        },
    }


def payload_of_test(*, channel_name: str, by: str, at: datetime, public_url: str) -> Payload:
    """What the test button sends."""
    data = {"channel": channel_name, "sent_by": by, "link": f"{public_url}/" if public_url else None}
    return {"type": TEST, "timestamp": at.isoformat(), "data": data}


def subject_of(payload: Payload) -> str:
    """The subject of an e-mail, on one line."""
    data = payload["data"]
    if payload["type"] == TEST:
        return "Commonwatt: a test of the channel " + " ".join(data["channel"].split())
    return "Commonwatt: " + " ".join(f"{data['name']} {_headline(payload)}".split())


def text_of(payload: Payload) -> str:
    """The text of an e-mail."""
    data = payload["data"]
    if payload["type"] == TEST:
        lines = [
            f"This is a test of the channel {data['channel']}, sent by {data['sent_by']}.",
            "Nothing has happened.",
        ]
        return _joined([*lines, "", f"Where it came from: {data['link']}" if data["link"] else ""])
    return _joined(
        [
            f"The budget {data['name']} ({data['level']}) {_headline(payload)}.",
            "",
            *(f"{title}: {_amount(data, name)}" for title, name in _FIGURES),
            f"As of: {_moment(payload['timestamp'])}",
            f"Period: {data['period']}, since {_moment(data['period_starts_at'])}",
            f"Whole again: {_moment(data['resets_at'])}" if data["resets_at"] else "Whole again: no date is known",
            *_forecast_lines(data["forecast"]),
            "",
            data["link"] or "",
        ]
    )


_FIGURES = (("Limit", "limit"), ("Spent", "spent"), ("Reserved", "reserved"))


def _headline(payload: Payload) -> str:
    data = payload["data"]
    if payload["type"] == "budget.overdraft":
        return f"was overdrawn by {_amount(data, 'amount')}"
    if payload["type"] == "budget.exhaustion_forecast":
        return f"is forecast to pass {data['percent']} % of its limit before its period ends"
    if payload["type"] == "budget.notice":
        return f"pays for work of which there is news: {data['notice'].rstrip('.')}"
    if data["kind"] == AlertKind.AMOUNT:
        return f"has passed {_amount(data, 'amount')}"
    return f"has passed {data['percent']} % of its limit"


def _amount(data: Mapping[str, Any], name: str) -> str:
    value = data[name]
    return "unknown" if value is None else f"{value:,} {UNITS[data['unit']]}"


def _forecast(forecast: ExhaustionForecast) -> Payload:
    return {
        "outlook": str(forecast.outlook),
        "words": forecast.words,
        "earliest_at": _text(forecast.earliest_at),
        "central_at": _text(forecast.central_at),
        "latest_at": _text(forecast.latest_at),
        "as_of": forecast.as_of.isoformat(),
        "basis": forecast.basis,
    }


def _forecast_lines(forecast: Payload | None) -> list[str]:
    if forecast is None:
        return ["Forecast: unknown"]
    return [f"Forecast: {forecast['words']}", f"Forecast made: {_moment(forecast['as_of'])}, {forecast['basis']}"]


def _number(amount: Decimal | None) -> int | float | None:
    return None if amount is None else plain_number(amount)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"


def _joined(lines: list[str]) -> str:
    """Without the ends of blank lines; a name with a line break is one line."""
    return "\n".join(" ".join(line.split()) for line in lines).strip() + "\n"
