"""Who operates the market: the same power here as at every door."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSplitDateTimeWidget

from accounts.domain.scopes import Scope
from accounts.selectors import may_on_platform
from config.administration.pages import WhyForm
from config.administration.typed import AnyAdmin


class OperatorActions(AnyAdmin):
    """Actions of the market need the scope market:operate."""

    def has_operate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by actions with the permission `operate`."""
        return may_on_platform(request.user, Scope.MARKET_OPERATE)


class HaltForm(WhyForm):
    """A halt with its end, if one is known."""

    until = forms.SplitDateTimeField(
        label="Until (UTC)",
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget,
        help_text="Empty: until somebody resumes.",
    )
