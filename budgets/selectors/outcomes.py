"""How good the estimates of some pieces of work were."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from budgets.domain.quantiles import TARGET_ERROR, relative_error
from budgets.models import EstimateOutcome

AT_ONCE = 500


def count_on_target(references: Iterable[str]) -> tuple[int, int]:
    """Of the outcomes of work with these references: how many were predicted within 30 %, and how many there are."""
    on_target = count = 0
    left = iter(references)
    while some := list(islice(left, AT_ONCE)):
        rows = EstimateOutcome.objects.filter(reference__in=some).values_list("predicted_p50_tokens", "actual_tokens")
        errors = [relative_error(predicted, actual) for predicted, actual in rows]
        on_target += sum(error <= TARGET_ERROR for error in errors)
        count += len(errors)
    return on_target, count
