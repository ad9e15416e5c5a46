"""Rounds as they stand, and as one agent may see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from config.kernel.errors import NotFound
from sessions_app.domain.agreement import (
    Answered,
    Decision,
    MarkKind,
    Said,
    brier,
    calibrated,
    speaking_order,
    trust_in,
)
from sessions_app.domain.words import Stance
from sessions_app.models import Round, RoundRun, Turn
from sessions_app.selectors.round_runs import RunFacts, run_facts

MOST_PAST_TURNS = 100
"""Of each agent, the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFacts:
    """What an agent said. `text` is empty where it has left the hot tier: read its archive."""

    agent: str
    cycle: int
    stance: str
    confidence: float
    text: str
    reason: str
    marks: list[dict[str, Any]]
    prompt_tokens: int
    output_tokens: int
    at: datetime
    archive_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerFacts:
    """An agent of a round. `calibration` is the factor on what its confidence says beyond a half, `brier` its score
    of `answers` past ones; `confidence` its last stated one as calibrated, None while that is hidden or unknown."""

    agent: str
    has_spoken: bool
    confidence: float | None
    calibration: float
    brier: float | None
    answers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundFacts:
    """A round. `waiting_for` are those who have not spoken in this cycle, in the order in which they speak;
    `next_agent` is None where all may speak at once, or none. `turns` leaves out what is hidden: in the blind
    first cycle all but one's own. Tokens are those that turns were said to take. `run` is how the gateway drives
    it; None where agents speak for themselves."""

    id: UUID
    session_id: UUID
    topic: str
    agents: list[str]
    cycle: int
    status: str
    is_blind: bool
    waiting_for: list[str]
    next_agent: str | None
    speakers: list[SpeakerFacts]
    turns: list[TurnFacts]
    outcome: dict[str, Any]
    prompt_tokens: int
    output_tokens: int
    started_by: str
    started_at: datetime
    closed_at: datetime | None
    run: RunFacts | None

    @property
    def heard(self) -> list[TurnFacts]:
        """What an agent is to read before it speaks: the last words of each, without repeats and what has left."""
        last = {turn.agent: turn for turn in self.turns if not _is_repeat(turn)}
        return [turn for turn in last.values() if turn.text or turn.reason]


def list_rounds(session_id: UUID, *, status: str | None = None, page: int, limit: int) -> list[RoundFacts]:
    """Rounds of a session, newest first; page 1 is the first of `limit` rows, and one more tells of a next page."""
    rows = Round.objects.filter(session_id=session_id).select_related("session", "run").order_by("-started_at", "id")
    if status is not None:
        rows = rows.filter(status=status)
    first = (page - 1) * limit
    return _all_facts(list(rows[first : first + limit + 1]))


def get_round(session_id: UUID, round_id: UUID, *, agent: str | None = None) -> RoundFacts:
    """One round, as `agent` may see it. Raises NotFound."""
    row = Round.objects.filter(pk=round_id, session_id=session_id).select_related("session", "run").first()
    if row is None:
        raise NotFound("There is no such round.", field="round")
    return _all_facts([row], agent=agent)[0]


def _all_facts(rows: Collection[Round], *, agent: str | None = None) -> list[RoundFacts]:
    """Rounds of one session as they stand, read with the same few statements however many they are."""
    if not rows:
        return []
    turns: dict[UUID, list[Turn]] = {each.pk: [] for each in rows}
    for turn in Turn.objects.filter(round__in=turns).order_by("cycle", "id"):
        turns[turn.round_id].append(turn)
    team_id = next(iter(rows)).session.team_id
    past = answers_of(team_id, {each for row in rows for each in row.agents})
    return [_facts(row, turns[row.pk], past, agent) for row in rows]


def _facts(row: Round, turns: list[Turn], past: dict[str, list[Answered]], agent: str | None) -> RoundFacts:
    is_blind = row.status == Round.Status.OPEN and row.cycle == 1
    shown = [each for each in turns if not is_blind or each.agent == agent]
    order = waiting_in_order(row, turns, past) if row.status == Round.Status.OPEN else []
    return RoundFacts(
        id=row.pk,
        session_id=row.session_id,
        topic=row.topic,
        agents=row.agents,
        cycle=row.cycle,
        status=row.status,
        is_blind=is_blind,
        waiting_for=order,
        next_agent=order[0] if order and not is_blind else None,
        speakers=[_speaker(each, row, turns, shown, past[each]) for each in row.agents],
        turns=[_turn(each) for each in shown],
        outcome=row.outcome,
        prompt_tokens=sum(each.prompt_tokens for each in turns),
        output_tokens=sum(each.output_tokens for each in turns),
        started_by=row.started_by,
        started_at=row.started_at,
        closed_at=row.closed_at,
        run=run_facts(run) if (run := _run_of(row)) else None,
    )


