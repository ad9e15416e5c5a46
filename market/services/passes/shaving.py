"""What a plan gives up again because hours, Fund or budgets have less left than when it was drawn.

Interactive work is never held up by a pass, so it may have taken room meanwhile. The lightest go first.
"""

from __future__ import annotations

import numpy as np

from market.domain.placement.plan import WaitingReason
from market.domain.placement.problem import Ints
from market.services.passes.drawing import Drawing


def fit_cells(drawing: Drawing, room: Ints) -> None:
    """Leave out the lightest of every site and hour that has less room [S, T] than is planned."""
    planned = drawing.tokens_of_cells((room.shape[0], room.shape[1]))
    for site, hour in np.argwhere(planned > room).tolist():
        here = np.flatnonzero(drawing.in_force & (drawing.placed.site == site) & (drawing.placed.hour == hour))
        excess = int(drawing.placed.tokens[here].sum() - room[site, hour])
        _leave_out_lightest(drawing, here, drawing.placed.tokens, excess, WaitingReason.FULL)


def fit_fund(drawing: Drawing, available_micro_usd: int) -> None:
    """Leave out the lightest whose discounts the Fund cannot promise any more."""
    paid = drawing.figures.from_fund_micro_usd
    here = np.flatnonzero(drawing.in_force & (paid > 0))
    _leave_out_lightest(drawing, here, paid, int(paid[here].sum()) - available_micro_usd, WaitingReason.FUND)


def fit_budget(drawing: Drawing, budget: int, *, unit: int, excess: int) -> None:
    """Leave out the lightest of a budget until it needs so many steps of a unit less."""
    here = np.flatnonzero(drawing.in_force & (drawing.columns.budget[drawing.placed.request] == budget))
    _leave_out_lightest(drawing, here, drawing.amounts[unit], excess, WaitingReason.BUDGET)


def _leave_out_lightest(drawing: Drawing, here: Ints, amounts: Ints, excess: int, reason: WaitingReason) -> None:
    """Of the placements `here`, as few of the last ones as take `excess` together."""
    if excess <= 0 or not len(here):
        return
    last_first = here[::-1]  # placements are in the order of who goes first
    enough = int(np.searchsorted(np.cumsum(amounts[last_first]), excess)) + 1
    drawing.leave_out(drawing.placed.request[last_first[:enough]], reason)
