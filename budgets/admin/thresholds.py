"""Thresholds: figures at which something is noticed, each within what can be meant and in order with its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from budgets.models import Threshold
from config.administration.base import AuditedAdmin, ReasonForm
from config.administration.typed import display


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Thresholds that rise from one to the next; where `may_touch`, two may be equal."""

    names: tuple[str, ...]
    may_touch: bool = False


LADDERS = (
    Ladder(names=("budget-warn", "budget-critical", "budget-emergency")),
    Ladder(names=("utilisation-moderate", "utilisation-high", "utilisation-critical")),
    Ladder(names=("pool-warning", "pool-critical")),
    Ladder(names=("pool-critical", "pool-total"), may_touch=True),
    Ladder(names=("pool-reserve", "pool-total")),
    Ladder(names=("swarm-allotment", "pool-total"), may_touch=True),
    Ladder(names=("share-least", "share-most")),
    Ladder(names=("estimate-least", "estimate-most")),
)
RANGE_OF_UNIT: dict[str, tuple[float, float | None]] = {
    "%": (0.0, 100.0),
    "points": (0.0, 100.0),
    "score": (0.0, 1.0),
    "share": (0.0, 1.0),
}
NO_LIMIT: tuple[float, float | None] = (0.0, None)
RANGES: dict[str, tuple[float, float | None]] = {
    "estimate-learning-rate": (0.001, 0.5),  # above a half an estimate only repeats the last outcome
    "share-step": (1.0, 50.0),
    "exhaustions-many": (0.0, 24.0 * 31),
    "estimate-least": (1.0, None),
    "rebalance-recent": (1.0, 24.0 * 90),
    "swarm-allotment": (1.0, None),
}
WHOLE_UNITS = ("tokens", "hours")
BANDS = LADDERS[0].names
LARGEST = 1e12
"""Above it, a number of tokens is a slip of the keyboard."""


class ThresholdForm(ReasonForm):
    """A value that can be meant, in order with its neighbours."""

    def clean_value(self) -> float:
        """Refuse a value beyond its range, a part of something whole, or one that turns a ladder upside down."""
        value: float = self.cleaned_data["value"]
        name = self.instance.name
        least, most = RANGES.get(name) or RANGE_OF_UNIT.get(self.instance.unit, NO_LIMIT)
        if not least <= value <= (LARGEST if most is None else most):
            raise ValidationError(f"Not below {least:g}." if most is None else f"Between {least:g} and {most:g}.")
        if name in BANDS and (value < 1 or value != int(value)):
            raise ValidationError("A band starts at a whole per cent, from 1 to 100.")
        if self.instance.unit in WHOLE_UNITS and value != int(value):
            raise ValidationError(f"A whole number of {self.instance.unit}.")
        for ladder in LADDERS:
            if name in ladder.names:
                self._check_ladder(ladder, value)
        return value

    def _check_ladder(self, ladder: Ladder, value: float) -> None:
        others = dict(Threshold.objects.filter(name__in=ladder.names).values_list("name", "value"))
        place = ladder.names.index(self.instance.name)
        for at, other in enumerate(ladder.names):
            if at == place or other not in others:
                continue
            neighbour = others[other]
            low, high = (neighbour, value) if at < place else (value, neighbour)
            if low > high or (low == high and not ladder.may_touch):
                raise ValidationError(f"Must be {_words(ladder, at < place)} {other}, which is {neighbour:,g}.")


def _words(ladder: Ladder, is_above: bool) -> str:
    if ladder.may_touch:
        return "at least" if is_above else "at most"
    return "above" if is_above else "below"


@admin.register(Threshold)
class ThresholdAdmin(AuditedAdmin):
    """All thresholds. Their names are used by the program; their values are yours."""

    form = ThresholdForm
    list_display = ("name", "shown_value", "unit", "description", "rationale")
    list_filter = ("unit",)
    search_fields = ("name", "description")
    readonly_fields = ("name", "unit", "description")
    fieldsets = ((None, {"fields": ("name", "description", ("value", "unit"), "rationale")}),)

    @display(description="Value", ordering="value")
    def shown_value(self, threshold: Threshold) -> str:
        """Thousands separated, and no decimals that say nothing."""
        return f"{threshold.value:,g}"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The program would not know a new one."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The program would miss it."""
        return False
