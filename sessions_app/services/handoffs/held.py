"""A handoff under the lock of its session: reading how it stands, moving it on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from config.kernel.errors import NotFound
from sessions_app.domain.handoff.transitions import Standing, Votes, sane_deadline, seconds_of
from sessions_app.domain.terms import SessionTerms
from sessions_app.domain.words import Phase, Protocol
from sessions_app.models import Event, Handoff, HandoffMember, Session
from sessions_app.selectors.policies import terms_of
from sessions_app.services.log import Draft, append, locked

OWN_KINDS = "handoff."
"""Events of the handoff itself: they are no reason to transfer again."""
ACTOR = "handoff"
LONGEST_FAILURE = 300


@dataclass(slots=True)
class Held:
    """A session and its handoff, both locked, with the members in the order of their names."""

    session: Session
    handoff: Handoff
    members: list[HandoffMember]

    @property
    def terms(self) -> SessionTerms:
        """What the session runs under."""
        return terms_of(self.session)

    @property
    def protocol(self) -> Protocol:
        """How it waits."""
        return Protocol(self.handoff.protocol)

    @property
    def phase(self) -> Phase:
        """Where it stands."""
        return Phase(self.handoff.phase)


def hold(handoff_id: int) -> Held:
    """Lock a handoff, its session first. Raises NotFound."""
    session_id = Handoff.objects.filter(pk=handoff_id).values_list("session_id", flat=True).first()
    if session_id is None:
        raise NotFound("There is no such handoff.", field="handoff")
    return hold_in(locked(session_id, may_be_ended=True), handoff_id)


def hold_in(session: Session, handoff_id: int) -> Held:
    """Lock a handoff of a session that is locked: it goes on with the row that its caller has."""
    handoff = Handoff.objects.select_for_update().get(pk=handoff_id)
    return Held(session, handoff, _members(handoff))


def look(handoff_id: int) -> Held:
    """The same without a lock: what is seen may have changed."""
    handoff = Handoff.objects.select_related("session").get(pk=handoff_id)
    return Held(handoff.session, handoff, _members(handoff))


def _members(handoff: Handoff) -> list[HandoffMember]:
    """Without their packages: those are large, and few steps need them."""
    return list(handoff.members.select_related("source", "target").defer("package").order_by("agent"))


def standing_of(held: Held, *, now: datetime) -> Standing:
    """The handoff as the transition function reads it. Brings its deadline near again if a clock stepped back."""
    handoff = held.handoff
    seconds = seconds_of(held.phase, held.protocol, held.terms.handoffs)
    sane = sane_deadline(handoff.deadline_at, seconds=seconds, now=now)
    if sane != handoff.deadline_at:
        handoff.deadline_at = sane
        handoff.save(update_fields=["deadline_at"])
    votes = [each.vote for each in held.members]
    return Standing(
        protocol=held.protocol,
        phase=held.phase,
        votes=Votes(
            ready=votes.count(HandoffMember.Vote.READY),
            refused=votes.count(HandoffMember.Vote.REFUSED),
            agents=len(votes),
        ),
        quorum_percent=handoff.quorum_percent,
        deadline_at=handoff.deadline_at,
        rounds=handoff.rounds,
        has_moved=held.phase == Phase.VALIDATING and has_moved(held),
        has_passed=handoff.checks.get("passed") if handoff.checks.get("seq") == handoff.copied_seq else None,
        is_session_open=held.session.status == Session.Status.OPEN,
    )


def has_moved(held: Held) -> bool:
    """Whether anything but the handoff itself was written since the last transfer.

    Its own checkpoints change nothing, and one more is made where two processes transfer at once.
    """
    later = Event.objects.filter(session=held.session, seq__gt=held.handoff.copied_seq)
    return later.exclude(kind__startswith=OWN_KINDS).exclude(kind="checkpoint.made", actor=ACTOR).exists()


def move(held: Held, phase: Phase, *, now: datetime, facts: dict[str, Any]) -> None:
    """Let it enter a phase and tell it. The time for the transfer begins with the first one."""
    handoff = held.handoff
    if phase == Phase.TRANSFERRING and handoff.rounds == 0:
        handoff.deadline_at = now + timedelta(seconds=seconds_of(phase, held.protocol, held.terms.handoffs))
    handoff.phase, handoff.moved_at = phase, now
    handoff.save()
    told = {"handoff": handoff.number, "phase": phase.value, **facts}
    append(held.session, Draft(kind="handoff.moved", actor=ACTOR, facts=told), now=now)


@contextmanager
def measured(handoff: Handoff, name: str) -> Iterator[None]:
    """Add the milliseconds that a block takes to a measure of the handoff, which the caller saves."""
    began = time.perf_counter()
    yield
    spent = (time.perf_counter() - began) * 1000
    handoff.measures[name] = round(handoff.measures.get(name, 0.0) + spent, 3)
