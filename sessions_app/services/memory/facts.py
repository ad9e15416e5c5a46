"""Facts of a session: recorded, replaced by newer ones, pinned. Never changed, never summarised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Max

from budgets.services import count_tokens
from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.transactions import transactional
from sessions_app.domain.words import FactKind
from sessions_app.models import Fact, Instance, Session
from sessions_app.selectors.policies import terms_of
from sessions_app.services.log import Draft, active_instance, append, locked

LONGEST_FACT_CHARACTERS = 1000
MOST_FACTS = 10_000
PINNED_SHARE = 2
"""Pinned facts take at most one in so many tokens of a continuity document: the rest has to fit too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactAsk:
    """A fact to record; `supersedes` is the number of the one whose place it takes."""

    kind: FactKind
    text: str
    is_pinned: bool = False
    supersedes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Who tells; as an agent, in which epoch it believes itself to be."""

    actor: str
    agent: str = ""
    epoch: int | None = None


@transactional
def record_fact(*, session_id: UUID, team_id: int, ask: FactAsk, teller: Teller, now: datetime) -> int:
    """Record a fact and return its number. Raises as `add_fact` does, and Conflict `stale_epoch`."""
    session = locked(session_id, team_id=team_id)
    if teller.agent:
        active_instance(session, teller.agent, epoch=teller.epoch)
    fact = add_fact(
        session,
        kind=ask.kind,
        text=ask.text,
        agent=teller.agent,
        is_pinned=ask.is_pinned,
        actor=teller.actor,
        now=now,
        supersedes=ask.supersedes,
    )
    return fact.number


@transactional
def supersede_fact(
    *, session_id: UUID, team_id: int, number: int, text: str, kind: FactKind | None, teller: Teller, now: datetime
) -> int:
    """Put a newer fact in the place of `number`, of its kind unless told otherwise; return the newer one's number."""
    session = locked(session_id, team_id=team_id)
    if teller.agent:
        active_instance(session, teller.agent, epoch=teller.epoch)
    old = _current(session, number)
    fact = add_fact(
        session,
        kind=kind or FactKind(old.kind),
        text=text,
        agent=teller.agent,
        actor=teller.actor,
        now=now,
        supersedes=number,
    )
    return fact.number


@transactional
def pin_fact(*, session_id: UUID, team_id: int, number: int, is_pinned: bool, actor: str, now: datetime) -> None:
    """Pin a fact, or take its pin away. Raises Conflict `superseded`, InvalidInput `pins_full`."""
    session = locked(session_id, team_id=team_id)
    fact = _current(session, number)
    if fact.is_pinned == is_pinned:
        return
    if is_pinned:
        _require_room(session, fact.text)
    fact.is_pinned = is_pinned
    fact.save(update_fields=["is_pinned"])
    facts = {"number": number, "is_pinned": is_pinned}
    append(session, Draft(kind="fact.pinned", actor=actor, facts=facts), now=now)


def add_fact(  # a row, column by column
    session: Session,
    *,
    kind: str,
    text: str,
    agent: str = "",
    is_pinned: bool = False,
    actor: str,
    now: datetime,
    supersedes: int | None = None,
) -> Fact:
    """Record a fact of a locked session, in the caller's transaction.

    What takes the place of a pinned fact is pinned. Raises InvalidInput naming `text` or `is_pinned`,
    NotFound naming `supersedes`, Conflict `superseded` if another fact has taken that place already.
    """
    words = " ".join(text.split())
    _require_words(words)
    old = _current(session, supersedes) if supersedes is not None else None
    pinned = is_pinned or (old is not None and old.is_pinned)
    if pinned:
        _require_room(session, words, instead_of=old)
    number = (Fact.objects.filter(session=session).aggregate(last=Max("number"))["last"] or 0) + 1
    if number > MOST_FACTS:
        raise InvalidInput(f"A session has at most {MOST_FACTS} facts.", code="too_many")
    told = {"number": number, "kind": kind, "text": words, "is_pinned": pinned}
    if old is not None:
        told["supersedes"] = old.number
    instance = Instance.objects.filter(session=session, agent=agent, status=Instance.Status.ACTIVE).first()
    draft = Draft(kind="fact.recorded", actor=actor, instance=instance if agent else None, facts=_told(told, agent))
    seq = append(session, draft, now=now)
    fact = Fact.objects.create(
        session=session,
        number=number,
        kind=kind,
        text=words,
        agent=agent,
        is_pinned=pinned,
        from_seq=seq,
        at=session.last_event_at,
    )
    if old is not None:
        old.superseded_by = fact
        old.save(update_fields=["superseded_by"])
    return fact


def _told(facts: dict[str, Any], agent: str) -> dict[str, Any]:
    return {**facts, "agent": agent} if agent else facts


def _require_words(text: str) -> None:
    if not text:
        raise InvalidInput("A fact says something.", field="text", code="blank")
    if len(text) > LONGEST_FACT_CHARACTERS:
        detail = f"A fact has at most {LONGEST_FACT_CHARACTERS} characters. Keep the rest in the state or in a file."
        raise InvalidInput(detail, field="text", code="too_long")


def _require_room(session: Session, text: str, *, instead_of: Fact | None = None) -> None:
    """Pinned facts stand in every prompt and continuity document: there is a limit to them."""
    rows = Fact.objects.filter(session=session, is_pinned=True, superseded_by=None)
    if instead_of is not None:
        rows = rows.exclude(pk=instead_of.pk)
    room = terms_of(session).checkpoints.continuity_tokens // PINNED_SHARE
    pinned = count_tokens("\n".join([*rows.values_list("text", flat=True), text]))
    if pinned > room:
        detail = f"Pinned facts would take {pinned} tokens, more than {room}. Take the pin from another fact."
        raise InvalidInput(detail, field="is_pinned", code="pins_full")


def _current(session: Session, number: int) -> Fact:
    fact = Fact.objects.filter(session=session, number=number).select_related("superseded_by").first()
    if fact is None:
        raise NotFound("The session has no fact of that number.", field="supersedes")
    if fact.superseded_by is not None:
        raise Conflict(
            f"Fact {fact.superseded_by.number} has taken the place of {number} already.",
            field="supersedes",
            code="superseded",
            superseded_by=fact.superseded_by.number,
        )
    return fact
