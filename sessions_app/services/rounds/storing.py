"""What a driven round writes: each step in a transaction of its own, under the fence of whoever drives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from textwrap import shorten
from uuid import UUID

from accounts.domain.principal import Principal
from config.kernel.errors import Conflict
from config.kernel.transactions import transactional
from sessions_app.domain.gateway.stance import NO_ANSWER
from sessions_app.domain.words import FactKind
from sessions_app.models import Round, RoundRun, Session
from sessions_app.services.log import Draft, active_instance, append, locked
from sessions_app.services.memory import add_fact
from sessions_app.services.rounds.asking import Bill, Caller
from sessions_app.services.rounds.choosing import Chosen
from sessions_app.services.rounds.closing import LONGEST_FACT_CHARACTERS, close_round
from sessions_app.services.rounds.judging import Judged
from sessions_app.services.rounds.leases import LeaseLost, tell, write
from sessions_app.services.rounds.scene import Scene
from sessions_app.services.rounds.speaking import TurnAsk, take_turn

LONGEST_ERROR_CHARACTERS = 300
SPOKEN_ALREADY = frozenset({"already_spoken", "round_closed", "not_your_turn"})
"""Somebody spoke for an agent by hand, or closed the round, while it was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """Who drives a round, as whom, by which fence."""

    round_id: UUID
    fence: int
    principal: Principal
    call: Caller
    clock: Callable[[], datetime]


@transactional
def store(own: Drive, scene: Scene, turn: TurnAsk, bill: Bill, judged: Judged, judging: Bill, *, is_last: bool) -> None:
    """A turn and what it took, together or not at all."""
    now = own.clock()
    session = locked(scene.session.pk)
    try:
        _speak(own, session, turn, judged, now)
    except Conflict as error:
        if error.code not in SPOKEN_ALREADY:
            raise
    write(own.round_id, own.fence, bill=bill)
    if is_last and scene.row.cycle == 1:
        _note_single(own)
    write(own.round_id, own.fence, bill=judging)
    tell(own.round_id, session.pk, session.team_id, RoundRun.Status.RUNNING, now=now)


def _speak(own: Drive, session: Session, turn: TurnAsk, judged: Judged, now: datetime) -> None:
    epoch = active_instance(session, turn.agent).epoch
    take_turn(
        session_id=session.pk,
        team_id=session.team_id,
        round_id=own.round_id,
        ask=replace(turn, epoch=epoch, judged=judged.marks, judged_by=judged.by),
        actor=own.principal.actor,
        now=now,
    )


def _note_single(own: Drive) -> None:
    """What one blind answer took: the mean of those that were given."""
    run = RoundRun.objects.get(pk=own.round_id)
    answered = run.round.turns.filter(cycle=1).exclude(text=NO_ANSWER).count()
    if answered:
        write(
            own.round_id,
            own.fence,
            single_tokens=round(run.spent_tokens / answered),
            single_micro_usd=round(run.spent_micro_usd / answered),
            single_g=run.spent_g / answered,
        )


@transactional
def stop(own: Drive, scene: Scene, why: str) -> None:
    """Close the round before agents came to an end."""
    session = locked(scene.session.pk)
    if Round.objects.filter(pk=own.round_id, status=Round.Status.OPEN).exists():
        actor = own.principal.actor
        close_round(session_id=session.pk, team_id=session.team_id, round_id=own.round_id, actor=actor, now=own.clock())
    write(own.round_id, own.fence, stopped_because=why)


@transactional
def finish(own: Drive, scene: Scene, chosen: Chosen) -> None:
    """The answer that was chosen, and what choosing took."""
    now = own.clock()
    session = locked(scene.session.pk, may_be_ended=True)
    row = Round.objects.select_for_update().get(pk=own.round_id)
    row.outcome |= {"choice": {"agent": chosen.agent, "reason": chosen.reason, "by": chosen.by}}
    row.save(update_fields=["outcome"])
    write(
        own.round_id,
        own.fence,
        bill=chosen.bill,
        status=RoundRun.Status.FINISHED,
        stopped_because=scene.run.stopped_because or row.outcome.get("why", ""),
        answer=chosen.text,
        chosen_agent=chosen.agent,
        reason=chosen.reason,
        lease_expires_at=None,
        finished_at=now,
    )
    if session.status == Session.Status.OPEN:
        _log_choice(session, row, chosen, own.principal.actor, now)
    tell(own.round_id, session.pk, session.team_id, RoundRun.Status.FINISHED, now=now)


def _log_choice(session: Session, row: Round, chosen: Chosen, actor: str, now: datetime) -> None:
    facts = {"round": str(row.pk), "agent": chosen.agent, "reason": chosen.reason[:200], "by": chosen.by}
    append(session, Draft(kind="round.chosen", actor=actor, facts=facts), now=now)
    if row.outcome.get("decision") == "none":
        text = f"Round without agreement took the answer of {chosen.agent}: {row.topic}"
        add_fact(session, kind=FactKind.DECISION, text=text[:LONGEST_FACT_CHARACTERS], actor=actor, now=now)


@transactional
def fail(own: Drive, why: str) -> None:
    """The run has come to nothing; what it took stays."""
    now = own.clock()
    try:
        write(
            own.round_id,
            own.fence,
            status=RoundRun.Status.FAILED,
            stopped_because="failed",
            error=shorten(why, LONGEST_ERROR_CHARACTERS, placeholder=" …"),
            lease_expires_at=None,
            finished_at=now,
        )
    except LeaseLost:
        return
    session = Round.objects.select_related("session").get(pk=own.round_id).session
    tell(own.round_id, session.pk, session.team_id, RoundRun.Status.FAILED, now=now)
