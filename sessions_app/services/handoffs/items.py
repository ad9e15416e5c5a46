"""Items of windows in a handoff: which of them a successor begins with, and an archive of each of the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from config.kernel.sql import write
from sessions_app.domain.handoff.packages import KeptItem, LoadedItem
from sessions_app.domain.handoff.plans import Candidate, History, Preload, plan_preload, sort_of
from sessions_app.models import Archive, ContextItem, HandoffMember, Instance
from sessions_app.services.cleanup import leave
from sessions_app.services.handoffs.held import Held

STRATEGY = "handoff"
CONTINUITY = "handoff/"
"""Keys of the continuity documents that successors began with; a newer one takes their place."""
_ARCHIVED = f"UPDATE {ContextItem._meta.db_table} SET archive_id = %s, text_sha256 = %s WHERE id = %s"  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class Luggage:
    """What one agent takes along, by plan."""

    loaded: tuple[LoadedItem, ...]
    kept: tuple[KeptItem, ...]
    preload: Preload


def items_of_instances(instances: Iterable[int], *, with_texts: bool = True) -> dict[int, list[ContextItem]]:
    """Items by instance, in one query: without their texts where only sizes are of interest, full windows are large."""
    found: dict[int, list[ContextItem]] = {each: [] for each in instances}
    unread = ["created_at"] if with_texts else ["created_at", "text"]
    for row in ContextItem.objects.filter(instance__in=list(found)).order_by("id").defer(*unread):
        found[row.instance_id].append(row)
    return found


def room_tokens(held: Held, instance: Instance) -> int:
    """Context that a successor begins with at most by plan: a gain below the first rung, less its document."""
    terms = held.terms
    percent = terms.ladder.warn_percent - terms.ladder.least_gain_percent
    room = instance.window_tokens * percent // 100 - instance.max_output_tokens
    return max(0, room - terms.checkpoints.continuity_tokens)


def choose(held: Held, member: HandoffMember, items: Sequence[ContextItem], history: History) -> Preload:
    """Which items of its source a successor begins with."""
    candidates = [
        Candidate(key=each.key, sort=sort_of_item(held, each), tokens=each.tokens, is_pinned=each.is_pinned)
        for each in items
        if each.is_pinned or is_candidate(each)
    ]
    return plan_preload(candidates, history, room_tokens=room_tokens(held, member.source))


def is_candidate(item: ContextItem) -> bool:
    """Whether an item is in the window and no continuity document of an earlier handoff."""
    return item.status != ContextItem.Status.UNLOADED and not item.key.startswith(CONTINUITY)


def sort_of_item(held: Held, item: ContextItem) -> str:
    """The sort that it is counted under: it is recent if it was used lately when the handoff began."""
    since = held.handoff.started_at - timedelta(minutes=held.terms.cleanup.keep_whole_minutes)
    return sort_of(item.kind, is_recent=item.last_access_at >= since)


def pack_luggage(held: Held, member: HandoffMember, items: Sequence[ContextItem], history: History) -> Luggage:
    """Choose what is loaded and archive the rest, which stays in the window of the source until the switch.

    What is archived already and still the same is not archived again.
    """
    preload = choose(held, member, items, history)
    kept = [each for each in items if each.key not in preload.keys]
    _archive(held, member, [each for each in kept if each.status != ContextItem.Status.UNLOADED])
    return Luggage(
        loaded=tuple(_loaded(each) for each in items if each.key in preload.keys),
        kept=tuple(_kept(each) for each in kept),
        preload=preload,
    )


def _archive(held: Held, member: HandoffMember, items: Sequence[ContextItem]) -> None:
    known, changed = _known_archives(items), []
    for item in items:
        archive = known.get(item.archive_id or 0)
        item.archive = archive
        if archive is not None and not item.text and archive.text == f"{item.key}\n{item.locator}":
            continue  # only where it lies is known, and that is archived
        if leave(held.session, item, strategy=STRATEGY, agent=member.agent, now=held.session.last_event_at) != archive:
            changed.append(item)
    write((_ARCHIVED, [each.archive_id, each.text_sha256, each.pk]) for each in changed)


def _known_archives(items: Sequence[ContextItem]) -> dict[int, Archive]:
    """Archives of items by number, without the words of those whose item has them."""
    kept = [each for each in items if each.archive_id is not None]
    long = Archive.objects.defer("text").in_bulk([each.archive_id for each in kept if each.text])
    return long | Archive.objects.in_bulk([each.archive_id for each in kept if not each.text])


def _loaded(item: ContextItem) -> LoadedItem:
    return LoadedItem(
        key=item.key,
        component=item.component,
        kind=item.kind,
        tokens=item.tokens,
        is_pinned=item.is_pinned,
        text=item.text,
        locator=item.locator,
    )


def _kept(item: ContextItem) -> KeptItem:
    return KeptItem(
        key=item.key,
        component=item.component,
        kind=item.kind,
        tokens_before=item.tokens,
        tokens=item.original_tokens,
        archive=item.archive_id or 0,
    )
