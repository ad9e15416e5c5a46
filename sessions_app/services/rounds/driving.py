"""The gateway drives a round: it asks the agents, stores what they say as turns like any other, and lets one choose.

Each step looks first how things stand, and is stored under the lease's fence: after a crash anybody takes up where
the last one left off, and nobody is asked twice. Models are called outside of transactions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from uuid import UUID

from accounts.domain.principal import Principal
from config.kernel.errors import Conflict, DomainError
from sessions_app.domain.gateway.stance import FORM, NO_ANSWER, Spoken, read_spoken
from sessions_app.services.rounds.asking import Asked, Asking, Bill, Caller, Line, ask_all, call_key
from sessions_app.services.rounds.choosing import choose
from sessions_app.services.rounds.judging import Judged, judge_cycle
from sessions_app.services.rounds.leases import MOST_CLAIMS, LeaseLost, claim, renew
from sessions_app.services.rounds.prompts import agent_messages, tokens_of
from sessions_app.services.rounds.scene import Scene, look
from sessions_app.services.rounds.storing import Drive, fail, finish, stop, store
from sessions_app.services.rounds.turns import turn_of

logger = logging.getLogger(__name__)

LEAST_SECONDS = 1.0


def drive(*, round_id: UUID, principal: Principal, call: Caller, clock: Callable[[], datetime]) -> bool:
    """Carry a round to its end; False if somebody else does, or it has ended.

    Must not be called inside a transaction.
    """
    fence = claim(round_id, now=clock())
    if fence is None:
        return False
    own = Drive(round_id=round_id, fence=fence, principal=principal, call=call, clock=clock)
    try:
        if fence > MOST_CLAIMS:
            _give_up(own, f"{MOST_CLAIMS} have begun to drive this round, and nobody came to its end.")
        else:
            _go(own)
    except LeaseLost:
        logger.warning("somebody else drives this round now", extra={"round": str(round_id)})
    except DomainError as error:
        _give_up(own, error.detail)
    return True


def fail_unowned(
    round_id: UUID, why: str, *, principal: Principal, call: Caller, clock: Callable[[], datetime]
) -> bool:
    """End a run for which nobody may ask models any more; False if somebody works on it, or it has ended."""
    fence = claim(round_id, now=clock())
    if fence is None:
        return False
    _give_up(Drive(round_id=round_id, fence=fence, principal=principal, call=call, clock=clock), why)
    return True


def _go(own: Drive) -> None:
    while not (scene := look(own.round_id)).is_closed:
        askings = [_asking(own, scene, each.name) for each in scene.wave]
        if why := _reason_to_stop(own, scene, askings):
            stop(own, scene, why)
        else:
            _hear(own, scene, askings)
    renew(own.round_id, own.fence, now=own.clock())
    finish(own, scene, choose(scene, _line(own, scene)))


def _asking(own: Drive, scene: Scene, agent: str) -> Asking:
    member, left = scene.table.member(agent), _left(scene)
    most = scene.terms.prompt_most_tokens
    if left is not None:
        share = left // (len(scene.waiting) + 1) - scene.terms.output_tokens
        most = max(scene.terms.prompt_least_tokens, min(most, share))
    messages = agent_messages(scene, member, most_tokens=most)
    needed = (len(scene.waiting) + 1) * 3 * (tokens_of(messages) + scene.terms.output_tokens)
    return Asking(
        key=call_key(own.round_id, f"{scene.row.cycle}:{agent}"),
        model=member.model,
        messages=messages,
        agent=agent,
        may_repair=left is None or needed <= left,
    )


def _left(scene: Scene) -> int | None:
    """Tokens that may still be spent; None without a bound."""
    most = scene.run.most_tokens
    return None if most is None else max(0, most - scene.run.spent_tokens)


def _reason_to_stop(own: Drive, scene: Scene, askings: Iterable[Asking]) -> str:
    if _seconds_left(own, scene) < LEAST_SECONDS:
        return "deadline"
    left, output = _left(scene), scene.terms.output_tokens
    if left is None:
        return ""
    needed = sum(tokens_of(each.messages) + output for each in askings)
    reserve = 0 if scene.row.cycle == 1 else scene.terms.prompt_least_tokens + output
    return "most_tokens" if needed + reserve > left else ""


def _seconds_left(own: Drive, scene: Scene) -> float:
    return (scene.until - own.clock()).total_seconds() if scene.until else float("inf")


def _line(own: Drive, scene: Scene) -> Line:
    run = scene.run
    return Line(
        call=own.call,
        principal=own.principal,
        output_tokens=scene.terms.output_tokens,
        seconds=max(LEAST_SECONDS, min(scene.terms.agent_seconds, _seconds_left(own, scene))),
        options={
            "purpose": run.purpose,
            "origin": run.origin_code,
            "session_id": scene.session.pk,
            "round_id": own.round_id,
            "budget_id": scene.budget_id,
            **scene.bounds,
        },
    )


def _hear(own: Drive, scene: Scene, askings: list[Asking]) -> None:
    """Ask a wave, and store what each said: in the blind cycle as it comes, later in the order of speaking."""
    renew(own.round_id, own.fence, now=own.clock())
    line, is_exhausted, waiting = _line(own, scene), False, list(scene.waiting)
    said = {each.agent: (each.stance, scene.words[each.pk]) for each in scene.turns if each.cycle == scene.row.cycle}
    for asked in _in_order(scene, ask_all(line, askings, read_spoken, FORM)):
        turn = turn_of(scene, asked)
        said[turn.agent] = (turn.stance, turn.text)
        waiting.remove(turn.agent)
        judged, judging = (Judged(), Bill()) if waiting else _judge(own, scene, line, said)
        store(own, scene, turn, asked.bill, judged, judging, is_last=not waiting)
        is_exhausted = is_exhausted or asked.is_exhausted
    if is_exhausted:
        stop(own, scene, "budget")


def _in_order(scene: Scene, answers: Iterable[Asked[Spoken]]) -> Iterator[Asked[Spoken]]:
    if scene.row.cycle == 1:
        yield from answers
        return
    order, here = [each.name for each in scene.wave], dict[str, Asked[Spoken]]()
    for asked in answers:
        here[asked.asking.agent] = asked
        while order and order[0] in here:
            yield here.pop(order.pop(0))


def _judge(own: Drive, scene: Scene, line: Line, said: dict[str, tuple[str, str]]) -> tuple[Judged, Bill]:
    """What the policy's judge, if it names one, finds in a cycle that is about to end, and what asking it took.

    A round with a bound on its tokens keeps them for its agents.
    """
    model = scene.terms.judge_model
    if not model or scene.run.most_tokens is not None:
        return Judged(), Bill()
    renew(own.round_id, own.fence, now=own.clock())
    words = {agent: (str(stance), text) for agent, (stance, text) in said.items() if text != NO_ANSWER}
    key = call_key(own.round_id, f"{scene.row.cycle}:judge")
    judged, asked = judge_cycle(line, key=key, model=model, question=scene.run.question, said=words)
    return judged, asked.bill if asked else Bill()


def _give_up(own: Drive, why: str) -> None:
    """The run has failed. Its round is closed, if its session still takes that."""
    try:
        scene = look(own.round_id)
        if not scene.is_closed:
            stop(own, scene, "failed")
    except Conflict as error:
        logger.warning("a failed round stays open", extra={"round": str(own.round_id), "reason": error.code})
    except LeaseLost:
        return
    fail(own, why)
