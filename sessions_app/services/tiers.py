"""Tiers of the shared state: what is in every prompt, what is loaded on demand, what is in the archive.

Moving an item between tiers changes nothing of the state: the log, its digest and `state at` stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from budgets.services import count_tokens
from config.kernel.errors import Conflict, NotFound
from config.kernel.transactions import transactional
from sessions_app.domain.terms import Memory, SessionTerms
from sessions_app.domain.tiers import Part, fits_hot, least_salient_half, salience
from sessions_app.domain.words import Tier
from sessions_app.models import MOST_HOT_BYTES, Archive, Instance, Session, StateItem
from sessions_app.selectors.archives import read_body
from sessions_app.selectors.events import list_events
from sessions_app.selectors.policies import terms_of
from sessions_app.selectors.state import text_of_item
from sessions_app.services.archiving import keep
from sessions_app.services.log import Draft, append, locked

MOST_TOLD_KEYS = 20
MOST_COLD_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """An item of the state as it was read, and the tier that it is in now."""

    key: str
    tier: str
    value: Any


def offload(session: Session, instance: Instance, *, actor: str, now: datetime) -> int:
    """Move the least salient half of the hot tier of a locked session to the warm one; returns the tokens moved.

    `instance` is the one whose window is filling. Nothing is lost: who asks for an item gets it.
    """
    terms = terms_of(session)
    rows = {row.key: row for row in StateItem.objects.filter(session=session, tier=Tier.HOT)}
    parts = [(_part(row), 0.0) for row in rows.values()]
    weighed = [(part, _salience(session, part, terms, now)) for part, _ in parts]
    for part, worth in weighed:
        rows[part.key].salience = worth
    chosen = least_salient_half(weighed)
    StateItem.objects.bulk_update(rows.values(), ["salience"], batch_size=500)
    _move_to_warm([rows[part.key] for part in chosen])
    tokens = sum(part.tokens for part in chosen)
    _tell(session, Tier.WARM, [part.key for part in chosen], "offload", actor, now, tokens=tokens, agent=instance.agent)
    return tokens


@transactional
def load_items(*, session_id: UUID, team_id: int, keys: Collection[str], actor: str, now: datetime) -> list[Loaded]:
    """Read items of the state by their pointers and warm them up: cold ones become warm, small warm ones hot.

    Raises NotFound naming the first key that the state does not have.
    """
    session = locked(session_id, team_id=team_id)
    found = StateItem.objects.filter(session=session, key__in=keys).select_related("archive")
    rows = {row.key: row for row in found}
    if missing := next((key for key in keys if key not in rows), None):
        raise NotFound(f"The state has no item {missing[:100]}.", field="keys", code="no_such_item")
    warm_up(session, list(rows.values()), actor=actor, now=now)
    return [Loaded(key=key, tier=rows[key].tier, value=json.loads(_text(rows[key]))) for key in dict.fromkeys(keys)]


def warm_up(session: Session, rows: Sequence[StateItem], *, actor: str, now: datetime) -> None:
    """Note that somebody asked for items of a locked session, and bring each a tier nearer."""
    memory = terms_of(session).memory
    nearer: dict[Tier, list[str]] = {Tier.HOT: [], Tier.WARM: []}
    for row in rows:
        row.read_at = now
        if row.tier == Tier.COLD and row.archive is not None:
            row.tier, row.body = Tier.WARM, read_body(row.archive)
            Archive.objects.filter(pk=row.archive.pk).update(restored_at=now)
            nearer[Tier.WARM].append(row.key)
        elif row.tier == Tier.WARM and _fits_hot(row, memory):
            row.tier, row.value, row.body = Tier.HOT, row.body, None
            nearer[Tier.HOT].append(row.key)
        row.save(update_fields=["tier", "value", "body", "read_at"])
    for tier, keys in nearer.items():
        _tell(session, tier, keys, "read", actor, now)


def tend_tiers(session: Session, *, actor: str, now: datetime) -> int:
    """Move what is too large for the hot tier to the warm one, and what nobody used for long into the archive.

    The session is locked. Returns how many items moved.
    """
    large = _too_large(session)
    _move_to_warm(large)
    _tell(session, Tier.WARM, [row.key for row in large], "size", actor, now)
    idle = _idle(session, now)
    for row in idle:
        row.archive = _archived(session, row, now)
        row.tier, row.body, row.value = Tier.COLD, None, None
        row.save(update_fields=["archive", "tier", "body", "value"])
    _tell(session, Tier.COLD, [row.key for row in idle], "idle", actor, now)
    return len(large) + len(idle)


def has_tiers_to_tend(session: Session, *, now: datetime) -> bool:
    """Whether `tend_tiers` would move anything."""
    return bool(_too_large(session) or _idle(session, now))


def _too_large(session: Session) -> list[StateItem]:
    """Hot items that are too large for every prompt. A token has at least a byte: the shorter need not be counted."""
    memory = terms_of(session).memory
    least = min(memory.hot_tokens, memory.hot_bytes)
    hot = StateItem.objects.filter(session=session, tier=Tier.HOT, bytes__gt=least)
    return [row for row in hot if not _fits_hot(row, memory)]


def _archived(session: Session, row: StateItem, now: datetime) -> Archive:
    """The archive of a warm item; one that has come back from it and was not changed since lies there already."""
    if row.archive is not None and _is_whole(row.archive):
        return row.archive
    text = _text(row)
    return keep(
        session,
        kind=Archive.Kind.STATE,
        title=row.key,
        body=text,
        text=f"{row.key}\n{text}",
        tokens=count_tokens(text),
        strategy="idle",
        now=now,
    )


def _is_whole(archive: Archive) -> bool:
    """Whether it can still be read: of a damaged one the item, which is at hand, is archived once more."""
    try:
        read_body(archive)
    except Conflict:
        return False
    return True


def _idle(session: Session, now: datetime) -> list[StateItem]:
    """Warm items that were neither changed nor read for as long as working memory lasts."""
    since = now - timedelta(minutes=terms_of(session).memory.working_minutes)
    warm = StateItem.objects.filter(session=session, tier=Tier.WARM).exclude(read_at__gt=since)
    if first := list_events(session.pk, after=0, since=since, limit=1):  # also where it has left the log already
        warm = warm.filter(changed_seq__lt=first[0].seq)
    return list(warm.select_related("archive").order_by("changed_seq")[:MOST_COLD_AT_ONCE])


def _fits_hot(row: StateItem, memory: Memory) -> bool:
    most_bytes = min(memory.hot_bytes, MOST_HOT_BYTES)
    return fits_hot(_part(row), most_tokens=memory.hot_tokens, most_bytes=most_bytes)


def _move_to_warm(rows: Sequence[StateItem]) -> None:
    for row in rows:
        row.tier, row.body, row.value = Tier.WARM, row.value, None
    StateItem.objects.bulk_update(rows, ["tier", "body", "value"], batch_size=200)


def _text(row: StateItem) -> str:
    if row.value is None and row.body is None and row.archive is not None:
        return read_body(row.archive)
    return text_of_item(row.value, row.body, None)


def _part(row: StateItem) -> Part:
    tokens = count_tokens(row.value or row.body or "")
    return Part(key=row.key, bytes=row.bytes, tokens=tokens, changed_seq=row.changed_seq, read_at=row.read_at)


def _salience(session: Session, part: Part, terms: SessionTerms, now: datetime) -> float:
    return salience(part, head_seq=session.head_seq, now=now, half_life_minutes=terms.memory.working_minutes)


def _tell(
    session: Session, tier: Tier, keys: Sequence[str], reason: str, actor: str, now: datetime, **more: Any
) -> None:
    if not keys:
        return
    facts = {"to": tier.value, "reason": reason, "items": len(keys), "keys": list(keys[:MOST_TOLD_KEYS]), **more}
    append(session, Draft(kind="tier.moved", actor=actor, facts=facts), now=now)
