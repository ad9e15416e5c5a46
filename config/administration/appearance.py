"""How the administration looks and what its sidebar offers (settings of django-unfold)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse_lazy


def _may(permission: str) -> Callable[[HttpRequest], bool]:
    def check(request: HttpRequest) -> bool:
        return request.user.has_perm(permission)

    return check


def _model(title: str, icon: str, app: str, model: str) -> dict[str, Any]:
    """A line of the sidebar: the list of a model, for those who may see it."""
    link = reverse_lazy(f"admin:{app}_{model}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": _may(f"{app}.view_{model}")}


def _section(title: str, *items: dict[str, Any], collapsible: bool = False) -> dict[str, Any]:
    return {"title": title, "separator": True, "collapsible": collapsible, "items": list(items)}


NAVIGATION: list[dict[str, Any]] = [
    {
        "title": "",
        "items": [
            {"title": "Overview", "icon": "home", "link": reverse_lazy("admin:index")},
            {
                "title": "Audit log",
                "icon": "history",
                "link": reverse_lazy("audit_log"),
                "permission": _may("accounts.view_audit_log"),
            },
        ],
    },
    _section(
        "Rules",
        _model("Policies", "balance", "market", "policy"),
        _model("Purposes", "flag", "market", "purpose"),
        _model("Thresholds", "tune", "budgets", "threshold"),
        _model("Countries and justice inputs", "public", "climate", "country"),
        _model("Emergencies", "emergency_home", "climate", "emergency"),
    ),
    _section(
        "Places and sources",
        _model("Regions and capacities", "dns", "climate", "region"),
        _model("Grid zones", "bolt", "climate", "gridzone"),
        _model("Data sources", "sensors", "climate", "datasource"),
    ),
    _section(
        "People and keys",
        _model("Organisations", "corporate_fare", "accounts", "organisation"),
        _model("Teams", "groups", "accounts", "team"),
        _model("API keys", "key", "accounts", "apikey"),
        _model("People", "person", "accounts", "user"),
        _model("Groups of people", "admin_panel_settings", "auth", "group"),
    ),
    _section(
        "Budgets and work",
        _model("Budgets", "account_balance_wallet", "budgets", "budget"),
        _model("Requests", "inbox", "market", "allocationrequest"),
        _model("Decisions", "gavel", "market", "decision"),
        _model("Allocation passes", "sync", "market", "allocationrun"),
        _model("Fund", "savings", "market", "fund"),
    ),
    _section(
        "Records",
        _model("Ledger", "receipt_long", "budgets", "ledgerentry"),
        _model("Holds", "lock_clock", "budgets", "hold"),
        _model("Threshold crossings", "notifications", "budgets", "thresholdcrossing"),
        _model("Settlements", "task_alt", "market", "settlement"),
        _model("Fund entries", "payments", "market", "fundentry"),
        _model("Promised hours", "schedule", "market", "regionhour"),
        _model("Carbon readings", "eco", "climate", "carbonreading"),
        _model("Carbon forecasts", "cloud", "climate", "carbonforecast"),
        _model("Yearly values of zones", "calendar_month", "climate", "zoneyear"),
        _model("Answers to Idempotency-Keys", "replay", "accounts", "idempotentanswer"),
        collapsible=True,
    ),
    _section(
        "Running",
        _model("Scheduled tasks", "event_repeat", "django_celery_beat", "periodictask"),
        _model("Failed logins", "no_accounts", "axes", "accessattempt"),
        _model("Logins", "login", "axes", "accesslog"),
        collapsible=True,
    ),
]

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Commonwatt",
    "SITE_HEADER": "Commonwatt",
    "SITE_SUBHEADER": "Administration",
    "SITE_SYMBOL": "energy_savings_leaf",
    "SITE_URL": "/",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "8px",
    "COLORS": {
        # Shades around the green of the dashboard, #0f7a55.
        "primary": {
            "50": "#eef9f4",
            "100": "#d6f1e5",
            "200": "#aee3cd",
            "300": "#7bceb0",
            "400": "#45b18f",
            "500": "#1f9573",
            "600": "#0f7a55",
            "700": "#0d6247",
            "800": "#0c4e3a",
            "900": "#0b4031",
            "950": "#05241c",
        },
    },
    "SIDEBAR": {"show_search": True, "show_all_applications": False, "navigation": NAVIGATION},
}
