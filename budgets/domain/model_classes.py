"""Budgets that pay for work of one model class only. What is below such a budget is of its class too."""

from __future__ import annotations

from climate.domain.model_classes import MODEL_CLASSES
from config.kernel.errors import InvalidInput

WRONG_CLASS = "wrong_class"


def class_below(wanted: str, *, above: str) -> str:
    """The class of a new budget that wants one (empty: none) below one of a class; its parent's where it wants none.

    Raises InvalidInput naming `model_class`: there is no such class, or the budget above pays for another.
    """
    if wanted and wanted not in MODEL_CLASSES:
        raise InvalidInput(f"A model class is one of {', '.join(MODEL_CLASSES)}.", field="model_class")
    if above and wanted not in ("", above):
        raise InvalidInput(
            f"The budget above pays for work of class {above} only, and so does what is below it.",
            field="model_class",
            code=WRONG_CLASS,
        )
    return wanted or above


def require_class(of_budget: str, wanted: str) -> None:
    """Raise InvalidInput naming `budget` if it pays for another class than that of the work.

    The budget that is asked is enough: those above it are of its class or of none.
    """
    if of_budget not in ("", wanted):
        raise InvalidInput(
            f"This budget pays for work of class {of_budget} only, and this is of class {wanted}.",
            field="budget",
            code=WRONG_CLASS,
        )
