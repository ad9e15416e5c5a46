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


def _model(title: str, description: str, icon: str, app: str, model: str) -> dict[str, Any]:
    """A line of the sidebar and a card of the overview: the list of a model, for those who may see it."""
    return {
        "title": title,
        "description": description,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{model}_changelist"),
        "permission": _may(f"{app}.view_{model}"),
    }


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
        _model("Policies", "Prices, carbon cost, justice. A change is a new version.", "balance", "market", "policy"),
        _model("Purposes", "What work is for, and how much it weighs.", "flag", "market", "purpose"),
        _model("Thresholds", "Figures at which something is noticed.", "tune", "budgets", "threshold"),
        _model(
            "Countries and justice inputs",
            "Income, vulnerability and emissions, one by one or by CSV.",
            "public",
            "climate",
            "country",
        ),
        _model("Emergencies", "Declare, confirm, dismiss, lift. Drills too.", "emergency_home", "climate", "emergency"),
        _model(
            "Emergency policy",
            "What follows from a red or orange alert. A change is a new version.",
            "rule",
            "climate",
            "emergencypolicy",
        ),
    ),
    _section(
        "Places and sources",
        _model("Regions and capacities", "Where work may run, and how much of it.", "dns", "climate", "region"),
        _model("Outages and maintenance", "When regions serve less.", "power_off", "climate", "regionoutage"),
        _model("Latencies that are known", "Round-trip times by pair.", "network_ping", "climate", "latencyfigure"),
        _model("Latency by distance", "What a time stands for.", "social_distance", "climate", "latencyband"),
        _model("Grid zones", "Electricity zones with their yearly values.", "bolt", "climate", "gridzone"),
        _model(
            "Data sources",
            "Providers of climate data: how each does, how often, now.",
            "sensors",
            "climate",
            "datasource",
        ),
        _model(
            "Imports of readings",
            "Measurements of a private site, by CSV.",
            "upload_file",
            "climate",
            "readingimport",
        ),
        _model("Retention", "How long readings stay at hand.", "auto_delete", "climate", "retentionpolicy"),
    ),
    _section(
        "People and keys",
        _model("Organisations", "Who is accountable: country and type.", "corporate_fare", "accounts", "organisation"),
        _model("Teams", "Members, and the origins and purposes their keys may claim.", "groups", "accounts", "team"),
        _model("API keys", "Create one, look at its use, revoke it.", "key", "accounts", "apikey"),
        _model("People", "Who logs in, and what they may do.", "person", "accounts", "user"),
        _model("Groups of people", "Administrators, operators, auditors.", "admin_panel_settings", "auth", "group"),
    ),
    _section(
        "Budgets",
        _model("Budgets", "Limits, settings, bands; the tree of them.", "account_balance_wallet", "budgets", "budget"),
        _model("Adjustments", "Changes by hand; some wait for four eyes.", "rule_settings", "budgets", "adjustment"),
        _model("Proposals", "Other shares, from past periods. You decide.", "lightbulb", "budgets", "budgetproposal"),
        _model("Alert channels", "E-mail and webhooks; try them.", "campaign", "budgets", "alertchannel"),
        _model("Templates", "Trees of budgets to begin with.", "library_add", "budgets", "budgettemplate"),
    ),
    _section(
        "Requests and the Fund",
        _model("Requests", "What was asked.", "inbox", "market", "allocationrequest"),
        _model("Decisions", "What was decided, and from which facts.", "gavel", "market", "decision"),
        _model(
            "Allocation runs",
            "What each pass over the waiting requests did. Run one now.",
            "sync",
            "market",
            "allocationrun",
        ),
        _model("Fund", "Balance, reserve, deposits.", "savings", "market", "fund"),
    ),
    _section(
        "Market",
        _model("Instruments", "What is traded. Close a call, halt.", "candlestick_chart", "market", "instrument"),
        _model("Orders", "Bids and offers. Cancel one with a reason.", "list_alt", "market", "order"),
        _model("Auctions", "Every clearing. Reverse one, work it out again.", "gavel", "market", "auction"),
        _model("Halts", "Times without trade. Halt, resume.", "pause_circle", "market", "tradinghalt"),
        _model("Trades", "Every fill.", "swap_horiz", "market", "trade"),
        _model("Accounts", "Money of teams in the market. Deposit, withdraw.", "account_balance", "market", "account"),
        _model("Journal", "Every event that moved that money.", "menu_book", "market", "journal"),
        _model("Registry units", "What covers offers in place of the adder.", "forest", "market", "registryunit"),
        _model("Flags", "Hoarding, wash trades, spoofing. Uphold or lift.", "flag", "market", "conductflag"),
        _model("Appeals", "What teams say against flags. Decide.", "balance", "market", "appeal"),
        _model("Standing rules", "What the worker trades for budgets.", "rule", "market", "standingrule"),
        _model("Reputation", "A score a day, and what it is made of.", "star", "market", "reputationscore"),
    ),
    _section(
        "Sessions",
        _model("Sessions", "What agents hold in context, and their lives.", "forum", "sessions_app", "session"),
        _model(
            "Session policies",
            "Ladder, shares, cleanup, checkpoints, handoffs, by version.",
            "tune",
            "sessions_app",
            "sessionpolicy",
        ),
        _model("Proposals", "What the analysis of sessions suggests.", "lightbulb", "sessions_app", "proposal"),
        _model("Handoffs", "Who went over to new instances.", "sync_alt", "sessions_app", "handoff"),
        _model("Checkpoints", "Points of logs to return to.", "flag_circle", "sessions_app", "checkpoint"),
        _model("Events", "Lines of the logs.", "receipt_long", "sessions_app", "event"),
        _model("Archive", "What left logs, windows and tiers.", "inventory_2", "sessions_app", "archive"),
        collapsible=True,
    ),
    _section(
        "Gateway",
        _model("Deployments", "Models, their providers and regions, a test.", "dns", "sessions_app", "deployment"),
        _model(
            "Gateway policies",
            "Routing, bounds, breakers, triage, rounds, by version.",
            "alt_route",
            "sessions_app",
            "gatewaypolicy",
        ),
        _model("Calls", "Every call of a model, without its text.", "swap_horiz", "sessions_app", "gatewaycall"),
        _model("Breakers", "When calls stopped, and went on.", "electrical_services", "sessions_app", "breakerevent"),
        _model("Round tables", "Who sits at them.", "groups", "sessions_app", "roundtable"),
        _model("Rounds driven", "What they took, and why they ended.", "forum", "sessions_app", "roundrun"),
        _model("Triage", "What outcomes have taught it.", "school", "sessions_app", "triagecorrection"),
        collapsible=True,
    ),
    _section(
        "Records of budgets",
        _model("Ledger", "Every change to every budget, and its export.", "receipt_long", "budgets", "ledgerentry"),
        _model("Holds", "Open and closed reservations.", "lock_clock", "budgets", "hold"),
        _model("Leases", "Blocks that busy budgets hold in escrow.", "lock", "budgets", "escrowlease"),
        _model("Past periods", "How each period of each budget ended.", "calendar_clock", "budgets", "periodrecord"),
        _model("Alerts", "Thresholds passed, overdrafts, forecasts.", "notifications", "budgets", "budgetalert"),
        _model("Deliveries", "Alerts on their way, and each try.", "outgoing_mail", "budgets", "alertdelivery"),
        _model(
            "Estimates", "Tokens expected by kind of work, and how well.", "query_stats", "budgets", "estimategroup"
        ),
        _model("Outcomes", "What was predicted, and what it took.", "fact_check", "budgets", "estimateoutcome"),
        _model("Value of work", "Scores of finished work; no money.", "trending_up", "budgets", "economicevent"),
        collapsible=True,
    ),
    _section(
        "Other records",
        _model("Settlements", "What was used in the end.", "task_alt", "market", "settlement"),
        _model("Fund entries", "Every change of the Fund.", "payments", "market", "fundentry"),
        _model("Promised hours", "Tokens promised by region and hour.", "schedule", "market", "regionhour"),
        _model("Disaster alerts", "What the feeds tell, with every version.", "crisis_alert", "climate", "alert"),
        _model("Carbon readings", "Intensities as the sources said them.", "eco", "climate", "carbonreading"),
        _model("Hourly and daily means", "What is left of old readings.", "functions", "climate", "carbonreadingmean"),
        _model(
            "Earlier versions of readings",
            "As the source had said.",
            "history",
            "climate",
            "carbonreadingrevision",
        ),
        _model(
            "Quarantine", "Values that nobody should believe, with reasons.", "gpp_bad", "climate", "quarantinedvalue"
        ),
        _model("Archive", "Files of rows that have left the database.", "inventory_2", "climate", "archivedfile"),
        _model("Carbon forecasts", "Intensities that sources expect.", "cloud", "climate", "carbonforecast"),
        _model("Forecast scores", "How wrong forecasts were.", "target", "climate", "forecastscore"),
        _model("Forecast weights", "What own forecasts were fitted to.", "tune", "climate", "forecastweights"),
        _model("Yearly values of zones", "Yearly means with their sources.", "calendar_month", "climate", "zoneyear"),
        _model(
            "Answers to Idempotency-Keys", "What is replayed to a second try.", "replay", "accounts", "idempotentanswer"
        ),
        collapsible=True,
    ),
    _section(
        "Running",
        _model("Scheduled tasks", "What runs by the clock.", "event_repeat", "django_celery_beat", "periodictask"),
        _model("Failed logins", "Attempts that count towards a lock-out.", "no_accounts", "axes", "accessattempt"),
        _model("Logins", "Who came in, when and from where.", "login", "axes", "accesslog"),
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
