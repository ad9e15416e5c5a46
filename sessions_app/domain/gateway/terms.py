"""The terms of a gateway policy, read from the JSON body of a version and checked key by key."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from config.kernel.terms import TermError, TermReader

CACHED_SUMMARY = "cached_summary"
STEPS = ("council", "express", CACHED_SUMMARY)
"""Ways of answering, from the best to the least; after the last one the gateway refuses."""
SIGNALS = ("length", "structure", "questions", "tools", "domain_terms", "history", "images", "output")
"""What triage looks at in a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """Weights of carbon, price and latency, in percent, with which deployments are put in order; they sum to 100.
    A session stays with its deployment for `sticky_minutes` unless another one is better by `sticky_gain_percent`."""

    carbon_percent: int
    price_percent: int
    latency_percent: int
    sticky_minutes: int
    sticky_gain_percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Bounds of one call, in seconds, and what is assumed where the caller says nothing."""

    default_deadline_seconds: int
    most_deadline_seconds: int
    connect_seconds: int
    first_byte_seconds: int
    idle_seconds: int
    most_attempts: int
    least_output_tokens: int
    lease_margin_seconds: int
    keep_answers_hours: int
    default_purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """A breaker opens after `failures_in_a_row`, or when `failure_percent` of at least `least_calls` within
    `window_seconds` failed; it stays open for `open_seconds`, twice as long each time in a row up to
    `most_open_seconds`; then one call at a time tries it, for `probe_seconds` at most."""

    failures_in_a_row: int
    failure_percent: int
    least_calls: int
    window_seconds: int
    open_seconds: int
    most_open_seconds: int
    probe_seconds: int

    @property
    def longest_wait_seconds(self) -> int:
        """No deployment is closed to calls for longer, without news of it."""
        return max(self.open_seconds, self.most_open_seconds, self.probe_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage:
    """How complex a request is, in points of 100: each signal adds up to its points.

    Above `council_above_points` a council is worth it. Outcomes move a team's complexity by
    `learning_percent` of the surprise, at most `most_correction_points`."""

    points: dict[str, int]
    long_tokens: int
    many_messages: int
    council_above_points: int
    council_roles: tuple[str, ...]
    domain_terms: tuple[str, ...]
    learning_percent: int
    most_correction_points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """A round table that the gateway drives: size of each prompt in tokens, what is packed into it, time and output
    of each agent. An empty model name: no judge, and no summaries by a model."""

    prompt_least_tokens: int
    prompt_most_tokens: int
    newest_cycles: int
    output_tokens: int
    agent_seconds: int
    lease_seconds: int
    judge_model: str
    summary_model: str


@dataclass(frozen=True, kw_only=True)
class GatewayTerms:
    """One version of a gateway policy."""

    SECTIONS: ClassVar[tuple[str, ...]] = ("routing", "calls", "breaker", "triage", "rounds", "fallback")

    routing: Routing
    calls: Calls
    breaker: Breaker
    triage: Triage
    rounds: Rounds
    ladder: tuple[str, ...]

    @classmethod
    def read(cls, body: Any) -> Self:
        """Terms from a body. Raises TermError naming the key at fault, unknown keys included."""
        reader = TermReader(body)
        terms = cls(
            routing=Routing(**_wholes(reader, Routing, "routing", 0, 10_080)),
            calls=Calls(
                default_purpose=reader.text("calls.default_purpose", 60),
                **_wholes(reader, Calls, "calls", 1, 3600, leave=("default_purpose",)),
            ),
            breaker=Breaker(**_wholes(reader, Breaker, "breaker", 1, 86_400)),
            triage=_triage(reader),
            rounds=Rounds(
                judge_model=reader.text("rounds.judge_model", 120),
                summary_model=reader.text("rounds.summary_model", 120),
                **_wholes(reader, Rounds, "rounds", 1, 100_000, leave=("judge_model", "summary_model")),
            ),
            ladder=reader.choices("fallback.ladder", STEPS),
        )
        reader.refuse_unknown()
        terms._require_sense()
        return terms

    def _require_sense(self) -> None:
        routing = self.routing
        if routing.carbon_percent + routing.price_percent + routing.latency_percent != 100:
            raise TermError("routing.carbon_percent", "does not sum to 100 with price and latency")
        if self.calls.default_deadline_seconds > self.calls.most_deadline_seconds:
            raise TermError("calls.default_deadline_seconds", "is above most_deadline_seconds")
        if self.rounds.prompt_least_tokens > self.rounds.prompt_most_tokens:
            raise TermError("rounds.prompt_least_tokens", "is above prompt_most_tokens")
        if sum(self.triage.points.values()) != 100:
            raise TermError("triage.points", "do not sum to 100")
        if "express" not in self.ladder:
            raise TermError("fallback.ladder", "does not hold express")


def _triage(reader: TermReader) -> Triage:
    names = ("points", "council_roles", "domain_terms")
    return Triage(
        points={each: reader.whole(f"triage.points.{each}", 0, 100) for each in SIGNALS},
        council_roles=reader.texts("triage.council_roles", 40),
        domain_terms=reader.texts("triage.domain_terms", 60),
        **_wholes(reader, Triage, "triage", 0, 1_000_000, leave=names),
    )


def _wholes(
    reader: TermReader, section: type, name: str, lowest: int, highest: int, *, leave: tuple[str, ...] = ()
) -> dict[str, Any]:
    bounds = {"percent": 100, "points": 100}
    return {
        each.name: reader.whole(f"{name}.{each.name}", lowest, bounds.get(each.name.rsplit("_", 1)[-1], highest))
        for each in fields(section)
        if each.name not in leave
    }
