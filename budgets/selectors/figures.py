"""The figures in force."""

from __future__ import annotations

from budgets.domain.bands import Bands
from budgets.domain.efficiency import EfficiencyTerms
from budgets.domain.estimates import EstimateTerms
from budgets.domain.proposals import ShareTerms
from budgets.models import Threshold


def get_bands() -> Bands:
    """The thresholds of budgets in force."""
    names = {"budget-warn": "warn", "budget-critical": "critical", "budget-emergency": "emergency"}
    rows = Threshold.objects.filter(name__in=names).values_list("name", "value")
    return Bands(**{names[name]: int(value) for name, value in rows})


def get_estimate_terms() -> EstimateTerms:
    """The figures in force from which tokens are estimated."""
    rows = dict(Threshold.objects.values_list("name", "value"))
    cold = EstimateTerms()
    return EstimateTerms(
        express_tokens=int(rows.get("estimate-express", cold.express_tokens)),
        council_tokens=int(rows.get("estimate-council", cold.council_tokens)),
        extra_role_tokens=int(rows.get("estimate-extra-role", cold.extra_role_tokens)),
        margin_tokens=int(rows.get("estimate-margin", cold.margin_tokens)),
        council_complexity=rows.get("council-complexity", cold.council_complexity),
        target_share=rows.get("estimate-target-share", cold.target_share),
        learning_rate=rows.get("estimate-learning-rate", cold.learning_rate),
        adapt_above=rows.get("estimate-adapt-above", cold.adapt_above),
        least_tokens=int(rows.get("estimate-least", cold.least_tokens)),
        most_tokens=int(rows.get("estimate-most", cold.most_tokens)),
    )


def get_efficiency_terms() -> EfficiencyTerms:
    """The threshold of efficiency in force and what passing it earns."""
    rows = dict(Threshold.objects.values_list("name", "value"))
    cold = EfficiencyTerms()
    return EfficiencyTerms(
        above=rows.get("efficiency-above", cold.above),
        bonus_percent=rows.get("efficiency-bonus", cold.bonus_percent),
        tradeable_percent=rows.get("bonus-tradeable", cold.tradeable_percent),
    )


def get_share_terms() -> ShareTerms:
    """The thresholds in force by which other shares are proposed."""
    rows = dict(Threshold.objects.values_list("name", "value"))
    cold = ShareTerms()
    return ShareTerms(
        least_percent=rows.get("share-least", cold.least_percent),
        most_percent=rows.get("share-most", cold.most_percent),
        step_points=rows.get("share-step", cold.step_points),
        many_hours_refused=rows.get("exhaustions-many", cold.many_hours_refused),
        low_use_percent=rows.get("use-low", cold.low_use_percent),
    )
