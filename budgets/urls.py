"""URLs of budgets, below `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from budgets.api import adjustments, alerts, changes, economy, estimates, export, holds, hot, ledger, status, tree

_ONE = "budgets/<uuid:budget_id>/"
_CHANNEL = "budgets/channels/<int:channel_id>/"
_ADJUSTMENT = "budgets/adjustments/<int:adjustment_id>/"

urlpatterns = [
    path("budgets/", tree.BudgetListView.as_view(), name="budget-list"),
    path("budgets/status/", status.StatusView.as_view(), name="budget-status"),
    path("budgets/ledger/", ledger.TeamLedgerView.as_view(), name="budget-ledger-of-all"),
    path("budgets/templates/", changes.TemplatesView.as_view(), name="budget-templates"),
    path("budgets/from-template/", changes.FromTemplateView.as_view(), name="budget-from-template"),
    path("budgets/alerts/", alerts.AlertsView.as_view(), name="budget-alerts"),
    path("budgets/channels/", alerts.ChannelListView.as_view(), name="budget-channels"),
    path(_CHANNEL, alerts.ChannelView.as_view(), name="budget-channel"),
    path(f"{_CHANNEL}test/", alerts.ChannelTestView.as_view(), name="budget-channel-test"),
    path(f"{_CHANNEL}secret/", alerts.ChannelSecretView.as_view(), name="budget-channel-secret"),
    path(f"{_CHANNEL}deliveries/", alerts.DeliveriesView.as_view(), name="budget-channel-deliveries"),
    path("budgets/holds/<uuid:hold_id>/", holds.HoldView.as_view(), name="budget-hold"),
    path(f"{_ADJUSTMENT}approve/", adjustments.ApproveView.as_view(), name="adjustment-approve"),
    path(f"{_ADJUSTMENT}reject/", adjustments.RejectView.as_view(), name="adjustment-reject"),
    path("budgets/proposals/<int:proposal_id>/accept/", economy.AcceptView.as_view(), name="proposal-accept"),
    path("budgets/proposals/<int:proposal_id>/reject/", economy.RejectView.as_view(), name="proposal-reject"),
    path(_ONE, tree.BudgetView.as_view(), name="budget"),
    path(f"{_ONE}tree/", tree.TreeView.as_view(), name="budget-tree"),
    path(f"{_ONE}balance/", tree.BalanceView.as_view(), name="budget-balance"),
    path(f"{_ONE}advice/", status.AdviceView.as_view(), name="budget-advice"),
    path(f"{_ONE}allot/", changes.AllotView.as_view(), name="budget-allot"),
    path(f"{_ONE}reset/", changes.ResetView.as_view(), name="budget-reset"),
    path(f"{_ONE}rebalance/", changes.RebalanceView.as_view(), name="budget-rebalance"),
    path(f"{_ONE}transfer/", changes.TransferView.as_view(), name="budget-transfer"),
    path(f"{_ONE}swarms/", changes.SwarmsView.as_view(), name="budget-swarms"),
    path(f"{_ONE}adjustments/", adjustments.AdjustmentsView.as_view(), name="budget-adjustments"),
    path(f"{_ONE}proposals/", economy.ProposalsView.as_view(), name="budget-proposals"),
    path(f"{_ONE}economy/", economy.EconomyView.as_view(), name="budget-economy"),
    path(f"{_ONE}ledger/", ledger.LedgerView.as_view(), name="budget-ledger"),
    path(f"{_ONE}ledger/export/", export.ExportView.as_view(), name="budget-ledger-export"),
    path(f"{_ONE}consume/", hot.ConsumeView.as_view(), name="budget-consume"),
    path(f"{_ONE}reserve/", hot.ReserveView.as_view(), name="budget-reserve"),
    path(f"{_ONE}dispatch/", holds.DispatchView.as_view(), name="budget-dispatch"),
    path(f"{_ONE}settle/", holds.SettleView.as_view(), name="budget-settle"),
    path(f"{_ONE}release/", holds.ReleaseView.as_view(), name="budget-release"),
    path(f"{_ONE}holds/", holds.HoldListView.as_view(), name="budget-holds"),
    path("estimates/", estimates.EstimateView.as_view(), name="estimates"),
    path("estimates/accuracy/", estimates.AccuracyView.as_view(), name="estimates-accuracy"),
]
