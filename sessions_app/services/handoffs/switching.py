"""The switch: one transaction in which every source retires and every target takes over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from budgets.services import count_tokens
from sessions_app.domain.words import Component, ItemKind, Phase
from sessions_app.models import ContextItem, HandoffMember, Instance, InstanceHold
from sessions_app.models.sessions import no_tokens
from sessions_app.services.handoffs.copying import target_of, text_of
from sessions_app.services.handoffs.held import ACTOR, Held
from sessions_app.services.handoffs.items import CONTINUITY, is_candidate, items_of_instances, sort_of_item
from sessions_app.services.log import Draft, append

MOST_SCORED_ITEMS = 200
"""Items of an agent whose use by the successor is measured."""


def switch(held: Held, loaded: Mapping[str, frozenset[str]], now: datetime) -> None:
    """Let the successors of a locked session take over: items, budgets and open holds go along, once.

    The continuity document stands in their windows; it is billed by nobody here, but as input of the
    first call that a successor reports.
    """
    document = text_of(held.handoff.checkpoint.document or {} if held.handoff.checkpoint else {})
    tokens = count_tokens(document)
    items = items_of_instances((each.source_id for each in held.members), with_texts=False)
    held.handoff.plan["sorts"] = {each.agent: _sorts(held, items[each.source_id]) for each in held.members}
    holds = _move_holds(held.members)
    _retire([each.source for each in held.members], now)
    for member in held.members:
        _move_items(member, loaded[member.agent])
    ContextItem.objects.bulk_create(_documents(held, document, tokens, now))
    kept_in_window = [
        [item for item in items[each.source_id] if item.key in loaded[each.agent]] for each in held.members
    ]
    _activate(held.members, kept_in_window, tokens, now)
    _finish(held, holds, now)


def _sorts(held: Held, items: Sequence[ContextItem]) -> dict[str, str]:
    newest = [each for each in items if is_candidate(each)][-MOST_SCORED_ITEMS:]
    return {each.key: sort_of_item(held, each) for each in newest}


def _retire(sources: Sequence[Instance], now: datetime) -> None:
    Instance.objects.filter(pk__in=[each.pk for each in sources]).update(
        status=Instance.Status.RETIRED, retired_at=now, budget=None
    )


def _move_holds(members: Sequence[HandoffMember]) -> int:
    """Open holds go over to the successors; returns how many."""
    return sum(
        InstanceHold.objects.filter(instance=each.source_id, is_open=True).update(instance=each.target_id)
        for each in members
    )


def _move_items(member: HandoffMember, loaded: frozenset[str]) -> None:
    """All items go along. What is not loaded leaves the window: its archive is noted in its row already."""
    items = ContextItem.objects.filter(instance=member.source_id)
    items.exclude(status=ContextItem.Status.UNLOADED).exclude(key__in=loaded).update(
        status=ContextItem.Status.UNLOADED, tokens=0, text=""
    )
    items.update(instance=member.target_id)


def _documents(held: Held, document: str, tokens: int, now: datetime) -> list[ContextItem]:
    return [
        ContextItem(
            instance=target_of(each),
            key=f"{CONTINUITY}{held.handoff.number}/continuity",
            component=Component.WORKING_MEMORY,
            kind=ItemKind.SUMMARY,
            text=document,
            tokens=tokens,
            original_tokens=tokens,
            created_at=now,
            last_access_at=now,
        )
        for each in held.members
    ]


def _activate(
    members: Sequence[HandoffMember], loaded: Sequence[Sequence[ContextItem]], tokens: int, now: datetime
) -> None:
    """`loaded` are the items of each, `tokens` those of the document."""
    for member, items in zip(members, loaded, strict=True):
        target, components = target_of(member), no_tokens()
        for item in items:
            components[item.component] += item.tokens
        components[Component.WORKING_MEMORY] += tokens
        target.component_tokens, target.context_tokens = components, sum(components.values())
        target.status, target.activated_at = Instance.Status.ACTIVE, now
        target.budget_id = member.source.budget_id
    Instance.objects.bulk_update(
        [target_of(each) for each in members],
        ["component_tokens", "context_tokens", "status", "activated_at", "budget"],
    )


def _finish(held: Held, holds: int, now: datetime) -> None:
    """The event of the switch, and the end of the handoff. Packages of earlier ones are not needed any more."""
    handoff = held.handoff
    agents = [_told(each) for each in held.members]
    facts: dict[str, Any] = {"handoff": handoff.number, "agents": agents, "holds": holds, "rounds": handoff.rounds}
    seq = append(held.session, Draft(kind="handoff.completed", actor=ACTOR, facts=facts), now=now)
    handoff.phase, handoff.switched_seq = Phase.COMPLETE, seq
    handoff.moved_at = handoff.finished_at = now
    handoff.save()
    earlier = HandoffMember.objects.filter(handoff__session=held.session, package__isnull=False)
    earlier.exclude(handoff=handoff).update(package=None)


def _told(member: HandoffMember) -> dict[str, Any]:
    target = target_of(member)
    return {
        "agent": member.agent,
        "epoch_from": member.source.epoch,
        "epoch_to": target.epoch,
        "context_before": member.source.context_tokens,
        "context_after": target.context_tokens,
    }
