"""A call of a model: what is wanted, what came of it, and the figures that go with the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self
from uuid import UUID

from accounts.domain.principal import Principal
from market.domain.inline import InlineGrant, InlineSettled
from sessions_app.domain.gateway.wire import ANYWHERE, ChatAsk, EmbeddingsAsk, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A call that is wanted, in good form. None and empty: not stated.

    `deadline_seconds` bounds all of it. `mode` is express, council or auto. `is_within_rate(actor, count)` counts
    calls of a caller and says whether they are within the rate; None counts nothing. Under an
    `idempotency_key` the answer is kept; `fingerprint` tells two bodies apart. `no_council` says why one model
    answers where a council was to: its words are stored, and hold nothing of the call's text.
    """

    principal: Principal
    ask: ChatAsk | EmbeddingsAsk
    purpose: str | None = None
    origin: str | None = None
    session_id: UUID | None = None
    agent: str = ""
    round_id: UUID | None = None
    budget_id: UUID | None = None
    deadline_seconds: float | None = None
    latency_class: str = ANYWHERE
    residency: tuple[str, ...] | None = None
    mode: str = ""
    idempotency_key: str | None = None
    fingerprint: str = ""
    is_within_rate: Callable[[str, int], bool] | None = None
    no_council: str = ""

    @property
    def is_chat(self) -> bool:
        """A chat; else embeddings."""
        return isinstance(self.ask, ChatAsk)

    @property
    def is_stream(self) -> bool:
        """Whether the answer is wanted in parts."""
        return isinstance(self.ask, ChatAsk) and self.ask.is_stream

    @property
    def choices(self) -> int:
        """How many answers are wanted."""
        return int(self.ask.options.get("n") or 1) if isinstance(self.ask, ChatAsk) else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What goes beside an answer. `carbon_g` g CO2e; `is_settled` False: what was granted, not yet what was used.

    `max_tokens` is set where the caller stated none, or got less. `remaining` is of the budget, None unknown.
    `round_id` is that of a council, empty where one model answered; `is_shortened`: it was sent less than was asked.
    """

    call_id: str
    request_id: str | None
    region: str = ""
    deployment: str = ""
    carbon_g: float = 0.0
    total_micro_usd: int = 0
    remaining: str | None = None
    remaining_unit: str = ""
    warning_percent: int | None = None
    max_tokens: int | None = None
    fallback: str = ""
    is_settled: bool = False
    round_id: str = ""
    is_shortened: bool = False

    @classmethod
    def of_grant(
        cls, call_id: UUID, grant: InlineGrant, *, deployment: str, max_tokens: int | None, fallback: str = ""
    ) -> Self:
        """What was granted."""
        return cls(
            call_id=str(call_id),
            request_id=str(grant.request_id),
            region=grant.region,
            deployment=deployment,
            carbon_g=grant.location_g,
            total_micro_usd=grant.total_micro_usd,
            remaining=grant.remaining,
            remaining_unit=grant.remaining_unit,
            warning_percent=grant.warning_percent,
            max_tokens=max_tokens,
            fallback=fallback,
        )

    def settled(self, settled: InlineSettled) -> Figures:
        """The same with what was used."""
        return replace(
            self,
            carbon_g=settled.location_g,
            total_micro_usd=settled.total_micro_usd,
            remaining=settled.remaining,
            remaining_unit=settled.remaining_unit,
            warning_percent=settled.warning_percent,
            is_settled=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A whole answer, as it can be kept. `vectors` of embeddings, `choices` of a chat. `created` in Unix seconds.

    `usage_basis` says who counted: provider, counted, granted.
    """

    figures: Figures
    model: str
    created: int
    usage: Usage
    usage_basis: str
    choices: Sequence[Mapping[str, Any]] = ()
    vectors: Sequence[Sequence[float]] = field(default=())
    fingerprint: str = ""
    is_replay: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, to be kept under an Idempotency-Key."""
        return {
            "figures": {name: getattr(self.figures, name) for name in Figures.__dataclass_fields__},
            "model": self.model,
            "created": self.created,
            "usage": {name: getattr(self.usage, name) for name in Usage.__dataclass_fields__},
            "usage_basis": self.usage_basis,
            "choices": list(self.choices),
            "vectors": [list(each) for each in self.vectors],
            "fingerprint": self.fingerprint,
        }

    @classmethod
    def replayed(cls, stored: Mapping[str, Any]) -> Self:
        """What was kept, for another try of the same call."""
        values = dict(stored)
        figures, usage = Figures(**values.pop("figures")), Usage(**values.pop("usage"))
        return cls(figures=figures, usage=usage, **values, is_replay=True)
