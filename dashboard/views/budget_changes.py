"""Changes of a budget by a person who may: each a form, a redirect and a word on what became of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from budgets import services
from budgets.domain.adjustments import AdjustmentKind
from budgets.selectors.adjustments import get_adjustment
from budgets.selectors.proposals import get_proposal
from budgets.services.adjustments import decide_adjustment, propose_adjustment
from budgets.services.proposals import decide_proposal
from config.kernel.actors import person_actor
from config.kernel.errors import DomainError, NotFound
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.forms import AdjustmentForm, AllotForm, ReasonForm
from dashboard.selectors.budget import get_seen_path

Say = Callable[..., str]


def _allot(budget_id: UUID, *, limit: Any, reason: str, actor: str, now: datetime) -> str:
    services.allot(budget_id=budget_id, limit=limit, reason=reason, actor=actor, now=now)
    return "The limit is set."


def _reset(budget_id: UUID, *, reason: str, actor: str, now: datetime) -> str:
    services.reset_budget(budget_id=budget_id, reason=reason, actor=actor, now=now)
    return "A new period has begun."


def _rebalance(budget_id: UUID, *, reason: str, actor: str, now: datetime) -> str:
    lines = services.rebalance(parent_id=budget_id, reason=reason, actor=actor, now=now)
    count = sum(line.before != line.after for line in lines)
    return f"Rebalanced: {count} of {len(lines)} budgets have another limit." if lines else "There is nothing below."


def _adjust(budget_id: UUID, *, kind: str, amount: Any, reason: str, actor: str, now: datetime) -> str:
    done = propose_adjustment(
        budget_id=budget_id, kind=AdjustmentKind(kind), amount=amount, reason=reason, actor=actor, now=now
    )
    return "The change is made." if done.status == "applied" else "Proposed: it waits for a second person."


CHANGES: dict[str, tuple[type[forms.Form], Say]] = {
    "allot": (AllotForm, _allot),
    "reset": (ReasonForm, _reset),
    "rebalance": (ReasonForm, _rebalance),
    "adjust": (AdjustmentForm, _adjust),
}


@require_POST
@seen_by("details")
def change(request: HttpRequest, budget_id: UUID, change: str, *, sight: Sight) -> HttpResponse:
    """Set a limit, reset, rebalance or adjust by hand."""
    if change not in CHANGES:
        raise Http404("There is no such change.")
    _require_change(sight, budget_id)
    form_class, say = CHANGES[change]
    return _answer(request, budget_id, form_class(request.POST), lambda **given: say(budget_id, **given))


@require_POST
@seen_by("details")
def decide_change(request: HttpRequest, adjustment_id: str, decision: str, *, sight: Sight) -> HttpResponse:
    """Approve or reject a change by hand as the second person, or take back one's own."""
    try:
        waiting = get_adjustment(int(adjustment_id))
    except NotFound as error:
        raise Http404(error.detail) from error
    _require_change(sight, waiting.budget_id)
    is_approved = decision == "approve"

    def say(**given: Any) -> str:
        decide_adjustment(adjustment_id=int(adjustment_id), is_approved=is_approved, **given)
        return "Approved: the change is made." if is_approved else "Rejected: nothing was changed."

    return _answer(request, waiting.budget_id, ReasonForm(request.POST), say)


@require_POST
@seen_by("details")
def decide_shares(request: HttpRequest, proposal_id: str, decision: str, *, sight: Sight) -> HttpResponse:
    """Accept or reject proposed shares for the budgets below one."""
    try:
        waiting = get_proposal(int(proposal_id))
    except NotFound as error:
        raise Http404(error.detail) from error
    _require_change(sight, waiting.parent_id)
    is_accepted = decision == "accept"

    def say(**given: Any) -> str:
        decide_proposal(proposal_id=int(proposal_id), is_accepted=is_accepted, **given)
        return "Accepted: the limits are set." if is_accepted else "Rejected: nothing was changed."

    return _answer(request, waiting.parent_id, ReasonForm(request.POST), say)


def _require_change(sight: Sight, budget_id: UUID) -> None:
    """What the viewer may not see is not there; what they may see and not change is forbidden."""
    try:
        state = get_seen_path(sight, budget_id)[-1]
    except NotFound as error:
        raise Http404(error.detail) from error
    if not sight.may_change_budget(team_id=state.team_id):
        raise PermissionDenied


def _answer(request: HttpRequest, budget_id: UUID, form: forms.Form, say: Say) -> HttpResponse:
    """Do it if the form holds, say what became of it, and lead back to the budget."""
    if form.is_valid():
        actor = person_actor(request.user.get_username())
        try:
            messages.success(request, say(**form.cleaned_data, actor=actor, now=datetime.now(UTC)))
        except DomainError as error:
            messages.error(request, f"{_label(form, error.field)}{error.detail}")
    else:
        for name, errors in form.errors.items():
            messages.error(request, f"{_label(form, name)}{' '.join(str(each) for each in errors)}")
    return redirect("budget-page", budget_id=budget_id)


def _label(form: forms.Form, name: str | None) -> str:
    """The field at fault, as the form calls it."""
    if name in form.fields:
        return f"{form.fields[name].label}: "
    return f"{name.replace('_', ' ').capitalize()}: " if name and name != "__all__" else ""
