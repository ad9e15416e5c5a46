"""A round begins, and its agents take their turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from budgets.services import count_tokens
from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.transactions import transactional
from sessions_app.domain.agreement import Mark, MarkKind, Said, is_stalled, marks_of, tally_of
from sessions_app.domain.terms import SessionTerms
from sessions_app.domain.words import Stance
from sessions_app.models import Instance, Round, Session, Turn
from sessions_app.selectors.archives import read_body
from sessions_app.selectors.policies import terms_of
from sessions_app.selectors.rounds import answers_of, said_of, waiting_in_order
from sessions_app.services.log import Draft, active_instance, append, locked
from sessions_app.services.rounds.closing import Why, conclude, locked_round

LEAST_AGENTS = 2
MOST_AGENTS = 20
MOST_OPEN_ROUNDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnAsk:
    """What an agent says. `reason` is why it dissents or abstains; without `output_tokens` the text is counted.

    `judged` are marks by agent that somebody else found in the words of the cycle that this turn ends, and
    `judged_by` who that was: the rules alone if empty.
    """

    agent: str
    epoch: int
    stance: Stance
    confidence: float
    text: str
    reason: str = ""
    prompt_tokens: int = 0
    output_tokens: int | None = None
    judged: Mapping[str, Sequence[Mark]] = field(default_factory=dict)
    judged_by: str = ""


@transactional
def begin_round(
    *, session_id: UUID, team_id: int, topic: str, agents: Sequence[str] = (), actor: str, now: datetime
) -> UUID:
    """Put a matter to agents of a session, by default to all active ones; return the id of the round.

    Raises InvalidInput naming `agents` or `topic`, Conflict `too_many_rounds`.
    """
    session = locked(session_id, team_id=team_id)
    if not topic.strip():
        raise InvalidInput("Say what it is about.", field="topic", code="required")
    asked = _asked(session, agents)
    if Round.objects.filter(session=session, status=Round.Status.OPEN).count() >= MOST_OPEN_ROUNDS:
        raise Conflict(f"{MOST_OPEN_ROUNDS} rounds are open. Close one.", code="too_many_rounds")
    row = Round.objects.create(session=session, topic=topic.strip(), agents=asked, started_by=actor, started_at=now)
    facts = {"round": str(row.pk), "topic": row.topic[:200], "agents": asked}
    append(session, Draft(kind="round.begun", actor=actor, facts=facts), now=now)
    return row.pk


@transactional
def take_turn(*, session_id: UUID, team_id: int, round_id: UUID, ask: TurnAsk, actor: str, now: datetime) -> int:
    """Store what an agent says in the present cycle of a round; return the number of the event.

    Whoever speaks last ends the cycle: the round closes or goes on. Raises Conflict `round_closed`,
    `already_spoken`, `not_your_turn` (with `next_agent`), `stale_epoch`; InvalidInput naming the field;
    NotFound if the agent is not in the round.
    """
    session = locked(session_id, team_id=team_id)
    instance = active_instance(session, ask.agent, epoch=ask.epoch)
    row = locked_round(session, round_id)
    if row.status == Round.Status.CLOSED:
        raise Conflict("This round is closed.", code="round_closed")
    _require_words(ask)
    turns, past = list(row.turns.select_related("archive").order_by("cycle", "id")), answers_of(team_id, row.agents)
    waiting = waiting_in_order(row, turns, past)
    _require_turn(row, waiting, ask.agent)
    turn = _turn(session, row, ask, terms_of(session), now)
    said = said_of([*turns, turn], past, {each.pk: read_body(each.archive) for each in turns if each.archive})
    if row.cycle > 1:  # a mark quotes others, whom nobody may read in a blind cycle
        _mark(session, row, turn, said)
    turn.seq = append(session, _draft(row, turn, instance, actor, is_last=waiting == [ask.agent]), now=now)
    turn.save(force_insert=True)
    if waiting == [ask.agent]:
        _end_cycle(session, row, [*turns, turn], said, ask, actor, now)
    return turn.seq


def _asked(session: Session, agents: Sequence[str]) -> list[str]:
    active = Instance.objects.filter(session=session, status=Instance.Status.ACTIVE).values_list("agent", flat=True)
    known = sorted(active)
    asked = list(dict.fromkeys(agents)) or known
    if missing := [each for each in asked if each not in known]:
        raise InvalidInput(f"{missing[0]} is no active agent of the session.", field="agents", code="unknown_agent")
    if not LEAST_AGENTS <= len(asked) <= MOST_AGENTS:
        raise InvalidInput(f"A round has {LEAST_AGENTS} to {MOST_AGENTS} agents.", field="agents")
    return asked


def _require_words(ask: TurnAsk) -> None:
    if not ask.text.strip():
        raise InvalidInput("Say something.", field="text", code="required")
    if ask.stance is not Stance.AGREE and not ask.reason.strip():
        raise InvalidInput("Say why you dissent or abstain.", field="reason", code="required")


def _require_turn(row: Round, waiting: Sequence[str], agent: str) -> None:
    if agent not in row.agents:
        raise NotFound("This agent is not asked in this round.", field="agent")
    if agent not in waiting:
        raise Conflict(f"{agent} has spoken in cycle {row.cycle}.", code="already_spoken", cycle=row.cycle)
    if row.cycle > 1 and waiting[0] != agent:
        raise Conflict(
            f"The least sure speaks first: it is {waiting[0]}'s turn.", code="not_your_turn", next_agent=waiting[0]
        )


def _turn(session: Session, row: Round, ask: TurnAsk, terms: SessionTerms, now: datetime) -> Turn:
    return Turn(
        round=row,
        cycle=row.cycle,
        agent=ask.agent,
        stance=ask.stance,
        confidence=ask.confidence,
        text=ask.text,
        reason=ask.reason.strip(),
        prompt_tokens=ask.prompt_tokens,
        output_tokens=count_tokens(ask.text) if ask.output_tokens is None else ask.output_tokens,
        hot_until=now + timedelta(minutes=terms.memory.turn_hot_minutes),
        at=max(now, session.last_event_at),
    )


def _mark(session: Session, row: Round, turn: Turn, said: Sequence[Said]) -> None:
    percent = terms_of(session).agreement.repeat_percent
    turn.marks = [asdict(each) for each in marks_of(said[-1], said[:-1], topic=row.topic, repeat_percent=percent)]


def _draft(row: Round, turn: Turn, instance: Instance, actor: str, *, is_last: bool) -> Draft:
    """What the log tells. Of a blind cycle only who spoke: others may read the log before they answer."""
    facts: dict[str, Any] = {"round": str(row.pk), "agent": turn.agent, "cycle": row.cycle, "ends_cycle": is_last}
    if row.cycle > 1:
        facts |= {"stance": turn.stance, "confidence": turn.confidence, "marks": [each["kind"] for each in turn.marks]}
    return Draft(kind="round.turn", actor=actor, instance=instance, facts=facts)


def _end_cycle(
    session: Session, row: Round, turns: Sequence[Turn], said: Sequence[Said], ask: TurnAsk, actor: str, now: datetime
) -> None:
    terms = terms_of(session).agreement
    now_said = [each for each in turns if each.cycle == row.cycle]
    if row.cycle == 1:
        _mark_blind(row, turns, said, terms.repeat_percent)
    _mark_judged(now_said, ask)
    tally = tally_of(said, asked=len(row.agents), agree_percent=terms.agree_percent)
    is_marked = any(mark["kind"] != MarkKind.REPEAT for turn in now_said for mark in turn.marks)
    repeated = [any(mark["kind"] == MarkKind.REPEAT for mark in turn.marks) for turn in now_said]
    if tally.decision != "none" and not is_marked:
        conclude(session, row, turns, tally, Why.QUORUM, actor=actor, now=now, judged_by=ask.judged_by)
    elif row.cycle >= terms.most_cycles:
        conclude(session, row, turns, tally, Why.MOST_CYCLES, actor=actor, now=now, judged_by=ask.judged_by)
    elif is_stalled(said, repeated, row.cycle):
        conclude(session, row, turns, tally, Why.STALLED, actor=actor, now=now, judged_by=ask.judged_by)
    else:
        row.cycle += 1
        row.save(update_fields=["cycle"])


def _mark_blind(row: Round, turns: Sequence[Turn], said: Sequence[Said], repeat_percent: int) -> None:
    """Nobody had read the others in a blind cycle: each is held against all, not only against who came before."""
    for turn, own in zip(turns, said, strict=True):
        others = [each for each in said if each.agent != own.agent]
        marks = marks_of(own, others, topic=row.topic, repeat_percent=repeat_percent)
        before = {each.agent for each in said[: said.index(own)]}
        turn.marks = [asdict(each) for each in marks if _stays(each, before)]
    Turn.objects.bulk_update(turns, ["marks"])


def _mark_judged(turns: Sequence[Turn], ask: TurnAsk) -> None:
    """Add what somebody else found in the words of a cycle."""
    found = [turn for turn in turns if ask.judged.get(turn.agent)]
    for turn in found:
        turn.marks = [*turn.marks, *(asdict(each) for each in ask.judged[turn.agent])]
    Turn.objects.bulk_update(found, ["marks"])


def _stays(mark: Mark, before: set[str]) -> bool:
    """Of two alike the first is no repeat."""
    return mark.kind is not MarkKind.REPEAT or mark.agent in before
