"""Thresholds: figures at which something is noticed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from budgets.models import Threshold
from config.administration.base import AuditedAdmin, ReasonForm
from config.administration.typed import display

LADDER = ("budget-warn", "budget-critical", "budget-emergency")
HIGHEST_OF_UNIT = {"%": 100.0, "score": 1.0}
LEAST_OF_A_STEP = 1.0
"""Bands start at whole per cent."""


class ThresholdForm(ReasonForm):
    """A value that can be meant, in order with its neighbours."""

    def clean_value(self) -> float:
        """Refuse a value beyond its unit, or one that turns the ladder of bands upside down."""
        value: float = self.cleaned_data["value"]
        highest = HIGHEST_OF_UNIT.get(self.instance.unit)
        if value < 0 or (highest is not None and value > highest):
            raise ValidationError(f"Between 0 and {highest:g}." if highest is not None else "Not below 0.")
        if self.instance.name in LADDER:
            self._check_ladder(value)
        return value

    def _check_ladder(self, value: float) -> None:
        if value < LEAST_OF_A_STEP or value != int(value):
            raise ValidationError("A band starts at a whole per cent, from 1 to 100.")
        others = dict(Threshold.objects.filter(name__in=LADDER).values_list("name", "value"))
        place = LADDER.index(self.instance.name)
        for other in LADDER[:place]:
            if other in others and others[other] >= value:
                raise ValidationError(f"Must be above {other}, which is {others[other]:g} %.")
        for other in LADDER[place + 1 :]:
            if other in others and others[other] <= value:
                raise ValidationError(f"Must be below {other}, which is {others[other]:g} %.")


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
