"""Alerts of budgets."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateTimeFilter

from budgets.models import BudgetAlert
from config.administration.base import RecordAdmin


@admin.register(BudgetAlert)
class BudgetAlertAdmin(RecordAdmin):
    """Thresholds that budgets passed, once a period, and other things to notice."""

    list_display = ("at", "budget", "kind", "level", "period_starts_at")
    list_filter = ("kind", ("at", RangeDateTimeFilter))
    list_select_related = ("budget",)
    search_fields = ("budget__name",)
