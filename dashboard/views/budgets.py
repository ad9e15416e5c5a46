"""The tree of budgets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from budgets.domain.units import Unit
from budgets.selectors import get_bands
from config.kernel.actors import person_actor
from dashboard.domain.forest import Search, grow
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.budgets import BAND_TONES, UNIT_WORDS, node_rows, picture_rows, pool_rows
from dashboard.presentation.ledger import adjustment_row, proposal_row
from dashboard.sections import read_part
from dashboard.selectors.budgets import BudgetBoard, get_budget_board
from dashboard.views.page import page

MOST_SHOWN = 500
LONGEST_SEARCH = 100


@require_safe
@seen_by("details")
def budgets(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """The viewer's budgets as a tree, with the global picture on top."""
    now = datetime.now(UTC)
    search = _search(request)
    board = read_part("the page of budgets", lambda: get_budget_board(sight, now=now))
    context = {
        "search": search,
        "units": [(unit.value, UNIT_WORDS[unit]) for unit in Unit],
        "bands": list(BAND_TONES),
        "band_marks": get_bands().percentages,
        "scope_words": "All teams" if sight.team_ids is None else "Your teams and your organisation",
        "board": board,
        "empty_row": {},
        **(_parts(board, search) if board else {}),
        **(_waiting(request, sight, board) if board else {}),
    }
    return page(request, "dashboard/budgets.html", sight, now, "budgets", context)


def _search(request: HttpRequest) -> Search:
    """What the address asks for; an unknown unit or band asks for nothing."""
    unit, band = request.GET.get("unit", ""), request.GET.get("band", "")
    return Search(
        unit=unit if unit in tuple(Unit) else "",
        band=band if band in BAND_TONES else "",
        text=request.GET.get("text", "")[:LONGEST_SEARCH].strip(),
    )


def _parts(board: BudgetBoard, search: Search) -> dict[str, Any]:
    rows, count = node_rows(grow(board.budgets, search), board.escrowed, most=MOST_SHOWN)
    return {
        "picture": picture_rows(board),
        "pools": pool_rows(board.budgets),
        "rows": rows,
        "count": count,
        "found": sum(search.finds(budget) for budget in board.budgets),
        "total": len(board.budgets),
        "most_shown": MOST_SHOWN,
    }


def _waiting(request: HttpRequest, sight: Sight, board: BudgetBoard) -> dict[str, Any]:
    """What waits for somebody's decision, each with whether the viewer may take it."""
    actor = person_actor(request.user.get_username())
    teams = {budget.id: budget.team_id for budget in board.budgets}

    def may(budget_id: UUID) -> bool:
        return sight.may_change_budget(team_id=teams[budget_id])

    return {
        "adjustments": [(adjustment_row(each, actor=actor), may(each.budget_id)) for each in board.adjustments],
        "proposals": [(proposal_row(each), may(each.parent_id)) for each in board.proposals],
    }
