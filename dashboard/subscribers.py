"""Facts from the apps below become nudges to the open dashboards; nothing is read or computed here."""

from __future__ import annotations

from budgets.events import BudgetAlerted, BudgetsChanged
from climate.events import AlertsChanged, EmergencyChanged, ReadingsCollected, SourceChanged
from config.kernel.events import Event, subscribe
from dashboard.push import DASHBOARD_GROUP, push
from market.events import (
    AuctionClosed,
    ConductChanged,
    FundChanged,
    LoansChanged,
    MoneyChanged,
    OrdersChanged,
    PlanChanged,
    RequestDecided,
    RequestResolved,
    RequestsDecided,
    RequestsResolved,
    TradingChanged,
)
from sessions_app.events import RoundRunChanged, SessionChanged


def connect() -> None:
    """Listen to the apps below."""
    subscribe(RequestDecided, _request_decided)
    subscribe(RequestsDecided, _requests_changed)
    subscribe(RequestResolved, _request_resolved)
    subscribe(RequestsResolved, _requests_changed)
    subscribe(PlanChanged, _plan_changed)
    subscribe(FundChanged, _fund_changed)
    for event in (OrdersChanged, AuctionClosed, TradingChanged, LoansChanged, MoneyChanged, ConductChanged):
        subscribe(event, _market_changed)
    subscribe(SessionChanged, _session_changed)
    subscribe(RoundRunChanged, _session_changed)
    subscribe(BudgetsChanged, _budgets_changed)
    subscribe(BudgetAlerted, _budget_alerted)
    subscribe(ReadingsCollected, _readings_collected)
    subscribe(SourceChanged, _source_changed)
    subscribe(EmergencyChanged, _emergency_changed)
    subscribe(AlertsChanged, _alerts_changed)


def _nudge(*sections: str, team_id: int | None = None, resolved: dict[str, str] | None = None) -> None:
    push(
        DASHBOARD_GROUP,
        {"type": "nudge", "sections": list(sections), "team_id": team_id, "resolved": resolved},
    )


def _request_decided(event: RequestDecided) -> None:
    _nudge("decisions", "headline", "gateway", team_id=event.team_id)


def _requests_changed(event: RequestsDecided | RequestsResolved) -> None:
    for team_id in event.team_ids:
        _nudge("decisions", "headline", "gateway", team_id=team_id)


def _request_resolved(event: RequestResolved) -> None:
    resolved = {"request_id": str(event.request_id), "status": event.status}
    _nudge("decisions", "headline", "gateway", team_id=event.team_id, resolved=resolved)


def _plan_changed(event: PlanChanged) -> None:
    _nudge("plan", "decisions", "headline", "budgets", "budget_picture")


def _fund_changed(event: FundChanged) -> None:
    _nudge("headline", "market")


def _market_changed(event: Event) -> None:
    _nudge("market")


def _session_changed(event: SessionChanged | RoundRunChanged) -> None:
    _nudge("sessions", team_id=event.team_id)


def _budgets_changed(event: BudgetsChanged) -> None:
    _nudge("budgets", "budget_picture")


def _budget_alerted(event: BudgetAlerted) -> None:
    _nudge("budgets", "budget_picture", "alerts")


def _readings_collected(event: ReadingsCollected) -> None:
    _nudge("regions", "sources", "notice")


def _source_changed(event: SourceChanged) -> None:
    _nudge("sources", "alerts", "notice")


def _emergency_changed(event: EmergencyChanged) -> None:
    _nudge("alerts", "alert_feed")


def _alerts_changed(event: AlertsChanged) -> None:
    _nudge("alert_feed")
