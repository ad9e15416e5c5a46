"""One budget."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.kernel.errors import NotFound
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.budgets import budget_row
from dashboard.selectors.budget import get_seen_budget
from dashboard.views.page import page


@require_safe
@seen_by("details")
def budget(request: HttpRequest, budget_id: UUID, *, sight: Sight) -> HttpResponse:
    """One budget: what is left, what it is made of, and every change of it."""
    now = datetime.now(UTC)
    try:
        state = get_seen_budget(sight, budget_id)
    except NotFound as error:
        raise Http404(error.detail) from error
    context = {"row": budget_row(state), "budget": state}
    return page(request, "dashboard/budget.html", sight, now, "budgets", context)
