"""Asks for room in a component of a window: granted, granted after a cleanup, in part, or denied. Each is logged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from config.kernel.errors import InvalidInput
from config.kernel.transactions import transactional
from sessions_app.domain.windows import Room, Verdict, allocated, room_of
from sessions_app.domain.words import Component
from sessions_app.models import Event, Instance, Session
from sessions_app.selectors.policies import terms_of
from sessions_app.services.cleanup import compact
from sessions_app.services.log import Draft, active_instance, append, find_event, locked
from sessions_app.services.thinking import thinking_first
from sessions_app.services.windows.admission import is_refusing, window_full
from sessions_app.services.windows.ladder import climb
from sessions_app.services.windows.sizes import components_of, moved, window_of

KIND = "allocation.decided"
REASON = "allocation"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomAsk:
    """Tokens that a component is to be given, of which at least `least_tokens` are of use (0: any)."""

    agent: str
    epoch: int
    component: Component
    tokens: int
    least_tokens: int = 0
    purpose: str = ""
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision: the number of its event and what that tells."""

    seq: int
    facts: Mapping[str, Any]
    was_replayed: bool = False


def allocate(*, session_id: UUID, team_id: int, ask: RoomAsk, actor: str, now: datetime) -> Decided:
    """Decide on an ask for room. What is granted counts as held by the component at once.

    The same `key` again answers with what was decided. Raises Conflict with code `window_full` where the
    window admits nothing new (that is logged as well), `stale_epoch`; InvalidInput.
    """
    if ask.least_tokens > ask.tokens:
        raise InvalidInput("Less is asked for than is of use.", field="least_tokens")
    decided, instance = _decide(session_id, team_id, ask, actor, now)
    if decided.facts["reason"] == "window_full":
        raise window_full(instance)
    return decided


@thinking_first
@transactional
def _decide(session_id: UUID, team_id: int, ask: RoomAsk, actor: str, now: datetime) -> tuple[Decided, Instance]:
    session = locked(session_id, team_id=team_id)
    instance = active_instance(session, ask.agent, epoch=ask.epoch)
    key = f"allocation:{sha256(ask.key.encode()).hexdigest()}" if ask.key else None
    if key and (known := find_event(session, key)) is not None:
        return _replayed(known, ask), instance
    verdict, granted, reason = _verdict(session, instance, ask, actor, now)
    instance.last_seen_at = now
    moved(instance, ask.component, granted)
    facts = {
        "agent": ask.agent,
        "epoch": ask.epoch,
        "component": str(ask.component),
        "asked_tokens": ask.tokens,
        "least_tokens": ask.least_tokens,
        "purpose": ask.purpose,
        "verdict": str(verdict),
        "granted_tokens": granted,
        "reason": reason,
        "component_tokens": instance.component_tokens[ask.component],
        "occupancy_percent": window_of(instance).percent,
    }
    seq = append(session, Draft(kind=KIND, actor=actor, instance=instance, facts=facts, key=key), now=now)
    climb(session, instance, actor=actor, now=now)
    return Decided(seq=seq, facts=facts), instance


def _verdict(session: Session, instance: Instance, ask: RoomAsk, actor: str, now: datetime) -> tuple[Verdict, int, str]:
    """The verdict, tokens granted, and why not all: `component_full`, `window_full` or `no_room`."""
    if is_refusing(session, instance):
        return Verdict.DENIED, 0, "window_full"
    room = _room(session, instance, ask.component)
    was_cleaned = ask.tokens > room.tokens and _made_room(session, instance, ask, room, actor, now)
    if was_cleaned:
        room = _room(session, instance, ask.component)
    verdict, granted = allocated(ask.tokens, ask.least_tokens, room, was_cleaned=was_cleaned)
    if granted == ask.tokens:
        return verdict, granted, ""
    return verdict, granted, "component_full" if room.component <= room.window else "no_room"


def _made_room(session: Session, instance: Instance, ask: RoomAsk, room: Room, actor: str, now: datetime) -> bool:
    """Clean up for what is missing, in the component before the rest of the window; whether that freed anything."""
    before = instance.context_tokens
    if (missing := ask.tokens - room.component) > 0:
        held = components_of(instance)[ask.component]
        compact(
            session,
            instance,
            target_tokens=max(0, held - missing),
            component=ask.component,
            coming_tokens=ask.tokens,
            reason=REASON,
            actor=actor,
            now=now,
        )
    room = _room(session, instance, ask.component)
    # What the share of the component does not hold cannot be granted: nothing else has to leave for it.
    possible = min(ask.tokens, room.component)
    if (missing := possible - room.window) > 0 and possible >= max(1, ask.least_tokens):
        compact(
            session,
            instance,
            target_tokens=max(0, instance.context_tokens - missing),
            coming_tokens=possible,
            reason=REASON,
            actor=actor,
            now=now,
        )
    return instance.context_tokens < before


def _room(session: Session, instance: Instance, component: Component) -> Room:
    return room_of(window_of(instance), components_of(instance), component, terms_of(session))


def _replayed(known: Event, ask: RoomAsk) -> Decided:
    told = (ask.agent, str(ask.component), ask.tokens, ask.least_tokens)
    stored = tuple(known.facts.get(name) for name in ("agent", "component", "asked_tokens", "least_tokens"))
    if known.kind != KIND or told != stored:
        raise InvalidInput("This key was used for another request.", field="Idempotency-Key", code="key_reused")
    return Decided(seq=known.seq, facts=known.facts, was_replayed=True)
