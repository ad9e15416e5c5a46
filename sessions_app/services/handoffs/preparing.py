"""Preparing a handoff: a successor on standby for every agent, and a plan from what was measured."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Max

from sessions_app.domain.handoff.plans import Preload, plan_order
from sessions_app.domain.words import Phase
from sessions_app.models import HandoffMember, Instance
from sessions_app.services.handoffs.copying import WORKERS
from sessions_app.services.handoffs.held import Held, move
from sessions_app.services.handoffs.history import history_of, score_last, told
from sessions_app.services.handoffs.items import choose, items_of_instances


def prepare(held: Held, *, now: datetime) -> None:
    """Make the targets and the plan, then coordinate."""
    score_last(held.session)
    held.handoff.plan = _plan(held)
    newest = _newest_epochs(held)
    for member in held.members:
        member.target = _standby(member, newest[member.agent] + 1, now)
    HandoffMember.objects.bulk_update(held.members, ["target"])
    move(held, Phase.COORDINATING, now=now, facts={"order": held.handoff.plan["order"]})


def _newest_epochs(held: Held) -> dict[str, int]:
    """Also of targets that never worked: no epoch is used twice."""
    rows = Instance.objects.filter(session=held.session).order_by().values("agent").annotate(newest=Max("epoch"))
    return {row["agent"]: row["newest"] for row in rows}


def _standby(member: HandoffMember, epoch: int, now: datetime) -> Instance:
    source = member.source
    return Instance.objects.create(
        session_id=source.session_id,
        agent=source.agent,
        role=source.role,
        epoch=epoch,
        status=Instance.Status.STANDBY,
        model=source.model,
        window_tokens=source.window_tokens,
        max_output_tokens=source.max_output_tokens,
        created_at=now,
    )


def _plan(held: Held) -> dict[str, Any]:
    """Order and preloading, with what they were made of and what they are expected to gain."""
    history = history_of(held.session)
    items = items_of_instances(each.source_id for each in held.members)
    preloads = {each.agent: choose(held, each, items[each.source_id], history) for each in held.members}
    sizes = {
        each.agent: held.session.state_bytes + sum(len(item.text) for item in items[each.source_id])
        for each in held.members
    }
    order = plan_order(sizes, history, workers=WORKERS)
    return {
        "history": told(history),
        "order": list(order.agents),
        "workers": WORKERS,
        "ms_planned": round(order.ms_planned, 3),
        "ms_by_name": round(order.ms_by_name, 3),
        "ms_one_by_one": round(order.ms_one_by_one, 3),
        "loaded": {agent: len(preload.keys) for agent, preload in preloads.items()},
        "gain": _gain(preloads.values()),
    }


def _gain(preloads: Iterable[Preload]) -> dict[str, int]:
    """Expected tokens of all agents together."""
    names = ("tokens_all", "tokens_planned", "wasted_all", "wasted_planned", "reloaded_none", "reloaded_planned")
    known = list(preloads)
    return {f"{name}_tokens" if name[0] != "t" else name: sum(getattr(each, name) for each in known) for name in names}
