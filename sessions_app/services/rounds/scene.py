"""A driven round as it stands: read without a lock before each step, so that whoever carries it on sees the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sessions_app.domain.gateway.packing import Heard
from sessions_app.domain.gateway.stance import NO_ANSWER
from sessions_app.domain.gateway.table import Member, Table
from sessions_app.domain.gateway.terms import Rounds
from sessions_app.models import Fact, Round, RoundRun, Session, Turn
from sessions_app.selectors.archives import read_body
from sessions_app.selectors.gateway.policies import get_gateway_policy
from sessions_app.selectors.round_runs import bounds_of, get_run
from sessions_app.selectors.rounds import answers_of, confidences_in, said_of, waiting_in_order

SAME_CONFIDENCE = 0.05
"""Agents whose calibrated confidence differs by no more are as sure as each other: they speak at the same time."""
MOST_PINNED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the next step is decided by. By turn: `words`, also where they were archived, and
    `sureness`, its confidence as calibrated. `confidences` are those of the cycle before; `waiting` is in order."""

    run: RoundRun
    row: Round
    session: Session
    table: Table
    terms: Rounds
    turns: list[Turn]
    words: dict[int, str]
    confidences: dict[str, float]
    sureness: dict[int, float]
    waiting: list[str]
    pinned: list[str]

    @property
    def is_closed(self) -> bool:
        """Whether agents have said all they were to say."""
        return self.row.status == Round.Status.CLOSED

    @property
    def is_proposal(self) -> bool:
        """Whether the question itself is what agents are for or against."""
        return bool(self.run.table.get("is_proposal"))

    @property
    def until(self) -> datetime | None:
        """When somebody who waits for the answer stops waiting."""
        told = self.run.table.get("until")
        return datetime.fromisoformat(told) if told else None

    @property
    def budget_id(self) -> UUID | None:
        """What pays: the budget that was named, or that of the session; None: the team's own."""
        named = self.run.table.get("budget")
        return UUID(named) if named else self.session.budget_id

    @property
    def bounds(self) -> dict[str, Any]:
        """Where its words may go, as a call of a model is told."""
        return bounds_of(self.run)

    @property
    def wave(self) -> list[Member]:
        """Who speaks next, at the same time: all in the blind cycle, later those who are as sure as the least sure."""
        if self.row.cycle == 1:
            return [self.table.member(each) for each in self.waiting]
        first = self.confidences.get(self.waiting[0], 0.0)
        alike = (each for each in self.waiting if self.confidences.get(each, 0.0) - first <= SAME_CONFIDENCE)
        return [self.table.member(each) for each in alike]

    @property
    def leader(self) -> Turn | None:
        """The blind answer of who was surest."""
        return self.surest([each for each in self.turns if each.cycle == 1 and self.answered(each)])

    @property
    def last_answers(self) -> dict[str, Turn]:
        """By agent the last turn in which it gave an answer."""
        return {each.agent: each for each in self.turns if self.answered(each)}

    def surest(self, turns: Iterable[Turn]) -> Turn | None:
        """Of equally sure ones who serves what counts most, then by name."""
        weights = self.table.priorities
        return min(
            turns,
            key=lambda each: (-self.sureness[each.pk], -weights.get(each.agent, 0.0), each.agent),
            default=None,
        )

    def last_turn(self, agent: str) -> Turn | None:
        """The last turn of an agent."""
        return next((each for each in reversed(self.turns) if each.agent == agent), None)

    def answered(self, turn: Turn) -> bool:
        """Whether a turn has an answer in it."""
        return self.words[turn.pk] != NO_ANSWER

    def heard(self, turn: Turn) -> Heard:
        """A turn as others read it: words that have left the hot tier are not read out."""
        return Heard(
            agent=turn.agent,
            cycle=turn.cycle,
            stance=turn.stance,
            confidence=turn.confidence,
            text="" if turn.text == NO_ANSWER else turn.text,
            reason=turn.reason,
            priority=self.table.priorities.get(turn.agent, 0.0),
            is_repeat=not self.answered(turn) or any(mark["kind"] == "repeat" for mark in turn.marks),
        )


def look(round_id: UUID) -> Scene:
    """The round as it stands. Raises NotFound."""
    run = get_run(round_id)
    row = run.round
    turns = list(row.turns.select_related("archive").order_by("cycle", "id"))
    past = answers_of(row.session.team_id, row.agents)
    pinned = Fact.objects.filter(session=row.session, is_pinned=True, superseded_by=None).order_by("number")
    return Scene(
        run=run,
        row=row,
        session=row.session,
        table=Table.read(run.table),
        terms=get_gateway_policy().terms.rounds,
        turns=turns,
        words={each.pk: each.text or (read_body(each.archive) if each.archive else "") for each in turns},
        confidences=confidences_in(row.cycle - 1, turns, past),
        sureness={turn.pk: said.confidence for turn, said in zip(turns, said_of(turns, past), strict=True)},
        waiting=waiting_in_order(row, turns, past) if row.status == Round.Status.OPEN else [],
        pinned=list(pinned.values_list("text", flat=True)[:MOST_PINNED]),
    )
