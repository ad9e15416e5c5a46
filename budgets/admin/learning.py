"""What is learned from finished work: past periods, estimates and their outcomes, economic events."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter

from budgets.admin.amounts import amount
from budgets.models import EconomicEvent, EstimateGroup, EstimateOutcome, PeriodRecord
from config.administration.base import RecordAdmin
from config.administration.filters import exact_filter
from config.administration.keyset import KeyedTimeFilter, KeysetMixin
from config.administration.text import whole
from config.administration.typed import display


def share(part: int, of: int) -> str:
    """A share of a count; unknown where nothing was counted."""
    return f"{100 * part / of:.0f} %" if of else "unknown"


@admin.register(PeriodRecord)
class PeriodRecordAdmin(KeysetMixin, RecordAdmin):
    """How each period of each budget ended. Bonus, rollover and proposals are worked out from it."""

    list_display = ("ended_at", "budget", "starts_at", "shown_limit", "shown_spent", "used", "refusals", "efficient")
    list_filter = (("budget", AutocompleteSelectFilter), ("ended_at", KeyedTimeFilter))
    list_select_related = ("budget",)

    @display(description="Limit")
    def shown_limit(self, record: PeriodRecord) -> str:
        """In the budget's unit."""
        return amount(record.budget, record.limit)

    @display(description="Spent")
    def shown_spent(self, record: PeriodRecord) -> str:
        """In the budget's unit."""
        return amount(record.budget, record.spent)

    @display(description="Used")
    def used(self, record: PeriodRecord) -> str:
        """Spent, of the limit."""
        return share(record.spent, record.limit)

    @display(description="Efficiency")
    def efficient(self, record: PeriodRecord) -> str:
        """Useful tokens for each token taken; unknown where nobody reported a quality."""
        return "unknown" if record.efficiency is None else f"{record.efficiency:.2f}"


@admin.register(EstimateGroup)
class EstimateGroupAdmin(RecordAdmin):
    """Work of one kind: the output tokens expected of it, and how often that was right."""

    list_display = (
        "mode",
        "role_count",
        "complexity_band",
        "model_class",
        "purpose",
        "p50",
        "p95",
        "outcome_count",
        "within_target",
        "covered",
        "updated_at",
    )
    list_filter = ("mode", "model_class", "complexity_band", "purpose")
    search_fields = ("purpose", "model_class")

    @display(description="Half take at most", ordering="p50_tokens")
    def p50(self, group: EstimateGroup) -> str:
        """Output tokens: the median."""
        return f"{group.p50_tokens:,.0f} tokens"

    @display(description="95 % take at most", ordering="p95_tokens")
    def p95(self, group: EstimateGroup) -> str:
        """Output tokens: the 95th percentile."""
        return f"{group.p95_tokens:,.0f} tokens"

    @display(description="Within 30 %")
    def within_target(self, group: EstimateGroup) -> str:
        """Share of outcomes within 30 % of the prediction made before the work."""
        return share(group.within_target_count, group.outcome_count)

    @display(description="Covered by the 95 %")
    def covered(self, group: EstimateGroup) -> str:
        """Share of outcomes below the 95th percentile told before the work; 95 % is right."""
        return share(group.covered_count, group.outcome_count)


@admin.register(EstimateOutcome)
class EstimateOutcomeAdmin(KeysetMixin, RecordAdmin):
    """What was predicted of finished work, and what it took. Estimates learn from each once."""

    list_display = ("at", "reference", "mode", "model_class", "purpose", "p50", "p95", "actual", "error", "learned_at")
    list_filter = (
        exact_filter("purpose", "purpose"),
        exact_filter("reference", "reference"),
        ("learned_at", admin.EmptyFieldListFilter),
        ("at", KeyedTimeFilter),
    )

    @display(description="Predicted")
    def p50(self, outcome: EstimateOutcome) -> str:
        """Output tokens: the median."""
        return f"{outcome.predicted_p50_tokens:,.0f}"

    @display(description="95 % below")
    def p95(self, outcome: EstimateOutcome) -> str:
        """Output tokens: the 95th percentile."""
        return f"{outcome.predicted_p95_tokens:,.0f}"

    @display(description="Took")
    def actual(self, outcome: EstimateOutcome) -> str:
        """Output tokens that were used."""
        return whole(outcome.actual_tokens)

    @display(description="Error")
    def error(self, outcome: EstimateOutcome) -> str:
        """How far the prediction was off, of the outcome; unknown where nothing was used."""
        if not outcome.actual_tokens:
            return "unknown"
        return f"{100 * (outcome.predicted_p50_tokens / outcome.actual_tokens - 1):+.0f} %"


@admin.register(EconomicEvent)
class EconomicEventAdmin(KeysetMixin, RecordAdmin):
    """The value of finished work, as a score in tokens. It is no money."""

    list_display = ("at", "kind", "budget", "reference", "held", "used", "quality", "collaboration", "value")
    list_filter = (
        ("budget", AutocompleteSelectFilter),
        ("kind", ChoicesDropdownFilter),
        exact_filter("reference", "reference"),
        ("at", KeyedTimeFilter),
    )
    list_select_related = ("budget",)

    @display(description="Held tokens")
    def held(self, event: EconomicEvent) -> str:
        """Thousands separated."""
        return whole(event.held_tokens)

    @display(description="Used tokens")
    def used(self, event: EconomicEvent) -> str:
        """Thousands separated."""
        return whole(event.used_tokens)

    @display(description="Score")
    def value(self, event: EconomicEvent) -> str:
        """In tokens, by the formula of the kind."""
        return f"{event.value_tokens:,.1f}"
