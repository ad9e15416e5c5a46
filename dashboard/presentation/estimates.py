"""How good the estimates of tokens are, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from budgets.domain.estimates import ANY, ENOUGH_OUTCOMES, EstimateTerms, Mode, cold_start
from budgets.selectors import AccuracyFacts
from dashboard.domain import figures
from dashboard.presentation.budgets import counted

Row = dict[str, Any]


def accuracy_page(facts: Sequence[AccuracyFacts], terms: EstimateTerms) -> Row:
    """Everything the page of estimates shows. Each outcome is in one fine group, which the sums are over."""
    fine = [each for each in facts if not each.is_coarse]
    outcomes = sum(each.outcome_count for each in fine)
    learned = [each for each in fine if each.answers]
    return {
        "target": figures.percent(terms.target_share),
        "target_x": f"{100 * terms.target_share:g}",
        "cards": [
            _share_card("Within 30 %", fine, outcomes, "within_target_share", "of predictions, by the outcome"),
            _share_card("Covered by p95", fine, outcomes, "covered_share", "of outcomes stayed below what was held"),
            _card(
                "On target",
                f"{sum(each.meets_target for each in learned)} of {len(learned)}",
                "groups",
                f"reach {figures.percent(terms.target_share)} within 30 %, of those that have learned",
            ),
            _card(
                "Cold",
                str(len(fine) - len(learned)),
                "groups",
                f"with fewer than {ENOUGH_OUTCOMES} outcomes: a coarser group or the documents’ figures answer",
            ),
        ],
        "rows": [accuracy_row(each) for each in facts],
        "cold": [_cold_row(Mode.EXPRESS, 1, terms), *(_cold_row(Mode.COUNCIL, roles, terms) for roles in (1, 2, 3, 5))],
        "rate": f"{terms.learning_rate:g}",
        "adapt_above": figures.percent(terms.adapt_above),
        "margin": f"{terms.margin_tokens:,}",
        "enough": ENOUGH_OUTCOMES,
    }


def _share_card(title: str, fine: Sequence[AccuracyFacts], outcomes: int, name: str, note: str) -> Row:
    share = sum(getattr(each, name) * each.outcome_count for each in fine) / outcomes if outcomes else None
    return _card(title, figures.percent(share), "", f"{note}; {counted(outcomes, 'outcome', 'outcomes')}")


def _card(title: str, value: str, unit: str, note: str) -> Row:
    return {"title": title, "value": value, "unit": unit, "note": note}


def accuracy_row(facts: AccuracyFacts) -> Row:
    """One group: what it predicts, what that rests on, and how right it was against the target."""
    kind = facts.kind
    if facts.answers:
        word, tone = ("on target", "good") if facts.meets_target else ("below target", "warn")
        basis, family = f"learned from {facts.outcome_count:,}", "live"
    else:
        word, tone = "too early to say", "calm"
        basis, family = f"cold start: {facts.outcome_count:,} of {ENOUGH_OUTCOMES} outcomes", "modelled"
    return {
        "work": f"{kind.mode.capitalize()}, {counted(kind.role_count, 'role', 'roles')}",
        "detail": ", ".join(_named(kind.model_class, kind.complexity_band, kind.purpose)),
        "is_coarse": facts.is_coarse,
        "p50": figures.whole(facts.p50_tokens),
        "p95": figures.whole(facts.p95_tokens),
        "count": figures.whole(facts.outcome_count),
        "within": figures.percent(facts.within_target_share),
        "within_width": f"{100 * facts.within_target_share:.1f}",
        "bar": "good" if facts.meets_target else "warn",
        "covered": figures.percent(facts.covered_share),
        "error": figures.percent(facts.mean_error),
        "smoothed": figures.percent(facts.smoothed_error),
        "is_adapting": facts.is_adapting,
        "verdict": word,
        "tone": tone,
        "basis": basis,
        "basis_family": family,
        "updated_at": facts.updated_at.isoformat(),
    }


def _named(model_class: str, band: str, purpose: str) -> list[str]:
    return [
        "any model class" if model_class == ANY else f"class {model_class}",
        "any complexity" if band == ANY else f"{band} complexity",
        "any purpose" if purpose == ANY else purpose.replace("_", " "),
    ]


def _cold_row(mode: Mode, roles: int, terms: EstimateTerms) -> Row:
    cold = cold_start(mode, roles, terms)
    return {
        "work": f"{mode.value.capitalize()}, {counted(roles, 'role', 'roles')}",
        "p50": figures.whole(int(cold.p50_tokens)),
        "p95": figures.whole(int(cold.p95_tokens)),
    }
