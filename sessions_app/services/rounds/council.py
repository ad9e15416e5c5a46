"""A question to the gateway that a council answers: a round of its own, driven to its end while the caller waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from uuid import UUID

from accounts.domain.principal import Principal
from accounts.services.once import acting_team
from budgets import selectors as budgets
from budgets.services import count_tokens
from config.kernel.errors import Conflict, InvalidInput, Unavailable
from config.kernel.transactions import transactional
from sessions_app.domain.gateway.packing import LEAST_SHORTENED_TOKENS
from sessions_app.domain.gateway.plain_chat import text_of
from sessions_app.domain.gateway.terms import Rounds
from sessions_app.domain.gateway.wire import ANYWHERE, ChatAsk
from sessions_app.models import Round, RoundRun, Session
from sessions_app.selectors.gateway.policies import get_gateway_policy
from sessions_app.selectors.round_runs import Cost, get_run
from sessions_app.services.lives import SessionAsk, begin_session, end_session
from sessions_app.services.rounds.asking import Answer, Caller, line_of_gateway
from sessions_app.services.rounds.driving import drive
from sessions_app.services.rounds.running import RunAsk, begin_run
from sessions_app.services.rounds.tables import TableAsk
from sessions_app.services.thinking import shortened

QUESTION_SHARE = 2
"""A question takes at most one in so many tokens of a prompt: what is longer is shortened to whole sentences."""
LONGEST_NAME_CHARACTERS = 60
LEFT_FOR = timedelta(seconds=30)
"""So long whoever waits for a council has time to end its session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CouncilAsk:
    """A chat for a council: one agent for each role (by default the policy's), all of the model asked for.

    Without a session it gets one of its own. `residency` and `latency_class` say where its words may go, as of any
    call; `deadline_seconds` bounds all of it."""

    chat: ChatAsk
    session_id: UUID | None = None
    roles: Sequence[str] = ()
    purpose: str = ""
    origin: str = ""
    budget_id: UUID | None = None
    residency: tuple[str, ...] | None = None
    latency_class: str = ANYWHERE
    deadline_seconds: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CouncilAnswer:
    """What a council came to: the words, whose they are and why they were chosen, what all of it took, what one
    answer of one agent took on average, and the shares of input and output. `remaining` is what the budget that paid
    has left, in `remaining_unit`; `warning_percent` the highest of its thresholds that a call has passed, if any.
    `is_shortened`: agents were sent less than what was asked."""

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
    remaining: str
    remaining_unit: str
    warning_percent: int | None = None

    @property
    def tokens(self) -> int:
        """Input and output of all its calls."""
        return self.spent.tokens or 0


def council_answer(
    *, principal: Principal, ask: CouncilAsk, clock: Callable[[], datetime], call: Caller | None = None
) -> CouncilAnswer:
    """Let a council answer a chat. A session of its own ends with it.

    Must not be called inside a transaction, nor on the event loop. Raises as `begin_run` does, and Unavailable if
    nobody gave an answer in time, or only the echo could: one model's answer is then as good.
    """
    until = clock() + timedelta(seconds=ask.deadline_seconds)
    question, is_shortened = _question(ask.chat.messages, get_gateway_policy().terms.rounds)
    run = RunAsk(
        question=question,
        seats=TableAsk(members=_members(ask.roles, ask.chat.model)),
        purpose=ask.purpose,
        origin=ask.origin,
        budget_id=ask.budget_id,
        until=until,
        has_own_session=ask.session_id is None,
        residency=ask.residency,
        latency_class=ask.latency_class,
    )
    where, round_id = _begin(run, ask.session_id, principal, now=clock())
    heard = _Heard(call or line_of_gateway())
    try:
        drive(round_id=round_id, principal=principal, call=heard, clock=clock)
        return _answer(round_id, is_shortened, heard.warning_percent)
    finally:
        if ask.session_id is None:
            _end(where, acting_team(principal), principal.actor, now=clock())


def is_short_enough(messages: Sequence[Mapping[str, Any]], terms: Rounds) -> bool:
    """Whether agents can be sent all of a chat."""
    asked, before = _asked_and_before(messages)
    return count_tokens(asked) + count_tokens(before) <= _most_tokens(terms)


class _Heard:
    """Calls models as it was told to, and remembers of which threshold of the budget it heard."""

    def __init__(self, call: Caller):
        self.warning_percent: int | None = None
        self._call = call
        self._lock = Lock()  # agents are asked at once

    def __call__(self, **asked: Any) -> Answer:
        answer = self._call(**asked)
        if answer.warning_percent is not None:
            with self._lock:
                self.warning_percent = max(self.warning_percent or 0, answer.warning_percent)
        return answer


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


def _most_tokens(terms: Rounds) -> int:
    return terms.prompt_most_tokens // QUESTION_SHARE


def _question(messages: Sequence[Mapping[str, Any]], terms: Rounds) -> tuple[str, bool]:
    """What is asked, as one text, and whether it is shorter than that was: the last message of the user whole if it
    fits, then what was said before."""
    most, (asked, before) = _most_tokens(terms), _asked_and_before(messages)
    tokens = count_tokens(asked)
    if tokens > most:
        return shortened(asked, most) or asked[: most * 2], True
    if not before:
        return asked, False
    room = most - tokens
    if count_tokens(before) <= room:
        return f"{before}\n\n{asked}", False
    return (f"{shortened(before, room)}\n\n{asked}" if room >= LEAST_SHORTENED_TOKENS else asked), True


def _asked_and_before(messages: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The last message of the user, and all that was said beside it, each behind the role that said it."""
    said = [(str(each.get("role")), text) for each in messages if (text := text_of(each))]
    asked = next((text for role, text in reversed(said) if role == "user"), said[-1][1] if said else "")
    return asked, "\n".join(f"{role}: {text}" for role, text in said if text != asked)


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


def _answer(round_id: UUID, is_shortened: bool, warning_percent: int | None) -> CouncilAnswer:
    run = get_run(round_id)
    if run.status != RoundRun.Status.FINISHED:
        raise Unavailable(run.error or "The council has not come to an answer in time.", code="council_failed")
    turns = Round.objects.get(pk=round_id).turns.values_list("output_tokens", flat=True)
    output = min(run.spent_tokens, sum(turns) + count_tokens(run.answer))
    remaining, unit = _left(run)
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
        remaining=remaining,
        remaining_unit=unit,
        warning_percent=warning_percent,
    )


def _left(run: RoundRun) -> tuple[str, str]:
    """What the budget that paid has left, and in which unit; empty where there is none."""
    session, named = run.round.session, run.table.get("budget")
    budget_id = UUID(named) if named else session.budget_id
    budget_id = budget_id or budgets.find_default_budget_id(team_id=session.team_id)
    if budget_id is None:
        return "", ""
    state = budgets.get_budget(budget_id)
    return f"{state.limit - state.spent - state.reserved:f}", state.unit.value
