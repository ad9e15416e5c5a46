"""Background work of sessions. Tasks take ids as keywords and tolerate newer callers."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from sessions_app.domain.words import Phase
from sessions_app.selectors.handoffs import list_unfinished_handoffs
from sessions_app.selectors.round_runs import list_unfinished_runs
from sessions_app.services import checkpoints, foresight, handoffs, proposals, rounds
from sessions_app.services.cleanup import tending
from sessions_app.services.gateway import forgetting, learning, secrets, sweeping
from sessions_app.services.log import archiving
from sessions_app.services.memory import embedding
from sessions_app.services.rounds import council, running, threads
from sessions_app.services.rounds.asking import line_of_gateway

logger = logging.getLogger(__name__)
HANDOFFS_EVERY_SECONDS = 5
ROUNDS_EVERY_SECONDS = 15


@shared_task
def note_forecasts(**_future: Any) -> None:
    """Note when windows will be full, and raise a handoff where all are soon; then score what came of the last."""
    now = timezone.now()
    foresight.note_forecasts(now=now)
    foresight.score_forecasts(now=now)


@shared_task
def tend_cleanup(**_future: Any) -> None:
    """Clean up windows and tiers of open sessions: what is due by its age, and room where it is about to be needed."""
    freed = tending.tend_cleanup(now=timezone.now())
    if freed:
        logger.info("cleaned up windows", extra={"tokens": freed})


@shared_task
def tend_handoffs(**_future: Any) -> None:
    """Carry on every handoff that is under way, each in a task of its own; arm rungs again after those that failed;
    score what came of finished ones."""
    for handoff_id in list_unfinished_handoffs():
        carry_on_handoff.apply_async(kwargs={"handoff_id": handoff_id}, expires=HANDOFFS_EVERY_SECONDS)
    handoffs.arm_due(now=timezone.now())
    handoffs.score_due(now=timezone.now())


@shared_task
def carry_on_handoffs(*, session_id: str, **_future: Any) -> None:
    """Carry on the handoff of a session."""
    for handoff_id in list_unfinished_handoffs(session_id=UUID(session_id)):
        carry_on_handoff(handoff_id=handoff_id)


@shared_task
def carry_on_handoff(*, handoff_id: int, **_future: Any) -> None:
    """Go as far as a handoff can go now. One that fails is taken up again by the next tender."""
    phase = handoffs.carry_on(handoff_id=handoff_id, now=timezone.now())
    if phase in (Phase.COMPLETE, Phase.ABORTED):
        logger.info("a handoff ended", extra={"handoff": handoff_id, "phase": phase.value})


@shared_task
def make_checkpoints(**_future: Any) -> None:
    """Make the checkpoints that time has made due, where something has happened since the last."""
    checkpoints.make_due_checkpoints(now=timezone.now())


@shared_task
def make_vectors(**_future: Any) -> None:
    """Make the vectors of what sessions are about that their policies ask for."""
    made = embedding.make_vectors(now=timezone.now())
    if made:
        logger.info("made vectors of sessions", extra={"count": made})


@shared_task
def replay_spool(**_future: Any) -> None:
    """Bring checkpoints that wait on this machine's disk into the database."""
    done = checkpoints.replay_spool(now=timezone.now())
    if done.made or done.set_aside:
        logger.info("replayed the spool", extra={"made": done.made, "set_aside": done.set_aside})


@shared_task
def archive_old_turns(**_future: Any) -> None:
    """Let what was said in rounds leave prompts and the hot tier, for an archive, once it is old."""
    left = rounds.archive_old_turns(now=timezone.now())
    if left:
        logger.info("archived turns", extra={"count": left})


@shared_task
def analyse_sessions(**_future: Any) -> None:
    """Propose what sessions could do better, and measure what accepted proposals brought."""
    now = timezone.now()
    proposals.propose_everywhere(now=now)
    proposals.measure_effects(now=now)


@shared_task
def tend_logs(**_future: Any) -> None:
    """Move the oldest events of long logs into archives."""
    left = archiving.tend_logs(now=timezone.now())
    if left:
        logger.info("archived events", extra={"count": left})


@shared_task
def drive_round(*, round_id: str, **_future: Any) -> None:
    """Have a round that the gateway drives carried to its end, as far as nobody else does and there is room for it."""
    call = line_of_gateway()
    threads.set_off(lambda: running.carry_on_run(round_id=UUID(round_id), call=call, clock=timezone.now))


@shared_task
def tend_rounds(**_future: Any) -> None:
    """Have rounds driven on which nobody works: whoever did has died, had no room, or was not told of them.

    Sessions of councils end for whom nobody waits any more.
    """
    council.end_left_sessions(now=timezone.now())
    for round_id in list_unfinished_runs(now=timezone.now()):
        drive_round.apply_async(kwargs={"round_id": str(round_id)}, expires=ROUNDS_EVERY_SECONDS)


@shared_task
def learn_triage(**_future: Any) -> None:
    """Let calls that are finished teach triage."""
    lessons = learning.learn_triage(now=timezone.now())
    if lessons:
        logger.info("triage learned", extra={"lessons": lessons})


@shared_task
def renew_deployment_seals(**_future: Any) -> None:
    """Seal the secrets of deployments with the present SECRET_KEY, so that earlier ones may go."""
    secrets.renew_seals()


@shared_task
def forget_gateway_answers(**_future: Any) -> None:
    """Let go what was kept for a while: answers under an Idempotency-Key, old changes of breakers."""
    forgetting.forget_answers(now=timezone.now())
    forgetting.forget_breaker_events(now=timezone.now())


@shared_task
def sweep_calls(**_future: Any) -> None:
    """Give up calls that a crash left open, and tell sessions of calls that they were not told of."""
    lost = sweeping.sweep_calls(now=timezone.now())
    if lost:
        logger.warning("gave up calls of models", extra={"count": lost})