def waiting_in_order(row: Round, turns: Collection[Turn], past: dict[str, list[Answered]]) -> list[str]:
    """Who has not spoken in the cycle of a round: in the first by name, later the least sure first."""
    spoken = {each.agent for each in turns if each.cycle == row.cycle}
    waiting = [each for each in row.agents if each not in spoken]
    if row.cycle == 1:
        return sorted(waiting)
    return speaking_order(waiting, confidences_in(row.cycle - 1, turns, past), _priorities(row))


def confidences_in(cycle: int, turns: Collection[Turn], past: dict[str, list[Answered]]) -> dict[str, float]:
    """By agent how sure it was in a cycle, as calibrated."""
    stated = {each.agent: each.confidence for each in turns if each.cycle == cycle}
    return {agent: calibrated(value, trust_in(past[agent])) for agent, value in stated.items()}


def _run_of(row: Round) -> RoundRun | None:
    return getattr(row, "run", None)


def _priorities(row: Round) -> dict[str, float]:
    """What the user's values give to each agent of a round that the gateway drives."""
    run = _run_of(row)
    return {each["name"]: each["priority"] for each in run.table["members"]} if run else {}


def said_of(
    turns: Collection[Turn], past: dict[str, list[Answered]], texts: dict[int, str] | None = None
) -> list[Said]:
    """Turns as agreement reads them, with calibrated confidence; `texts` are those of turns that were archived."""
    return [
        Said(
            agent=each.agent,
            cycle=each.cycle,
            stance=Stance(each.stance),
            confidence=calibrated(each.confidence, trust_in(past[each.agent])),
            text=(texts or {}).get(each.pk, each.text),
        )
        for each in turns
    ]


def answers_of(team_id: int, agents: Collection[str]) -> dict[str, list[Answered]]:
    """How sure agents were in the team's rounds of which somebody said what was right, and whether they were.

    An agreement of the agents themselves is no such word: it would reward who follows.
    """
    newest_first = [F("round__closed_at").desc(), F("cycle").desc()]
    rows = (
        Turn.objects.filter(agent__in=agents, round__session__team=team_id, round__status=Round.Status.CLOSED)
        .filter(round__outcome__verdict__in=[Decision.AGREE.value, Decision.DISSENT.value])
        .alias(place=Window(RowNumber(), partition_by=F("agent"), order_by=newest_first))
        .filter(place__lte=MOST_PAST_TURNS)
        .order_by(*newest_first)
        .values_list("round_id", "agent", "stance", "confidence", "round__outcome__verdict")
    )
    found: dict[str, list[Answered]] = defaultdict(list)
    seen: set[tuple[UUID, str]] = set()
    for round_id, agent, stance, confidence, verdict in rows:
        if (round_id, agent) in seen:
            continue
        seen.add((round_id, agent))
        if stance != Stance.ABSTAIN:
            found[agent].append(Answered(confidence=confidence, was_right=stance == verdict))
    return found


def _speaker(
    agent: str, row: Round, turns: Collection[Turn], shown: Collection[Turn], past: list[Answered]
) -> SpeakerFacts:
    trust = trust_in(past)
    stated = [each.confidence for each in shown if each.agent == agent]
    return SpeakerFacts(
        agent=agent,
        has_spoken=any(each.agent == agent and each.cycle == row.cycle for each in turns),
        confidence=calibrated(stated[-1], trust) if stated else None,
        calibration=trust,
        brier=brier(past),
        answers=len(past),
    )


def _turn(row: Turn) -> TurnFacts:
    return TurnFacts(
        agent=row.agent,
        cycle=row.cycle,
        stance=row.stance,
        confidence=row.confidence,
        text=row.text,
        reason=row.reason,
        marks=row.marks,
        prompt_tokens=row.prompt_tokens,
        output_tokens=row.output_tokens,
        at=row.at,
        archive_id=row.archive_id,
    )


def _is_repeat(turn: TurnFacts) -> bool:
    return any(mark["kind"] == MarkKind.REPEAT for mark in turn.marks)
