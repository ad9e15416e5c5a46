"""Sessions that are like one, and what they say of the tokens that it takes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from dashboard.domain.figures import ago, percent, span, whole
from sessions_app.selectors.alike import AlikeRow, Comparison

Row = dict[str, Any]


def comparison_row(found: Comparison, *, now: datetime) -> Row:
    """Sessions like one, and what those that are over say of the tokens that it may spend."""
    estimate, count = found.estimate, found.estimate.precedents
    prior = f"{whole(estimate.prior_expected_tokens)} tokens, from the shape of the work alone."
    if not count:
        told = f"No session like it has ended after spending tokens. Expected are {prior}"
    else:
        over = "1 like it is over and counts" if count == 1 else f"{count} like it are over and count"
        told = (
            f"A session like this may spend {whole(estimate.expected_tokens)} tokens "
            f"({whole(estimate.low_tokens)} to {whole(estimate.high_tokens)}; {whole(estimate.hold_tokens)} to hold): "
            f"{over} for {percent(estimate.weight)}. Without {'it' if count == 1 else 'them'}: {prior}"
        )
    return {"told": told, "vectors": found.vectors.words, "rows": [_alike(each, now=now) for each in found.rows]}


def _alike(row: AlikeRow, *, now: datetime) -> Row:
    found_by = ["words that begin with " + ", ".join(row.terms)] if row.terms else []
    if row.cosine is not None:
        found_by.append(f"vector, cosine {row.cosine:.2f}")
    return {
        "url": reverse("session-page", args=[row.session_id]),
        "name": row.name,
        "mode": row.mode,
        "score": percent(row.score),
        "found_by": "; ".join(found_by),
        "tokens": whole(row.tokens_used) if row.is_over else f"{whole(row.tokens_used)} so far",
        "lasted": span(timedelta(seconds=row.seconds)),
        "at": ago(row.at, now=now),
    }
