"""What happened in a session, as its analysis reads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from statistics import fmean, median
from typing import Any
from uuid import UUID

from budgets import selectors as budgets
from sessions_app.domain.analysis import BudgetFacts, Evidence, Refused
from sessions_app.domain.words import Component, Rung
from sessions_app.models import Event, Instance, Session, Usage
from sessions_app.selectors.policies import terms_of
from sessions_app.selectors.state import archived_lines

MOST_CALLS = 20_000
SHARE_REASONS = ("component_full",)
TOLD = ("rung.reached", "allocation.decided", "cleanup.done", "checkpoint.made")
CRITICAL = ("critical", "emergency")


def told(session: Session, kinds: Collection[str], *, since: datetime | None = None) -> Iterator[tuple[str, Any]]:
    """Kinds and facts of a session's events since a time, oldest first, from its archives and from its log."""
    rows = Event.objects.filter(session=session, kind__in=list(kinds))
    if since is not None:
        rows = rows.filter(at__gt=since)
    # The log first: what is archived meanwhile is then in both, and neither missed nor told twice.
    recent = list(rows.order_by("seq").values_list("seq", "kind", "facts"))
    known = {seq for seq, _, _ in recent}
    for line in archived_lines(session.pk, 0, session.head_seq):
        is_new = since is None or datetime.fromisoformat(line["at"]) > since
        if is_new and line["kind"] in kinds and line["seq"] not in known:
            yield line["kind"], line["facts"]
    yield from ((kind, facts) for _, kind, facts in recent)


def evidence_of(session: Session, *, since: datetime | None = None) -> Evidence:
    """What happened since a time, or since the session began."""
    instances = {each.pk: each for each in Instance.objects.filter(session=session)}
    bases = {(each.agent, each.epoch): each.window_tokens - each.max_output_tokens for each in instances.values()}
    by_kind: dict[str, list[Any]] = defaultdict(list)
    for kind, facts in told(session, TOLD, since=since):
        by_kind[kind].append(facts)
    calls = _calls(session.pk, since)
    return Evidence(
        calls=len(calls),
        call_tokens=median(tokens for _, tokens, _ in calls) if calls else 0.0,
        growth_percents=_growths(calls, instances),
        emergencies=sum(facts.get("rung") == Rung.EMERGENCY for facts in by_kind["rung.reached"]),
        checkpoints=sum(facts.get("reason") == "tokens" for facts in by_kind["checkpoint.made"]),
        allocations=len(by_kind["allocation.decided"]),
        refusals=[_refused(facts, bases) for facts in by_kind["allocation.decided"] if _is_refusal(facts)],
        component_use=_use(session, instances.values()),
        cleanups=[runs for facts in by_kind["cleanup.done"] if (runs := facts.get("freed_by_strategy"))],
        budgets=_budgets(session, instances.values()),
    )


def _calls(session_id: UUID, since: datetime | None) -> list[tuple[int, int, int]]:
    """Instance, tokens and context after each call, oldest first."""
    rows = Usage.objects.filter(session=session_id)
    if since is not None:
        rows = rows.filter(at__gt=since)
    newest = rows.order_by("-seq").values_list("instance_id", "input_tokens", "output_tokens", "context_tokens")
    return [(instance, taken + given, held) for instance, taken, given, held in reversed(newest[:MOST_CALLS])]


def _growths(calls: list[tuple[int, int, int]], instances: dict[int, Instance]) -> list[float]:
    last: dict[int, int] = {}
    found = []
    for instance_id, _, held in calls:
        if instance_id in last and held >= last[instance_id]:
            found.append(100 * (held - last[instance_id]) / instances[instance_id].window_tokens)
        last[instance_id] = held
    return found


def _is_refusal(facts: dict[str, Any]) -> bool:
    return facts.get("reason") in SHARE_REASONS and facts["granted_tokens"] < facts["asked_tokens"]


def _refused(facts: dict[str, Any], bases: dict[tuple[str, int], int]) -> Refused:
    return Refused(
        component=Component(facts["component"]),
        missing_tokens=facts["asked_tokens"] - facts["granted_tokens"],
        base_tokens=bases.get((facts["agent"], facts["epoch"]), 0),
    )


def _use(session: Session, instances: Collection[Instance]) -> dict[Component, float | None]:
    """The mean share of its maximum that each component holds: of every life of every agent, as it stands or stood."""
    shares = terms_of(session).shares.percent
    lived = [each for each in instances if each.context_tokens]
    found: dict[Component, float | None] = {}
    for component in Component:
        uses = [
            each.component_tokens.get(component, 0)
            / ((each.window_tokens - each.max_output_tokens) * shares[component] / 100)
            for each in lived
        ]
        found[component] = fmean(uses) if uses else None
    return found


def _budgets(session: Session, instances: Collection[Instance]) -> list[BudgetFacts]:
    ids = {each for each in (session.budget_id, *(one.budget_id for one in instances)) if each is not None}
    states = [budgets.get_budget(each) for each in sorted(ids)]
    return [
        BudgetFacts(
            id=str(each.id),
            name=each.name,
            limit=each.base_limit,
            used_percent=each.used_percent,
            is_critical=each.status in CRITICAL,
        )
        for each in states
    ]
