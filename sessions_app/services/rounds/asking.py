"""Asking models, outside of any transaction: several agents at once, each within its time, with one try to repair
an answer that is not in its form.

Every call has an identifier of its own in the round, under which its answer is kept: whoever carries a round on
after a crash gets the same answer again, and nothing is spent twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from django.db import connections

from accounts.domain.principal import Principal
from config.kernel.errors import DomainError, Exhausted, StillRunning, Unavailable
from sessions_app.domain.continuity import readable
from sessions_app.domain.gateway.stance import FormError, repair_words
from sessions_app.domain.gateway.wire import ChatAsk
from sessions_app.services.rounds.prompts import Messages, tokens_of

logger = logging.getLogger(__name__)

LEAST_REPAIR_SECONDS = 2.0
REST_SECONDS = 0.5
"""Between two looks at a call that somebody else is still waiting for."""
LONGEST_PROBLEM_CHARACTERS = 200
MOST_CHARACTERS_A_TOKEN = 16
"""A token has some four. What a provider sends beyond this for each token that it may write is not read."""

T = TypeVar("T")


class Answer(Protocol):
    """What a call brought. Tokens are input and output; micro-USD and g CO2e (location-based)."""

    @property
    def text(self) -> str:
        """The words of the first choice."""

    @property
    def tokens(self) -> int:
        """Input and output together."""

    @property
    def usage(self) -> Any:
        """Tokens apart: `input_tokens`, `output_tokens`; None where nobody knows."""

    @property
    def total_micro_usd(self) -> int:
        """What it cost."""

    @property
    def location_g(self) -> float:
        """What it emitted."""

    @property
    def deployment(self) -> str:
        """What answered; empty where something else stands in for a model."""

    @property
    def warning_percent(self) -> int | None:
        """The highest threshold that the budget has passed, if any."""


Caller = Callable[..., Answer]
"""How a model is called: as `sessions_app.services.gateway.calling.call_model`. Raises DomainError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who is asked what: `key` names the call, `agent` is empty where it is no agent of the session."""

    key: str
    model: str
    messages: Messages
    agent: str = ""
    may_repair: bool = True


@dataclass(slots=True, kw_only=True)
class Bill:
    """What calls took, so far."""

    calls: int = 0
    tokens: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    micro_usd: int = 0
    g: float = 0.0

    def add(self, answer: Answer, prompt_tokens: int) -> None:
        """One more call; where nobody told its input, `prompt_tokens` is what we counted."""
        told = answer.usage.input_tokens if answer.usage else min(prompt_tokens, answer.tokens)
        self.calls += 1
        self.tokens += answer.tokens
        self.prompt_tokens += told
        self.output_tokens += answer.tokens - told
        self.micro_usd += answer.total_micro_usd
        self.g += answer.location_g


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Generic[T]):
    """What came of it: `said`, or the `problem` why there is nothing; `is_exhausted`: the budget ended."""

    asking: Asking
    said: T | None
    bill: Bill
    problem: str = ""
    is_exhausted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How a round calls models: as whom, on whose account, with how much output, within how many seconds."""

    call: Caller
    principal: Principal
    output_tokens: int
    seconds: float
    options: dict[str, Any] = field(default_factory=dict)


def ask_all(line: Line, askings: Sequence[Asking], read: Callable[[str], T], form: str) -> Iterator[Asked[T]]:
    """Ask all at once; each as soon as it has answered, or cannot any more."""
    with ThreadPoolExecutor(max_workers=len(askings), thread_name_prefix="round") as pool:
        waiting = [pool.submit(_in_thread, line, each, read, form) for each in askings]
        for done in as_completed(waiting):
            yield done.result()


def ask_one(line: Line, asking: Asking, read: Callable[[str], T], form: str) -> Asked[T]:
    """Ask, and once more if the answer is not in its form."""
    until, bill = time.monotonic() + line.seconds, Bill()
    try:
        text = _answer(line, asking, asking.messages, asking.key, until, bill)
        try:
            return Asked(asking=asking, said=read(text), bill=bill)
        except FormError as error:
            if not asking.may_repair or until - time.monotonic() < LEAST_REPAIR_SECONDS:
                raise
            # Only its words and the form: the whole prompt again would be larger than a prompt may be.
            told = f"{repair_words(error, form)}\n\nYour answer was:\n{text}"
            again = [asking.messages[0], {"role": "user", "content": told}]
            text = _answer(line, asking, again, f"{asking.key}:repair", until, bill)
            return Asked(asking=asking, said=read(text), bill=bill)
    except FormError as error:
        return Asked(asking=asking, said=None, bill=bill, problem=f"The answer was not in the form: {error}")
    except DomainError as error:
        problem = error.detail[:LONGEST_PROBLEM_CHARACTERS]
        return Asked(asking=asking, said=None, bill=bill, problem=problem, is_exhausted=isinstance(error, Exhausted))


def _answer(line: Line, asking: Asking, messages: Messages, key: str, until: float, bill: Bill) -> str:
    """The words of an answer; its costs go on the bill. Waits where somebody else has asked already."""
    ask = ChatAsk(model=asking.model, messages=messages, max_output_tokens=line.output_tokens)
    while True:
        left = until - time.monotonic()
        try:
            answer = line.call(
                principal=line.principal,
                ask=ask,
                agent=asking.agent,
                deadline_seconds=max(left, REST_SECONDS),
                idempotency_key=key,
                fingerprint=sha256(key.encode()).hexdigest(),  # what is packed may differ after a crash
                **line.options,
            )
        except StillRunning:
            if left <= REST_SECONDS:
                raise
            time.sleep(REST_SECONDS)
        else:
            if not answer.deployment:
                raise Unavailable("No model answered.")
            bill.add(answer, tokens_of(messages))
            return readable(answer.text[: MOST_CHARACTERS_A_TOKEN * line.output_tokens])


def _in_thread(line: Line, asking: Asking, read: Callable[[str], T], form: str) -> Asked[T]:
    try:
        return ask_one(line, asking, read, form)
    finally:
        connections.close_all()


def line_of_gateway() -> Caller:
    """The gateway's own way to call a model."""
    from sessions_app.services.gateway.calling import call_model

    return call_model


def call_key(round_id: UUID, what: str) -> str:
    """The name of a call in a round: the same for whoever carries it on."""
    return f"round:{round_id}:{what}"
