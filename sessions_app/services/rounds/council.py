"""A question to the gateway that a council answers: a round of its own, driven to its end while the caller waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.domain.principal import Principal
from accounts.services.once import acting_team
from budgets.services import count_tokens
from config.kernel.errors import Conflict, InvalidInput, Unavailable
from config.kernel.transactions import transactional
from sessions_app.domain.gateway.packing import LEAST_SHORTENED_TOKENS
from sessions_app.domain.gateway.wire import ChatAsk
from sessions_app.models import Round, RoundRun, Session
from sessions_app.selectors.gateway.policies import get_gateway_policy
from sessions_app.selectors.round_runs import Cost, get_run
from sessions_app.services.lives import SessionAsk, begin_session, end_session
from sessions_app.services.rounds.asking import Caller, line_of_gateway
from sessions_app.services.rounds.driving import drive
from sessions_app.services.rounds.running import RunAsk, begin_run
from sessions_app.services.rounds.tables import TableAsk
from sessions_app.services.thinking import shortened

QUESTION_SHARE = 3
"""A question takes at most one in so many tokens of a prompt: what is longer is shortened to whole sentences."""
LONGEST_NAME_CHARACTERS = 60
LEFT_FOR = timedelta(seconds=30)
"""So long whoever waits for a council has time to end its session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CouncilAnswer:
    """What a council came to: the words, whose they are and why they were chosen, what all of it took, what one
    answer of one agent took on average, and the shares of input and output."""

    text: str
    round_id: UUID
    session_id: UUID
    chosen_agent: str
    reason: str
    stopped_because: str
    calls: int
    input_tokens: int
    output_tokens: int
    spent: Cost
    single: Cost
    is_shortened: bool

    @property
    def tokens(self) -> int:
        """Input and output of all its calls."""
        return self.spent.tokens or 0


def council_answer(
    *,
    principal: Principal,
    ask: ChatAsk,
    clock: Callable[[], datetime],
    session_id: UUID | None = None,
    roles: Sequence[str] = (),
    purpose: str | None = None,
    origin: str | None = None,
    budget_id: UUID | None = None,
    deadline_seconds: float = 120.0,
    call: Caller | None = None,
) -> CouncilAnswer:
    """Let a council answer a chat: one agent for each role (by default the policy's), all of the model asked for.

    Without a session it gets one of its own, which ends with it. Must not be called inside a transaction, nor on
    the event loop. Raises as `begin_run` does, and Unavailable if nobody gave an answer in time, or only the echo
    could: one model's answer is then as good.
    """
    until = clock() + timedelta(seconds=deadline_seconds)
    question, is_shortened = _question(ask.messages)
    run = RunAsk(
        question=question,
        seats=TableAsk(members=_members(roles, ask.model)),
        purpose=purpose or "",
        origin=origin or "",
        budget_id=budget_id,
        until=until,
        has_own_session=session_id is None,
    )
    where, round_id = _begin(run, session_id, principal, now=clock())
    try:
        drive(round_id=round_id, principal=principal, call=call or line_of_gateway(), clock=clock)
        return _answer(round_id, is_shortened)
    finally:
        if session_id is None:
            _end(where, acting_team(principal), principal.actor, now=clock())


def end_left_sessions(*, now: datetime) -> int:
    """End sessions of councils whose round is over, where whoever waited has died before; return how many."""
    over = RoundRun.objects.filter(
        status__in=[RoundRun.Status.FINISHED, RoundRun.Status.FAILED],
        finished_at__lte=now - LEFT_FOR,
        table__has_own_session=True,
        round__session__status=Session.Status.OPEN,
    )
    left = list(over.order_by("pk").values_list("round__session_id", "round__session__team_id", "actor"))
    for session_id, team_id, actor in left:
        _end(session_id, team_id, actor, now=now)
    return len(left)


@transactional
def _begin(run: RunAsk, session_id: UUID | None, principal: Principal, *, now: datetime) -> tuple[UUID, UUID]:
    """Session and round, both or none: no session is left behind that nobody knows to end.

    Raises Unavailable where the model that was asked for is none that could sit at a table.
    """
    where = session_id or _own_session(run, principal, now=now)
    try:
        return where, begin_run(session_id=where, ask=run, principal=principal, is_announced=False, now=now)
    except InvalidInput as refusal:
        if refusal.code != "no_model":
            raise
        raise Unavailable(refusal.detail, code="no_model") from refusal


def _members(roles: Sequence[str], model: str) -> list[dict[str, Any]]:
    names = roles or get_gateway_policy().terms.triage.council_roles
    return [{"name": each, "role": each, "model": model} for each in dict.fromkeys(names)]


def _question(messages: Sequence[Mapping[str, Any]]) -> tuple[str, bool]:
    """What is asked, as one text: the last message of the user whole if it fits, then what was said before."""
    most = get_gateway_policy().terms.rounds.prompt_most_tokens // QUESTION_SHARE
    said = [(str(each.get("role")), text) for each in messages if (text := _text(each))]
    asked = next((text for role, text in reversed(said) if role == "user"), said[-1][1] if said else "")
    tokens = count_tokens(asked)
    if tokens > most:
        return shortened(asked, most) or asked[: most * 2], True
    before = "\n".join(f"{role}: {text}" for role, text in said if text != asked)
    if not before:
        return asked, False
    room = most - tokens
    if count_tokens(before) <= room:
        return f"{before}\n\n{asked}", False
    return (f"{shortened(before, room)}\n\n{asked}" if room >= LEAST_SHORTENED_TOKENS else asked), True


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content.strip()
    parts = content if isinstance(content, list) else []
    return "\n".join(str(each.get("text", "")) for each in parts if each.get("type") == "text").strip()


def _own_session(run: RunAsk, principal: Principal, *, now: datetime) -> UUID:
    name = f"Council: {' '.join(run.question.split())[:LONGEST_NAME_CHARACTERS]}"
    ask = SessionAsk(name=name, purpose=run.purpose, mode=Session.Mode.COUNCIL, budget_id=run.budget_id)
    return begin_session(ask=ask, principal=principal, now=now)


def _end(session_id: UUID, team_id: int, actor: str, *, now: datetime) -> None:
    try:
        end_session(session_id=session_id, team_id=team_id, actor=actor, now=now)
    except Conflict as error:
        if error.code != "session_ended":
            raise


def _answer(round_id: UUID, is_shortened: bool) -> CouncilAnswer:
    run = get_run(round_id)
    if run.status != RoundRun.Status.FINISHED:
        raise Unavailable(run.error or "The council has not come to an answer in time.", code="council_failed")
    turns = Round.objects.get(pk=round_id).turns.values_list("output_tokens", flat=True)
    output = min(run.spent_tokens, sum(turns) + count_tokens(run.answer))
    return CouncilAnswer(
        text=run.answer,
        round_id=round_id,
        session_id=run.round.session_id,
        chosen_agent=run.chosen_agent,
        reason=run.reason,
        stopped_because=run.stopped_because,
        calls=run.calls,
        input_tokens=run.spent_tokens - output,
        output_tokens=output,
        spent=Cost(tokens=run.spent_tokens, micro_usd=run.spent_micro_usd, g=run.spent_g),
        single=Cost(tokens=run.single_tokens, micro_usd=run.single_micro_usd, g=run.single_g),
        is_shortened=is_shortened,
    )
