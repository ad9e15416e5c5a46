"""Emergencies and alerts, and an operator's decisions on them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from accounts.domain.scopes import Scope
from accounts.selectors import may_on_platform
from climate.services.emergencies import confirm_emergency, dismiss_emergency, lift_emergency
from config.kernel.actors import person_actor
from config.kernel.errors import DomainError, NotFound
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.forms import DecisionForm
from dashboard.presentation.alerts import board_rows
from dashboard.selectors.alerts import get_alert_board, list_country_names
from dashboard.views.page import page

DECISIONS: dict[str, tuple[Callable[..., None], str]] = {
    "confirm": (confirm_emergency, "The emergency is in force."),
    "dismiss": (dismiss_emergency, "The proposal is dismissed."),
    "lift": (lift_emergency, "The emergency is lifted."),
}


@require_safe
@seen_by("figures")
def alerts(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """What is in force, what waits for an operator, what the feeds say, and what was."""
    now = datetime.now(UTC)
    context = {
        **board_rows(get_alert_board(now=now), list_country_names(), now=now),
        "may_decide": may_on_platform(request.user, Scope.EMERGENCIES_WRITE),
    }
    return page(request, "dashboard/alerts.html", sight, now, "alerts", context)


@require_POST
@seen_by("figures")
def decide(request: HttpRequest, emergency_id: str, decision: str, *, sight: Sight) -> HttpResponse:
    """Confirm, dismiss or lift an emergency, with a reason; then back to the page, which says what became of it."""
    if not may_on_platform(request.user, Scope.EMERGENCIES_WRITE):
        raise PermissionDenied
    service, done = DECISIONS[decision]
    form = DecisionForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(each) for each in form.errors["reason"]))
        return redirect("alerts")
    try:
        service(
            emergency_id=int(emergency_id),
            reason=form.cleaned_data["reason"],
            by=person_actor(request.user.get_username()),
            now=datetime.now(UTC),
        )
    except NotFound as error:
        raise Http404(error.detail) from error
    except DomainError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, done)
    return redirect("alerts")
