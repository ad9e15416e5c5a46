"""The plan in force, and every allocation pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.kernel.errors import NotFound
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.allocation import (
    fairness_board,
    grid_rows,
    plan_cards,
    run_line,
    run_story,
    savings_table,
)
from dashboard.sections import read_part
from dashboard.selectors.allocation import list_purpose_titles
from dashboard.views.page import page
from market.domain.policy import MODEL_CLASSES
from market.selectors import get_fairness, get_plan_grid, get_plan_in_force, get_run, get_savings, list_runs

SAVINGS_OF = timedelta(days=30)
RUNS_SHOWN = 20


@require_safe
@seen_by("details")
def allocation(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """Who gets how much, where and when, by the plan in force; what it saves; the runs that led to it."""
    now = datetime.now(UTC)
    before = _run_id(request.GET.get("before", ""))
    plan = get_plan_in_force()
    runs = list_runs(limit=RUNS_SHOWN + 1, before=before)
    context = {
        "plan": plan and run_line(plan.row),
        "cards": plan and plan_cards(plan.row),
        "fairness": plan
        and read_part("fairness", lambda: fairness_board(get_fairness(), purpose_titles=list_purpose_titles())),
        "grid": plan and read_part("the plan's hours", lambda: _grid(request.GET.get("class", ""))),
        "savings": read_part("savings", lambda: savings_table(get_savings(since=now - SAVINGS_OF, until=now, now=now))),
        "runs": [run_line(each) for each in runs[:RUNS_SHOWN]],
        "older": runs[RUNS_SHOWN - 1].run_id if len(runs) > RUNS_SHOWN else None,
        "is_first": before is None,
    }
    return page(request, "dashboard/allocation.html", sight, now, "allocation", context)


@require_safe
@seen_by("details")
def allocation_run(request: HttpRequest, run_id: str, *, sight: Sight) -> HttpResponse:
    """What one run saw and did."""
    now = datetime.now(UTC)
    try:
        detail = get_run(int(run_id))
    except NotFound as error:
        raise Http404(error.detail) from error
    has_inputs = detail.first_hour is not None
    context = {
        "run": run_story(detail),
        "fairness": read_part(
            "fairness", lambda: fairness_board(get_fairness(detail.row.run_id), purpose_titles=list_purpose_titles())
        )
        if has_inputs
        else None,
    }
    return page(request, "dashboard/allocation_run.html", sight, now, "allocation", context)


def _grid(asked_class: str) -> dict[str, object]:
    """Hours of one model class: the one asked for, else the one with most planned work."""
    cells = get_plan_grid().cells
    planned = {name: sum(each.planned_tokens for each in cells if each.model_class == name) for name in MODEL_CLASSES}
    chosen = asked_class if asked_class in MODEL_CLASSES else max(MODEL_CLASSES, key=lambda name: planned[name])
    return {
        "chosen": chosen,
        "classes": [(name, planned[name] > 0) for name in MODEL_CLASSES],
        **grid_rows([each for each in cells if each.model_class == chosen]),
    }


def _run_id(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
