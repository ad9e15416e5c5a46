"""What a handoff does next. One pure function: whoever carries it on, after whatever crash, does the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sessions_app.domain.terms import Handoffs
from sessions_app.domain.words import Phase, Protocol

LONGEST_REST_SECONDS = 3600
FAILED = "What the successors would begin with did not pass the checks."


class Action(StrEnum):
    """What is to be done now."""

    WAIT = "wait"
    PREPARE = "prepare"
    TRANSFER = "transfer"
    COPY = "copy"
    CHECK = "check"
    SWITCH = "switch"
    SWITCH_PAUSED = "switch_paused"
    ABORT = "abort"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Votes:
    """How the agents of a handoff have answered."""

    ready: int
    refused: int
    agents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A handoff as it stands.

    `rounds` transfers were made. `has_moved`: something but the handoff itself was written since the last
    one. `has_passed`: what the checks of the last transfer found, None before they were made.
    """

    protocol: Protocol
    phase: Phase
    votes: Votes
    quorum_percent: int
    deadline_at: datetime
    rounds: int
    has_moved: bool
    has_passed: bool | None
    is_session_open: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to do, and of an abort why."""

    action: Action
    why: str = ""


def next_step(standing: Standing, *, terms: Handoffs, now: datetime) -> Step:
    """What a handoff does next.

    It coordinates until its quorum is there, cannot be reached any more, or its deadline has passed; an
    emergency waits for nobody. It transfers again while the state moves, `most_rounds` times at most, and
    an emergency until its deadline: then it transfers the rest within the switch, when nobody can write.
    An emergency that cannot be carried out for `transfer_seconds` after that is aborted as well.
    """
    if standing.phase in (Phase.COMPLETE, Phase.ABORTED):
        return Step(action=Action.NOTHING)
    if not standing.is_session_open:
        return Step(action=Action.ABORT, why="The session has ended.")
    if now >= _end(standing, terms):
        return Step(action=Action.ABORT, why=_too_late(standing))
    match standing.phase:
        case Phase.PREPARING:
            return Step(action=Action.PREPARE)
        case Phase.COORDINATING:
            return _coordinated(standing)
        case Phase.TRANSFERRING:
            return Step(action=Action.COPY)
    return _validated(standing, terms, now)


def _end(standing: Standing, terms: Handoffs) -> datetime:
    grace = terms.transfer_seconds if standing.protocol == Protocol.EMERGENCY else 0
    return standing.deadline_at + timedelta(seconds=grace)


def _validated(standing: Standing, terms: Handoffs, now: datetime) -> Step:
    if standing.has_moved:
        is_last = now >= standing.deadline_at or standing.rounds >= terms.most_rounds
        return Step(action=Action.SWITCH_PAUSED if is_last else Action.TRANSFER)
    if standing.has_passed is None:
        return Step(action=Action.CHECK)
    if standing.has_passed:
        return Step(action=Action.SWITCH)
    return Step(action=Action.ABORT, why=FAILED)


def needed(agents: int, quorum_percent: int) -> int:
    """How many of the agents a quorum is: of 3 agents 51 % are 2."""
    return -(-agents * quorum_percent // 100)


def _coordinated(standing: Standing) -> Step:
    votes = standing.votes
    quorum = needed(votes.agents, standing.quorum_percent)
    if votes.ready >= quorum:
        return Step(action=Action.TRANSFER)
    if votes.agents - votes.refused < quorum:
        return Step(action=Action.ABORT, why=f"{votes.refused} of {votes.agents} agents refused; {quorum} are needed.")
    return Step(action=Action.WAIT)


def _too_late(standing: Standing) -> str:
    votes = standing.votes
    if standing.phase == Phase.COORDINATING:
        quorum = needed(votes.agents, standing.quorum_percent)
        return f"Time is over: {votes.ready} of {votes.agents} agents were ready; {quorum} are needed."
    return f"Time is over while {standing.phase}."


def seconds_of(phase: Phase, protocol: Protocol, terms: Handoffs) -> int:
    """How long a handoff may take: until its quorum is there, and from then until the switch."""
    if protocol == Protocol.EMERGENCY:
        return terms.emergency_seconds
    return terms.coordinate_seconds if phase in (Phase.PREPARING, Phase.COORDINATING) else terms.transfer_seconds


def sane_deadline(deadline_at: datetime, *, seconds: int, now: datetime) -> datetime:
    """A deadline that is never further away than its phase may take, also when a clock has stepped back."""
    return min(deadline_at, now + timedelta(seconds=seconds))


def rest_seconds(tries: int, terms: Handoffs) -> int:
    """How long the ladder leaves a session alone after its n-th handoff in a row that did not come off: not at all
    after the first, then once, three, seven times as long as one may coordinate; an hour at most."""
    doublings = min(tries, LONGEST_REST_SECONDS.bit_length()) - 1
    return min(LONGEST_REST_SECONDS, terms.coordinate_seconds * ((1 << doublings) - 1))
