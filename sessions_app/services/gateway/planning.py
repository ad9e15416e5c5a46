"""From a wish to a plan: who may serve it, how much it may take, until when. Nothing is stored or held yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from budgets.domain.estimates import Estimate, Mode
from config.kernel.errors import InvalidInput, NotAllowed
from market.domain.inline import InlineAsk
from sessions_app.domain.gateway.deployments import Candidate
from sessions_app.domain.gateway.routing import Ranking
from sessions_app.domain.gateway.terms import GatewayTerms
from sessions_app.domain.gateway.triage import TriageMode
from sessions_app.domain.gateway.wire import ChatAsk, EmbeddingsAsk
from sessions_app.selectors.gateway.seats import Seat, get_seat
from sessions_app.services.gateway import knowledge, registry
from sessions_app.services.gateway.assessing import Assessed, Setting, assess_chat
from sessions_app.services.gateway.background import read
from sessions_app.services.gateway.counting import count_chat, count_texts
from sessions_app.services.gateway.ids import new_id
from sessions_app.services.gateway.knowledge import Knowledge
from sessions_app.services.gateway.placing import Need, candidates_of, ranked
from sessions_app.services.gateway.wishes import Wish

AUTO = "auto"
"""A model's name, and a mode: triage chooses how it is answered."""
LONG_CHARACTERS = 20_000
"""Longer texts are counted in a thread: the event loop must not wait for it."""
UNBOUNDED_TOKENS = 2**31
GRAIN_SECONDS = 0.01
"""Less time than this is none: an event loop rounds its clock to milliseconds, and may end a wait that much early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What counting and triage say of a wish, without the database. `assessed` is None for embeddings."""

    input_tokens: int
    is_estimate: bool
    assessed: Assessed | None

    @property
    def estimate(self) -> Estimate | None:
        """Of the output of one answer."""
        return self.assessed.estimate if self.assessed else None

    @property
    def wants_council(self) -> bool:
        """Whether several models should deliberate."""
        return self.assessed is not None and self.assessed.assessment.mode is TriageMode.COUNCIL


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a wish is looked at with: the deployments of its name, its seat, and what triage knows."""

    candidates: Sequence[Candidate]
    snapshot: registry.Snapshot
    seat: Seat | None
    purpose: str
    looked: Looked
    began: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A call that may be admitted. `output_tokens` is the most of one answer, `least_output_tokens` the least
    that is worth being granted.

    `deadline` is in seconds of the monotonic clock. `is_chosen` says that the caller stated no bound.
    """

    call_id: UUID
    request_id: UUID
    wish: Wish
    setup: Setup
    origin: str
    ranking: Ranking
    output_tokens: int
    least_output_tokens: int
    is_chosen: bool
    created_at: datetime
    lease_expires_at: datetime
    deadline: float
    fallback: str = ""

    @property
    def terms(self) -> GatewayTerms:
        """In force when it was made."""
        return self.setup.snapshot.terms

    @property
    def seconds_left(self) -> float:
        """Until the deadline; below zero after it."""
        return self.deadline - time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether the deadline has come, as far as a clock can tell."""
        return self.seconds_left < GRAIN_SECONDS

    @property
    def seat(self) -> Seat | None:
        """Session and agent that it is for."""
        return self.setup.seat

    @property
    def input_tokens(self) -> int:
        """As we count it."""
        return self.setup.looked.input_tokens

    @property
    def model_class(self) -> str:
        """Of all of its deployments."""
        return self.ranking.ordered[0].candidate.deployment.model_class

    @property
    def _tokens_basis(self) -> str:
        """A caller's own bound says nothing of what such work takes: where it cuts an answer, nobody learns from it."""
        if not self.is_chosen and self.wish.is_chat:
            return "stated"
        return "estimated" if self.setup.looked.is_estimate else "counted"

    def output_of(self, granted_tokens: int) -> int:
        """The most output of one answer under a grant."""
        return max(0, (granted_tokens - self.input_tokens) // self.wish.choices)

    def ask(self) -> InlineAsk:
        """What is asked of the market."""
        looked, assessed = self.setup.looked, self.setup.looked.assessed
        tokens = self.input_tokens + self.output_tokens * self.wish.choices
        least = self.input_tokens + self.least_output_tokens * self.wish.choices
        return InlineAsk(
            request_id=self.request_id,
            principal=self.wish.principal,
            purpose=self.setup.purpose,
            origin=self.origin,
            model_class=self.model_class,
            tokens=tokens,
            input_tokens=self.input_tokens,
            tokens_basis=self._tokens_basis,
            regions=self.ranking.regions,
            lease_expires_at=self.lease_expires_at,
            budget_id=self.wish.budget_id or (self.seat.budget_id if self.seat else None),
            least_tokens=least if self.is_chosen and least < tokens else None,
            latency_class=self.wish.latency_class,
            residency=self.wish.residency,
            mode=Mode.EXPRESS,
            complexity=assessed.assessment.complexity if assessed else None,
            estimate=looked.estimate,
            routing=self.ranking.to_json(),
        )


async def look(wish: Wish, *, now: datetime) -> Setup:
    """Find who could serve a wish, count it and assess it. Raises NotFound for an unknown model, InvalidInput
    naming the header of a session or agent, Conflict for a session that ended, NotAllowed."""
    if wish.principal.team_id is None:
        raise NotAllowed("You act for no team, so nobody would pay. Use the API key of a team.")
    began = time.perf_counter()
    snapshot = await registry.current(now)
    candidates = candidates_of(snapshot, wish)
    seat = await _seat(wish, now - timedelta(minutes=snapshot.terms.routing.sticky_minutes))
    purpose = wish.purpose or (seat.purpose if seat else "") or snapshot.terms.calls.default_purpose
    known = await knowledge.current(now)
    looked = await _looked(wish, candidates, seat, purpose, snapshot.terms, known)
    return Setup(candidates=candidates, snapshot=snapshot, seat=seat, purpose=purpose, looked=looked, began=began)


def plan(wish: Wish, setup: Setup, *, now: datetime, fallback: str = "") -> Plan:
    """Decide who serves it in which order, and how much it may take.

    Raises InvalidInput naming the parameter at fault, Unavailable where nobody can serve it now.
    """
    terms, looked, call_id = setup.snapshot.terms, setup.looked, new_id()
    stated = wish.ask.max_output_tokens if isinstance(wish.ask, ChatAsk) else 0
    room = _window_room(wish, setup.seat, looked.input_tokens, stated)
    estimate = looked.estimate
    wanted = min(stated if stated is not None else estimate.p95_tokens if estimate else 0, room)
    least = wanted if stated is not None else min(terms.calls.least_output_tokens, wanted)
    expected = min(wanted, estimate.p50_tokens) if estimate else 0
    need = Need(input_tokens=looked.input_tokens, expected_tokens=expected * wish.choices, least_output_tokens=least)
    ranking = ranked(wish, setup.snapshot, setup.candidates, need=need, seat=setup.seat, call_id=call_id, now=now)
    most = max(each.candidate.deployment.most_output_tokens(looked.input_tokens) for each in ranking.ordered)
    seconds = terms.calls.deadline_seconds(wish.deadline_seconds)
    return Plan(
        call_id=call_id,
        request_id=new_id(),
        wish=wish,
        setup=setup,
        origin=wish.origin or wish.principal.country_code,
        ranking=ranking,
        output_tokens=min(wanted, most) if wish.is_chat else 0,
        least_output_tokens=least,
        is_chosen=stated is None,
        created_at=now,
        lease_expires_at=now + timedelta(seconds=seconds + terms.calls.lease_margin_seconds),
        deadline=time.monotonic() + seconds,
        fallback=fallback,
    )


async def _seat(wish: Wish, sticky_since: datetime) -> Seat | None:
    session_id, team_id = wish.session_id, wish.principal.team_id
    if session_id is None or team_id is None:
        if wish.agent:
            raise InvalidInput(
                "An agent belongs to a session: send X-Commonwatt-Session too.", field="X-Commonwatt-Agent"
            )
        return None
    model = wish.ask.model
    return await read(lambda: get_seat(session_id, wish.agent, team_id=team_id, model=model, sticky_since=sticky_since))


async def _looked(
    wish: Wish,
    candidates: Sequence[Candidate],
    seat: Seat | None,
    purpose: str,
    terms: GatewayTerms,
    known: Knowledge,
) -> Looked:
    first = candidates[0].deployment
    tokenisers = sorted({each.deployment.tokeniser for each in candidates})
    setting = Setting(
        team_id=wish.principal.team_id,
        purpose=purpose,
        origin=wish.origin or wish.principal.country_code,
        model_class=first.model_class,
        mode=_stated_mode(wish),
        session_mode=seat.mode if seat else "",
    )

    def looked() -> Looked:
        """Input tokens are those of the tokeniser that counts most, of the deployments that may serve it."""
        ask = wish.ask
        if isinstance(ask, EmbeddingsAsk):
            counts = [count_texts(ask.texts, tokeniser=each) for each in tokenisers]
        else:
            counts = [count_chat(ask.messages, ask.options, tokeniser=each) for each in tokenisers]
        most = max(counts, key=lambda each: each.tokens)
        assessed = None if isinstance(ask, EmbeddingsAsk) else assess_chat(ask, most, setting, terms, known)
        return Looked(input_tokens=most.tokens, is_estimate=most.is_estimate, assessed=assessed)

    return await asyncio.to_thread(looked) if _is_long(wish.ask) else looked()


def _stated_mode(wish: Wish) -> str | None:
    """Triage chooses where it is asked to; a call of a model by its name is answered by that model."""
    if wish.mode == AUTO or (not wish.mode and wish.ask.model == AUTO):
        return None
    return wish.mode or TriageMode.EXPRESS.value


def _is_long(ask: ChatAsk | EmbeddingsAsk) -> bool:
    if isinstance(ask, EmbeddingsAsk):
        return sum(map(len, ask.texts)) > LONG_CHARACTERS
    contents = [each.get("content") or "" for each in ask.messages]
    if ask.options.get("tools") or not all(isinstance(each, str) for each in contents):
        return True
    return sum(map(len, contents)) > LONG_CHARACTERS


def _window_room(wish: Wish, seat: Seat | None, input_tokens: int, stated: int | None) -> int:
    """Output that the agent's window has room for beside the input; without an agent nothing bounds it here."""
    if seat is None or seat.window_tokens is None or seat.max_output_tokens is None or not wish.is_chat:
        return UNBOUNDED_TOKENS
    room = min(seat.window_tokens - input_tokens, seat.max_output_tokens)
    if room < (stated or 1):
        raise InvalidInput(
            f"The window of {seat.agent} holds {seat.window_tokens} tokens and gives at most "
            f"{seat.max_output_tokens}; the call has {input_tokens} of input and wants {stated or 1} of output.",
            field="messages",
            code="context_length_exceeded",
        )
    return room
