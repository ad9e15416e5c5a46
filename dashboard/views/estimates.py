"""How good the estimates of tokens are."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from budgets.selectors import get_estimate_terms, list_accuracy
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.estimates import accuracy_page
from dashboard.sections import read_part
from dashboard.views.page import page


@require_safe
@seen_by("details")
def estimates(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """Every group of work with its prediction, its accuracy and what both rest on."""
    now = datetime.now(UTC)
    found = read_part("the page of estimates", lambda: accuracy_page(list_accuracy(), get_estimate_terms()))
    return page(request, "dashboard/estimates.html", sight, now, "estimates", {"found": found})
