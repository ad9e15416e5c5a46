"""Print how good estimates were, from the outcomes that were learned from."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from budgets.selectors import AccuracyFacts, list_accuracy

HEAD = (
    *("mode", "roles", "complexity", "model", "purpose"),
    *("n", "within 30 %", "p95 covers", "mean error", "p50", "p95", ""),
)


class Command(BaseCommand):
    help = "Print the accuracy of estimates by group: what was predicted when work was asked for, and what it took."

    def handle(self, *args: Any, **options: Any) -> None:
        facts = list_accuracy()
        if not facts:
            self.stdout.write("No settled work was learned from yet.")
            return
        rows = [HEAD, *(_row(each) for each in facts)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
        for row in rows:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        self.stdout.write(_summary(facts))


def _row(facts: AccuracyFacts) -> tuple[str, ...]:
    kind = facts.kind
    notes = (
        "" if facts.meets_target else f"below {facts.target_share:.0%}",
        "learns twice as fast" if facts.is_adapting else "",
        "" if facts.answers else "too few to answer",
    )
    return (
        kind.mode,
        str(kind.role_count),
        kind.complexity_band,
        kind.model_class,
        kind.purpose,
        str(facts.outcome_count),
        f"{facts.within_target_share:.1%}",
        f"{facts.covered_share:.1%}",
        f"{facts.mean_error:.1%}",
        f"{facts.p50_tokens:,}",
        f"{facts.p95_tokens:,}",
        ", ".join(note for note in notes if note),
    )


def _summary(facts: list[AccuracyFacts]) -> str:
    """Over all work: the coarsest groups hold every outcome once."""
    widest = [each for each in facts if each.is_widest]
    count = sum(each.outcome_count for each in widest)
    within = sum(each.within_target_share * each.outcome_count for each in widest) / count
    covered = sum(each.covered_share * each.outcome_count for each in widest) / count
    return (
        f"All: {count:,} outcomes, {within:.1%} within 30 % (target {widest[0].target_share:.0%}),"
        f" {covered:.1%} below p95 (meant: 95 %). * is any."
    )
