"""URLs of the market, below `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from market.api import drills, plans, views
from market.api.trading import auctions, conduct, fund, halts

urlpatterns = [
    path("requests/", views.RequestListView.as_view(), name="request-list"),
    path("requests/quote/", views.QuoteView.as_view(), name="request-quote"),
    path("requests/<uuid:request_id>/", views.RequestView.as_view(), name="request-read"),
    path("requests/<uuid:request_id>/explain/", views.ExplainView.as_view(), name="request-explain"),
    path("requests/<uuid:request_id>/dispatch/", views.DispatchView.as_view(), name="request-dispatch"),
    path("requests/<uuid:request_id>/settle/", views.SettleView.as_view(), name="request-settle"),
    path("requests/<uuid:request_id>/release/", views.ReleaseView.as_view(), name="request-release"),
    path("requests/<uuid:request_id>/cancel/", views.CancelView.as_view(), name="request-cancel"),
    path("allocation/runs/", plans.RunListView.as_view(), name="allocation-runs"),
    path("allocation/runs/<int:run_id>/", plans.RunView.as_view(), name="allocation-run"),
    path("allocation/runs/<int:run_id>/fairness/", plans.RunFairnessView.as_view(), name="allocation-run-fairness"),
    path("allocation/fairness/", plans.FairnessView.as_view(), name="allocation-fairness"),
    path("allocation/plan/", plans.PlanView.as_view(), name="allocation-plan"),
    path("drills/", drills.DrillListView.as_view(), name="drills"),
    path("allocation/savings/", plans.SavingsView.as_view(), name="allocation-savings"),
    path("market/auctions/", auctions.AuctionListView.as_view(), name="market-auctions"),
    path("market/auctions/<int:auction_id>/", auctions.AuctionView.as_view(), name="market-auction"),
    path("market/auctions/<int:auction_id>/replay/", auctions.ReplayView.as_view(), name="market-auction-replay"),
    path("market/trades/", auctions.TradeListView.as_view(), name="market-trades"),
    path("market/fund/", fund.FundView.as_view(), name="market-fund"),
    path("market/halts/", halts.HaltListView.as_view(), name="market-halts"),
    path("market/halts/<int:halt_id>/resume/", halts.ResumeView.as_view(), name="market-halt-resume"),
    path("market/units/", conduct.UnitListView.as_view(), name="market-units"),
    path("market/reputation/", conduct.ReputationView.as_view(), name="market-reputation"),
    path("market/flags/", conduct.FlagListView.as_view(), name="market-flags"),
    path("market/flags/<int:flag_id>/", conduct.FlagView.as_view(), name="market-flag"),
    path("market/flags/<int:flag_id>/appeal/", conduct.AppealView.as_view(), name="market-flag-appeal"),
    path("market/rules/", conduct.RuleListView.as_view(), name="market-rules"),
    path("market/rules/<int:rule_id>/", conduct.RuleView.as_view(), name="market-rule"),
]
