"""URLs of budgets, below `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from budgets.api import hot, views

urlpatterns = [
    path("budgets/", views.BudgetListView.as_view(), name="budget-list"),
    path("budgets/status/", views.StatusView.as_view(), name="budget-status"),
    path("budgets/<uuid:budget_id>/", views.BudgetView.as_view(), name="budget"),
    path("budgets/<uuid:budget_id>/allot/", views.AllotView.as_view(), name="budget-allot"),
    path("budgets/<uuid:budget_id>/ledger/", views.LedgerView.as_view(), name="budget-ledger"),
    path("budgets/<uuid:budget_id>/consume/", hot.ConsumeView.as_view(), name="budget-consume"),
    path("budgets/<uuid:budget_id>/reserve/", hot.ReserveView.as_view(), name="budget-reserve"),
]
