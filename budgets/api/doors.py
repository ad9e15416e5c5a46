"""What every door of budgets asks first: whose is it, and was it asked before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.domain.principal import Principal
from accounts.services.idempotency import Answer
from accounts.services.once import answer_of
from budgets import selectors
from budgets.domain.states import BudgetState
from config.kernel.errors import NotAllowed, NotFound

Said = tuple[int, dict[str, Any], int | None]
"""Status, JSON body, and the highest threshold passed, for the header `X-Budget-Warning`."""


def visible_budget(principal: Principal, budget_id: UUID, *, field: str = "budget") -> BudgetState:
    """A budget that the caller may see; what it may not see does not exist for it."""
    try:
        state = selectors.get_budget(budget_id)
    except NotFound:
        state = None
    if state is None or not may_see(principal, state):
        raise NotFound("There is no such budget.", field=field)
    return state


def may_see(principal: Principal, state: BudgetState) -> bool:
    """Whether it is of a team that the caller may see, or its organisation's own."""
    own_organisation = state.team_id is None and state.organisation_id == principal.organisation_id
    return own_organisation or principal.may_see_team(state.team_id)


def changeable_budget(principal: Principal, budget_id: UUID, *, field: str = "budget") -> BudgetState:
    """A budget that the caller's team owns; the organisation's own budgets are changed in the admin."""
    state = visible_budget(principal, budget_id, field=field)
    if state.team_id is None or state.team_id != principal.team_id:
        raise NotAllowed("This budget is not your team's to change.", field=field)
    return state


def visible_teams(principal: Principal) -> frozenset[int] | None:
    """Teams whose budgets the caller may see; None means all."""
    return None if principal.sees_everything else principal.visible_team_ids


def visible_budgets(principal: Principal) -> list[BudgetState]:
    """Every live budget that the caller may see, a parent before its children."""
    return selectors.list_budgets(team_ids=visible_teams(principal), organisation_id=principal.organisation_id)


def acting_team(principal: Principal) -> tuple[int, int]:
    """The team that acts, and its organisation. Raises NotAllowed for somebody who acts for none."""
    if principal.team_id is None or principal.organisation_id is None:
        raise NotAllowed("You act for no team. Join one, or do this in the admin.")
    return principal.team_id, principal.organisation_id


def require_parent(principal: Principal, parent_id: UUID) -> None:
    """A child spends its parent's money: the parent is the acting team's, or its organisation's own."""
    try:
        parent = selectors.get_budget(parent_id)
    except NotFound:
        parent = None
    own = parent is not None and parent.team_id == principal.team_id
    shared = parent is not None and parent.team_id is None and parent.organisation_id == principal.organisation_id
    if not (own or shared):
        raise NotAllowed("The parent is not a budget of your team.", field="parent")


def answered_once(request: Request, work: Callable[[], Said]) -> Response:
    """Run `work` in one transaction and answer with what it says; replay that for the same Idempotency-Key.

    A refusal undoes everything and frees the key: it is worked out again by the next try.
    """
    acting_team(Principal.of(request.auth))

    def stored() -> Answer:
        status, body, warning_percent = work()
        return Answer(status, {"body": body, "warning_percent": warning_percent})

    answer, headers = answer_of(request, stored)
    if answer.body["warning_percent"] is not None:
        headers["X-Budget-Warning"] = str(answer.body["warning_percent"])
    return Response(answer.body["body"], status=answer.status_code, headers=headers)


def next_page(request: Request, cursor: object | None) -> str | None:
    """The address of the page that begins at `cursor`, with the same filters; None at the end."""
    if cursor is None:
        return None
    query = request.query_params.copy()
    query["cursor"] = str(cursor)
    return f"{request.build_absolute_uri(request.path)}?{query.urlencode()}"
