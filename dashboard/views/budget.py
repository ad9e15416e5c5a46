"""One budget."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from budgets.domain.states import BudgetState
from budgets.selectors import get_bands
from budgets.selectors.adjustments import list_adjustments
from budgets.selectors.advice import get_advice
from budgets.selectors.ledger import LedgerFilters, LedgerPlace, get_ledger_page
from budgets.selectors.proposals import list_proposals
from budgets.services import rebalance
from config.kernel.actors import person_actor
from config.kernel.errors import DomainError, NotFound
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.forms import AdjustmentForm, AdviceForm, AllotForm, LedgerForm, ReasonForm
from dashboard.presentation.budget import story_rows
from dashboard.presentation.forecasts import advice_row
from dashboard.presentation.ledger import DELTAS, adjustment_row, ledger_row, proposal_row, rebalance_row
from dashboard.sections import read_part
from dashboard.selectors.budget import get_budget_story, get_seen_path
from dashboard.views.page import page

RANGES = {"24h": (24, "24 h"), "7d": (7 * 24, "7 d"), "31d": (31 * 24, "31 d")}
DEFAULT_RANGE = "24h"
LEDGER_LENGTH = 25
EXPORTS = (("csv", "CSV"), ("parquet", "Parquet"))
UNIT_NAMES = {"tokens": "tokens", "carbon_g": "g CO₂e", "micro_usd": "micro-USD", "energy_wh": "Wh"}


@require_safe
@seen_by("details")
def budget(request: HttpRequest, budget_id: UUID, *, sight: Sight) -> HttpResponse:
    """One budget: what is left, what it is made of, what presses on it, and every change of it."""
    now = datetime.now(UTC)
    try:
        path = get_seen_path(sight, budget_id)
    except NotFound as error:
        raise Http404(error.detail) from error
    chosen = request.GET.get("range", DEFAULT_RANGE)
    chosen = chosen if chosen in RANGES else DEFAULT_RANGE
    hours_back = RANGES[chosen][0]
    story = read_part("the page of a budget", lambda: get_budget_story(sight, path, hours_back=hours_back, now=now))
    state = path[-1]
    may_change = sight.may_change_budget(team_id=state.team_id)
    context = {
        "budget": state,
        "story": story_rows(story, now=now) if story else None,
        "band_marks": get_bands().percentages,
        "range": chosen,
        "range_words": RANGES[chosen][1],
        "ranges": [(key, words) for key, (_, words) in RANGES.items()],
        "unit_name": UNIT_NAMES[state.unit],
        "may_change": may_change,
        **_ledger(request, state),
        **_advice(request, state, now=now),
        **_waiting(request, state),
        **(_changes(request, state, now=now) if may_change else {}),
    }
    return page(request, "dashboard/budget.html", sight, now, "budgets", context)


def _ledger(request: HttpRequest, state: BudgetState) -> dict[str, Any]:
    """A page of the ledger, by what the address asks for; a place that is none starts at the newest."""
    given = {name: request.GET[name] for name in ("kind", "actor", "since", "until") if request.GET.get(name)}
    form = LedgerForm(given)
    asked = {name: value for name, value in form.cleaned_data.items() if value} if form.is_valid() else {}
    place = _place(request.GET.get("after", ""))
    found = read_part(
        "the ledger of a budget",
        lambda: get_ledger_page([state.id], filters=LedgerFilters(**asked), after=place, limit=LEDGER_LENGTH),
    )
    return {
        "ledger_form": form,
        "ledger_columns": DELTAS,
        "ledger": [ledger_row(line, state.unit) for line in found.lines] if found else None,
        "older": urlencode({**given, "after": str(found.next)}) if found and found.next else "",
        "newest": urlencode(given),
        "is_first": place is None,
        "is_filtered": bool(given),
        "exports": _exports(request, state, asked),
    }


def _exports(request: HttpRequest, state: BudgetState, asked: dict[str, Any]) -> list[tuple[str, str]]:
    """Where the ledger can be fetched as a file, by the span of time asked for; only a known caller may."""
    if not request.user.is_authenticated:
        return []
    span = {name: asked[name].isoformat() for name in ("since", "until") if name in asked}
    url = reverse("budget-ledger-export", args=[state.id])
    return [(words, f"{url}?{urlencode({**span, 'format': name})}") for name, words in EXPORTS]


def _place(text: str) -> LedgerPlace | None:
    try:
        return LedgerPlace.parse(text)
    except ValueError:
        return None


def _advice(request: HttpRequest, state: BudgetState, *, now: datetime) -> dict[str, Any]:
    """What asking for so many tokens now would come to; nothing before somebody asks."""
    form = AdviceForm(request.GET if "tokens" in request.GET else None)
    if not form.is_valid():
        return {"advice_form": form}
    try:
        found = get_advice(budget_id=state.id, estimate_tokens=form.cleaned_data["tokens"], now=now)
    except DomainError as error:
        form.add_error("tokens", error.detail)
        return {"advice_form": form}
    return {"advice_form": form, "advice": advice_row(found)}


def _waiting(request: HttpRequest, state: BudgetState) -> dict[str, Any]:
    """Changes of this budget that wait for somebody's decision."""
    actor = person_actor(request.user.get_username())
    return {
        "adjustments": [
            adjustment_row(each, actor=actor) for each in list_adjustments(budget_id=state.id, status="proposed")
        ],
        "proposals": [proposal_row(each) for each in list_proposals(parent_id=state.id, status="open")],
    }


def _changes(request: HttpRequest, state: BudgetState, *, now: datetime) -> dict[str, Any]:
    """The forms of somebody who may change the budget, and what rebalancing would do if they ask."""
    context: dict[str, Any] = {
        "allot_form": AllotForm(auto_id="allot-%s"),
        "reset_form": ReasonForm(auto_id="reset-%s"),
        "rebalance_form": ReasonForm(auto_id="rebalance-%s"),
        "adjustment_form": AdjustmentForm(auto_id="adjust-%s"),
    }
    if request.GET.get("try") != "rebalance":
        return context
    actor = person_actor(request.user.get_username())
    try:
        lines = rebalance(parent_id=state.id, actor=actor, reason="trial", now=now, is_trial=True)
    except DomainError as error:
        return {**context, "trial_error": error.detail}
    return {**context, "trial": [rebalance_row(line) for line in lines], "is_trial": True}
