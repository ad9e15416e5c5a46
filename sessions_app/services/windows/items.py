"""Things in context windows: loaded, changed, taken out. What leaves is archived before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from django.db.models import Sum

from budgets.services import count_tokens
from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.transactions import transactional
from sessions_app.domain.words import Component, ItemKind
from sessions_app.models import ContextItem, Instance, Session
from sessions_app.services.cleanup import leave
from sessions_app.services.log import Draft, active_instance, append, locked
from sessions_app.services.thinking import thinking_first
from sessions_app.services.windows.admission import is_refusing, require_small_floor, window_full
from sessions_app.services.windows.ladder import climb
from sessions_app.services.windows.sizes import components_of, set_components, window_of

MOST_ITEMS = 2_000
"""Of one window."""
FILLED = [
    "component",
    "kind",
    "text",
    "locator",
    "text_sha256",
    "tokens",
    "original_tokens",
    "is_pinned",
    "status",
    "archive",
    "last_access_at",
]
Status = ContextItem.Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAsk:
    """A thing that comes into a window. Without `tokens` its text is counted.

    `is_counted`: its component was told to hold these tokens already; it grows only if its items need more.
    """

    key: str
    component: Component
    kind: ItemKind
    text: str = ""
    locator: str = ""
    tokens: int | None = None
    is_pinned: bool = False
    is_counted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChange:
    """What changes of an item; None leaves it. `was_used`: the agent looked at it now."""

    is_pinned: bool | None = None
    is_finished: bool | None = None
    was_used: bool = False


def sized(items: Sequence[ItemAsk]) -> list[ItemAsk]:
    """Items with their tokens, counted where nobody told them; do it outside of a transaction.

    Raises InvalidInput naming the item that has neither, or a key that comes twice.
    """
    keys = [each.key for each in items]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise InvalidInput(f"{twice} comes twice.", field="items", code="duplicate")
    for at, each in enumerate(items):
        if each.tokens is None and not each.text:
            raise InvalidInput(f"Say the tokens of {each.key}, or send its text.", field=f"items.{at}.tokens")
    return [each if each.tokens is not None else replace(each, tokens=count_tokens(each.text)) for each in items]


def load_items(
    *, session_id: UUID, team_id: int, agent: str, epoch: int, items: Sequence[ItemAsk], actor: str, now: datetime
) -> list[ContextItem]:
    """Put things into the window of an agent; a key that it has is replaced, and what was there is archived.

    Raises Conflict with code `window_full` where the window admits nothing new or they do not fit into it,
    `pinned_exceed_perpetual`, `stale_epoch`; then nothing is loaded.
    """
    return _load(session_id, team_id, agent, epoch, sized(items), actor, now)


@thinking_first
@transactional
def _load(
    session_id: UUID, team_id: int, agent: str, epoch: int, items: Sequence[ItemAsk], actor: str, now: datetime
) -> list[ContextItem]:
    session = locked(session_id, team_id=team_id)
    instance = active_instance(session, agent, epoch=epoch)
    before, was_full = instance.context_tokens, is_refusing(session, instance)
    instance.last_seen_at = now
    rows, components = put_items(session, instance, items, actor=actor, now=now)
    set_components(instance, components)
    if instance.context_tokens > before and (was_full or window_of(instance).is_over):
        raise window_full(instance)
    if any(each.is_pinned for each in items):
        require_small_floor(session, instance)
    climb(session, instance, actor=actor, now=now)
    return list(ContextItem.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk"))


def put_items(
    session: Session, instance: Instance, items: Sequence[ItemAsk], *, actor: str, now: datetime
) -> tuple[list[ContextItem], dict[str, int]]:
    """Store sized items of the window of a locked session; returns them and what components then hold.

    The caller saves the components. Items that are as they were are only used.
    """
    known = _known(instance, items)
    components = components_of(instance)
    rows: list[ContextItem] = []
    changed: list[ContextItem] = []
    for ask in items:
        row = known.get(ask.key) or _fresh(instance, ask, now)
        if row._state.adding or not _is_same(row, ask):
            if not ask.is_counted:
                components[row.component] = max(0, components[row.component] - row.tokens)
                components[ask.component] += ask.tokens or 0
            _make_way(session, row, ask, now)
            _fill(row, ask)
            changed.append(row)
        row.last_access_at = now
        rows.append(row)
    _save(rows)
    if any(ask.is_counted for ask in items):
        itemised = itemised_tokens(instance)
        components = {name: max(tokens, itemised.get(name, 0)) for name, tokens in components.items()}
    if changed:
        draft = Draft(kind="item.loaded", actor=actor, instance=instance, facts=_facts(instance, changed))
        append(session, draft, now=now)
    return rows, components


def itemised_tokens(instance: Instance) -> dict[str, int]:
    """Tokens of the items of each component."""
    rows = ContextItem.objects.filter(instance=instance).order_by().values_list("component")
    return dict(rows.annotate(sum=Sum("tokens")))


@transactional
def change_item(
    *,
    session_id: UUID,
    team_id: int,
    agent: str,
    epoch: int,
    item_id: int,
    change: ItemChange,
    actor: str,
    now: datetime,
) -> ContextItem:
    """Pin or unpin an item, finish a task, say that it was used.

    Raises Conflict with code `not_whole` where what is to be pinned was shortened or is not in the window,
    `pinned_exceed_perpetual`, `stale_epoch`.
    """
    session = locked(session_id, team_id=team_id)
    instance = active_instance(session, agent, epoch=epoch)
    row = _item(instance, item_id)
    told = {
        name: value
        for name in ("is_pinned", "is_finished")
        if (value := getattr(change, name)) is not None and value != getattr(row, name)
    }
    if told.get("is_pinned") and row.status != Status.LIVE:
        raise Conflict("Restore the whole item first.", field="is_pinned", code="not_whole")
    for name, value in told.items():
        setattr(row, name, value)
    if told or change.was_used:
        row.last_access_at = now
        row.save(update_fields=["is_pinned", "is_finished", "last_access_at"])
    if told.get("is_pinned"):
        require_small_floor(session, instance)
    if told:
        facts = {**_facts(instance, [row]), **told}
        append(session, Draft(kind="item.changed", actor=actor, instance=instance, facts=facts), now=now)
    return row


@thinking_first
@transactional
def unload_item(
    *, session_id: UUID, team_id: int, agent: str, epoch: int, item_id: int, actor: str, now: datetime
) -> ContextItem:
    """Take an item out of a window: the agent dropped it. It is archived before; once more changes nothing.

    Raises Conflict with code `pinned`, `stale_epoch`.
    """
    session = locked(session_id, team_id=team_id)
    instance = active_instance(session, agent, epoch=epoch)
    row = _item(instance, item_id)
    if row.is_pinned:
        raise Conflict("This item is pinned. Unpin it first.", field="item", code="pinned")
    if row.status == Status.UNLOADED:
        return row
    freed = row.tokens
    archive = leave(session, row, strategy="agent", agent=agent, now=now)
    row.status, row.tokens, row.text = Status.UNLOADED, 0, ""
    row.save(update_fields=["archive", "status", "tokens", "text", "text_sha256"])
    instance.last_seen_at = now
    components = components_of(instance)
    set_components(instance, {row.component: max(0, components[row.component] - freed)})
    facts = {**_facts(instance, [row]), "freed_tokens": freed, "archive": archive.pk, "strategy": "agent"}
    append(session, Draft(kind="item.removed", actor=actor, instance=instance, facts=facts), now=now)
    climb(session, instance, actor=actor, now=now)
    return row


def _known(instance: Instance, items: Sequence[ItemAsk]) -> dict[str, ContextItem]:
    """Items of these keys that the window has or had. Raises InvalidInput if there would be too many."""
    keys = {each.key for each in items}
    rows = ContextItem.objects.filter(instance=instance, key__in=keys).select_related("archive", "instance")
    known = {row.key: row for row in rows}
    more = len(keys - set(known))
    if more and ContextItem.objects.filter(instance=instance).count() + more > MOST_ITEMS:
        raise InvalidInput(f"A window has at most {MOST_ITEMS} items.", field="items", code="too_many")
    return known


def _save(rows: Sequence[ContextItem]) -> None:
    """New ones and known ones, each in one statement."""
    known = [row for row in rows if not row._state.adding]
    ContextItem.objects.bulk_create([row for row in rows if row._state.adding])
    if known:
        ContextItem.objects.bulk_update(known, FILLED)


def _fresh(instance: Instance, ask: ItemAsk, now: datetime) -> ContextItem:
    return ContextItem(
        instance=instance,
        key=ask.key,
        component=ask.component,
        tokens=0,
        original_tokens=0,
        created_at=now,
        last_access_at=now,
    )


def _is_same(row: ContextItem, ask: ItemAsk) -> bool:
    """Whether it is in the window as it is told now."""
    told = (ask.component, ask.kind, ask.locator, ask.tokens, ask.is_pinned, _hash(ask.text))
    held = (row.component, row.kind, row.locator, row.tokens, row.is_pinned, row.text_sha256 and bytes(row.text_sha256))
    return row.status == Status.LIVE and told == held


def _make_way(session: Session, row: ContextItem, ask: ItemAsk, now: datetime) -> None:
    """Archive a text that another one takes the place of; what was shortened is in its archive whole."""
    if not row._state.adding and row.status == Status.LIVE and row.text not in ("", ask.text):
        leave(session, row, strategy="replaced", agent=row.instance.agent, now=now)


def _fill(row: ContextItem, ask: ItemAsk) -> None:
    row.component, row.kind, row.text, row.locator = ask.component, ask.kind, ask.text, ask.locator
    row.text_sha256 = _hash(ask.text)
    row.tokens = row.original_tokens = ask.tokens or 0
    row.is_pinned, row.status, row.archive = ask.is_pinned, Status.LIVE, None


def _hash(text: str) -> bytes | None:
    return sha256(text.encode()).digest() if text else None


def _item(instance: Instance, item_id: int) -> ContextItem:
    row = ContextItem.objects.filter(instance=instance, pk=item_id).select_related("instance", "archive").first()
    if row is None:
        raise NotFound("The window of this agent has no such item.", field="item")
    return row


def _facts(instance: Instance, rows: Collection[ContextItem]) -> dict[str, object]:
    shown = [{"id": row.pk, "key": row.key, "component": row.component, "tokens": row.tokens} for row in rows]
    return {"agent": instance.agent, "epoch": instance.epoch, "items": shown}
