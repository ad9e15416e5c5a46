"""Pages of the dashboard, login and logout."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path, re_path

from dashboard.views import (
    alerts,
    allocation,
    budget,
    budget_changes,
    budgets,
    estimates,
    greenest,
    login,
    overview,
    regions,
    requests,
    sources,
    zones,
)
from dashboard.views.gateway import board as gateway_board
from dashboard.views.gateway import calls as gateway_calls
from dashboard.views.market import board as market_board
from dashboard.views.market import calls as market_calls
from dashboard.views.market import conduct as market_conduct
from dashboard.views.market import fund as market_fund
from dashboard.views.market import loans as market_loans
from dashboard.views.market import week as market_week
from dashboard.views.sessions import board as session_board
from dashboard.views.sessions import changes as session_changes
from dashboard.views.sessions import memory as session_memory
from dashboard.views.sessions import report as session_report
from dashboard.views.sessions import similar as session_similar
from dashboard.views.sessions import state as session_state
from dashboard.views.sessions import windows as session_windows

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("regions/", regions.regions, name="regions"),
    path("regions/<slug:code>/", regions.region, name="region"),
    path("zones/", zones.zones, name="zones"),
    path("zones/<slug:code>/", zones.zone, name="zone"),
    path("greenest/", greenest.greenest, name="greenest"),
    path("alerts/", alerts.alerts, name="alerts"),
    re_path(
        r"^alerts/emergencies/(?P<emergency_id>[0-9]{1,9})/(?P<decision>confirm|dismiss|lift)/$",
        alerts.decide,
        name="decide",
    ),
    path("sources/", sources.sources, name="sources"),
    path("requests/", requests.requests, name="requests"),
    path("requests/<uuid:request_id>/", requests.request_page, name="request"),
    path("gateway/", gateway_board.gateway, name="gateway"),
    path("gateway/calls/<uuid:call_id>/", gateway_calls.call, name="gateway-call"),
    path("allocation/", allocation.allocation, name="allocation"),
    re_path(r"^allocation/runs/(?P<run_id>[0-9]{1,18})/$", allocation.allocation_run, name="allocation-run"),
    path("budgets/", budgets.budgets, name="budgets"),
    path("budgets/<uuid:budget_id>/", budget.budget, name="budget-page"),
    path("budgets/<uuid:budget_id>/<slug:change>/", budget_changes.change, name="change-budget"),
    re_path(
        r"^budgets/adjustments/(?P<adjustment_id>[0-9]{1,9})/(?P<decision>approve|reject)/$",
        budget_changes.decide_change,
        name="decide-change",
    ),
    re_path(
        r"^budgets/proposals/(?P<proposal_id>[0-9]{1,9})/(?P<decision>accept|reject)/$",
        budget_changes.decide_shares,
        name="decide-shares",
    ),
    path("estimates/", estimates.estimates, name="estimates-page"),
    path("sessions/", session_board.sessions, name="sessions"),
    path("sessions/<uuid:session_id>/", session_windows.windows, name="session-page"),
    path("sessions/<uuid:session_id>/state/", session_state.state, name="session-state"),
    path("sessions/<uuid:session_id>/memory/", session_memory.memory, name="session-memory"),
    path("sessions/<uuid:session_id>/report/", session_report.report, name="session-report"),
    path("sessions/<uuid:session_id>/similar/", session_similar.similar, name="session-similar"),
    path("sessions/<uuid:session_id>/archive/<int:archive_id>/", session_memory.archive, name="session-archive"),
    path("sessions/<uuid:session_id>/rounds/<uuid:round_id>/", session_memory.round_page, name="session-round"),
    path("sessions/<uuid:session_id>/<slug:name>/", session_changes.change, name="session-change"),
    path("market/", market_board.market, name="market"),
    path("market/money/", market_board.move_money, name="market-money"),
    path("market/orders/", market_board.order, name="market-order"),
    path("market/orders/<uuid:order_id>/cancel/", market_board.cancel, name="market-cancel"),
    path("market/calls/", market_calls.auctions, name="market-auctions"),
    re_path(r"^market/calls/(?P<auction_id>[0-9]{1,18})/$", market_calls.auction, name="market-auction"),
    path("market/conduct/", market_conduct.conduct, name="market-conduct"),
    path("market/conduct/rules/", market_conduct.add_rule, name="market-rules"),
    re_path(r"^market/conduct/rules/(?P<rule_id>[0-9]{1,18})/$", market_conduct.turn_rule, name="market-rule"),
    re_path(r"^market/conduct/flags/(?P<flag_id>[0-9]{1,18})/$", market_conduct.appeal, name="market-appeal"),
    path("market/loans/", market_loans.loans, name="market-loans"),
    path("market/loans/offers/", market_loans.lend, name="market-lend"),
    path("market/loans/shares/", market_loans.share, name="market-share"),
    path("market/loans/<uuid:loan_id>/<slug:name>/", market_loans.change, name="market-loan"),
    path("market/week/", market_week.week, name="market-week"),
    path("market/fund/", market_fund.fund, name="market-fund"),
    path("favicon.ico", login.favicon, name="favicon"),
    path("login/", login.LogIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
