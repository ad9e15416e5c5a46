"""What a session cost, where it ran out of room, how good its estimates were."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, median
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Sum

from sessions_app.domain.foresight_scores import Accuracy
from sessions_app.models import Checkpoint, Handoff, Proposal, Session, Usage
from sessions_app.selectors.evidence import told
from sessions_app.selectors.foresight import get_accuracy

TOP = 10
MOST_ESTIMATES = 5000
TARGET_ERROR = 0.3
TOLD = ("rung.reached", "allocation.decided", "cleanup.done", "exhaustion.foreseen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What calls of one name took; `share` is of the session's tokens, 0..1."""

    name: str
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    share: float

    @property
    def tokens(self) -> int:
        """In and out."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateErrors:
    """How far estimates of calls were off. `covered`: share of calls that took no more than foreseen."""

    operation: str
    calls: int
    mean_error: float
    median_error: float
    within_target: float
    covered: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExhaustionFacts:
    """How often windows and components ran out of room."""

    rungs: dict[str, dict[str, int]]
    allocations: dict[str, dict[str, int]]
    foreseen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupFacts:
    """What compactions freed, by strategy, in tokens."""

    runs: int
    freed_tokens: int
    by_strategy: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReport:
    """The analysis of a session at a point of its log. Lists name the ten that cost most."""

    session_id: UUID
    at: datetime
    seq: int
    total: Cost
    by_operation: list[Cost]
    by_subject: list[Cost]
    by_agent: list[Cost]
    by_component: list[Cost]
    exhaustion: ExhaustionFacts
    cleanup: CleanupFacts
    estimates: list[EstimateErrors]
    forecast_accuracy: Accuracy
    checkpoints: dict[str, int]
    handoffs: dict[str, int]
    proposals: dict[str, int]


def get_report(session_id: UUID, *, now: datetime) -> SessionReport:
    """The report of a session as it stands."""
    session = Session.objects.get(pk=session_id)
    total = _costs(session.pk, None, 0)[0]
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for kind, facts in told(session, TOLD):
        by_kind[kind].append(facts)
    return SessionReport(
        session_id=session.pk,
        at=now,
        seq=session.head_seq,
        total=total,
        by_operation=_costs(session.pk, "operation", total.tokens),
        by_subject=_costs(session.pk, "subject", total.tokens),
        by_agent=_costs(session.pk, "instance__agent", total.tokens),
        by_component=_costs(session.pk, "component", total.tokens),
        exhaustion=ExhaustionFacts(
            rungs=_counted(by_kind["rung.reached"], "agent", "rung"),
            allocations=_counted(by_kind["allocation.decided"], "component", "verdict"),
            foreseen=len(by_kind["exhaustion.foreseen"]),
        ),
        cleanup=_cleanup(by_kind["cleanup.done"]),
        estimates=_estimates(session.pk),
        forecast_accuracy=get_accuracy(session),
        checkpoints=_by(Checkpoint.objects.filter(session=session).values_list("reason", flat=True)),
        handoffs=_by(Handoff.objects.filter(session=session).values_list("phase", flat=True)),
        proposals=_by(Proposal.objects.filter(session=session).values_list("status", flat=True)),
    )


def _costs(session_id: UUID, column: str | None, total: int) -> list[Cost]:
    """Sums by a column, what costs most first; of all in one without."""
    sums = {
        "calls": Count("id"),
        "taken": Sum("input_tokens", default=0),
        "cached": Sum("cached_tokens", default=0),
        "given": Sum("output_tokens", default=0),
    }
    usages = Usage.objects.filter(session=session_id)
    if column is None:
        return [_cost("", usages.aggregate(**sums), 0)]
    rows = usages.exclude(**{column: ""}).order_by().values(name=F(column)).annotate(**sums)
    return [_cost(row["name"], row, total) for row in rows.order_by(-(F("taken") + F("given")), "name")[:TOP]]


def _cost(name: str, row: dict[str, Any], total: int) -> Cost:
    tokens = row["taken"] + row["given"]
    share = tokens / total if total else float(tokens > 0)
    return Cost(
        name=name,
        calls=row["calls"],
        input_tokens=row["taken"],
        cached_tokens=row["cached"],
        output_tokens=row["given"],
        share=round(share, 4),
    )


def _counted(rows: list[dict[str, Any]], outer: str, inner: str) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for facts in rows:
        found[str(facts.get(outer, ""))][str(facts.get(inner, ""))] += 1
    return {name: dict(counts) for name, counts in sorted(found.items())}


def _cleanup(rows: list[dict[str, Any]]) -> CleanupFacts:
    freed: Counter[str] = Counter()
    for facts in rows:
        freed.update(facts.get("freed_by_strategy", {}))
    return CleanupFacts(runs=len(rows), freed_tokens=sum(freed.values()), by_strategy=dict(freed.most_common()))


def _estimates(session_id: UUID) -> list[EstimateErrors]:
    rows = Usage.objects.filter(session=session_id, estimated_tokens__isnull=False).order_by("-seq")
    values = rows.values_list("operation", "estimated_tokens", "input_tokens", "output_tokens")[:MOST_ESTIMATES]
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for operation, estimated, taken, given in values:
        found[operation].append((estimated or 0, taken + given))
    return sorted((_errors(name, pairs) for name, pairs in found.items()), key=lambda each: -each.calls)[:TOP]


def _errors(operation: str, pairs: list[tuple[int, int]]) -> EstimateErrors:
    errors = [abs(estimated - actual) / max(1, actual) for estimated, actual in pairs]
    return EstimateErrors(
        operation=operation,
        calls=len(pairs),
        mean_error=round(fmean(errors), 4),
        median_error=round(median(errors), 4),
        within_target=round(sum(error <= TARGET_ERROR for error in errors) / len(errors), 4),
        covered=round(sum(actual <= estimated for estimated, actual in pairs) / len(pairs), 4),
    )


def _by(values: Any) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
