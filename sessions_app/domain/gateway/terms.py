"""The terms of a gateway policy, read from the JSON body of a version and checked key by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
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
    """Bounds of one call, in seconds, and what is assumed where the caller says nothing.

    While another deployment could be asked, an attempt at a whole answer has `attempt_share_percent` of the time that
    is left, but never less than `attempt_least_seconds` and, on top of those, what the answer takes at
    `attempt_tokens_per_second`."""

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
    attempt_share_percent: int = 50
    attempt_least_seconds: int = 10
    attempt_tokens_per_second: int = 30

    def deadline_seconds(self, asked_seconds: float | None) -> float:
        """How long a call may take whose caller asked for so long, or for nothing (None). None left is no time."""
        wanted = self.default_deadline_seconds if asked_seconds is None else asked_seconds
        return float(min(wanted, self.most_deadline_seconds))

    def part_seconds(self, left_seconds: float, *, likely_tokens: int) -> float:
        """The time of an attempt at a whole answer of so many tokens at most, where the rest is for somebody else.

        The share is our own rule. What lies above it keeps a slow model with a long answer from being given up, and
        callers with short deadlines from opening breakers.
        """
        least = self.attempt_least_seconds + likely_tokens / self.attempt_tokens_per_second
        return min(left_seconds, max(left_seconds * self.attempt_share_percent / 100, least))


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
class Full:
    """What counts as all of a signal: parts of a structure, of which a schema is `schema_parts`; questions; tools and
    their results; different domain terms; images; tokens of output asked for."""

    structure_parts: int = 12
    schema_parts: int = 4
    questions: int = 4
    tools: int = 6
    domain_terms: int = 4
    images: int = 3
    output_tokens: int = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonSizes:
    """Where single outcomes want a correction to stand, in points: an answer that was cut at the bound that we had
    chosen; each doubling of the output against what was expected, up to `most_length_points` (half of it as much
    downwards); an answer that somebody called too shallow or too deep; one of no help, nobody said why; a council
    with dissent, or without."""

    cut_points: int = 25
    doubling_points: int = 25
    most_length_points: int = 50
    depth_points: int = 50
    unhelpful_points: int = 15
    council_points: int = 25


EFFORT_PERCENT = {"none": 0, "minimal": 0, "low": 25, "medium": 50, "high": 100, "xhigh": 100, "max": 100}
"""Share of all output points that each effort stands for, by OpenAI's names, unless a policy says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage:
    """How complex a request is, in points of 100: each signal adds up to its points.

    Above `council_above_points` a council is worth it; `sure_from_points` away from there confidence is 1. Outcomes
    move a team's complexity by `learning_percent` of the surprise, at most `most_correction_points`."""

    points: dict[str, int]
    long_tokens: int
    many_messages: int
    council_above_points: int
    council_roles: tuple[str, ...]
    domain_terms: tuple[str, ...]
    learning_percent: int
    most_correction_points: int
    sure_from_points: int = 30
    full: Full = field(default_factory=Full)
    effort_percent: dict[str, int] = field(default_factory=lambda: dict(EFFORT_PERCENT))
    lessons: LessonSizes = field(default_factory=LessonSizes)


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
        if self.triage.sure_from_points < 1:
            raise TermError("triage.sure_from_points", "is below 1")
        if "express" not in self.ladder:
            raise TermError("fallback.ladder", "does not hold express")


def _triage(reader: TermReader) -> Triage:
    names = ("points", "council_roles", "domain_terms", "full", "effort_percent", "lessons")
    return Triage(
        points={each: reader.whole(f"triage.points.{each}", 0, 100) for each in SIGNALS},
        council_roles=reader.texts("triage.council_roles", 40),
        domain_terms=reader.texts("triage.domain_terms", 60),
        full=Full(**_wholes(reader, Full, "triage.full", 1, 1_000_000)),
        effort_percent={
            name: reader.whole(f"triage.effort_percent.{name}", 0, 100, missing=percent)
            for name, percent in EFFORT_PERCENT.items()
        },
        lessons=LessonSizes(**_wholes(reader, LessonSizes, "triage.lessons", 0, 100)),
        **_wholes(reader, Triage, "triage", 0, 1_000_000, leave=names),
    )


def _wholes(
    reader: TermReader, section: type, name: str, lowest: int, highest: int, *, leave: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The whole numbers of a section. One with a default is newer than its section: older versions do not say it."""
    bounds = {"percent": 100, "points": 100}
    return {
        each.name: reader.whole(
            f"{name}.{each.name}",
            lowest,
            bounds.get(each.name.rsplit("_", 1)[-1], highest),
            missing=None if each.default is MISSING else each.default,
        )
        for each in fields(section)
        if each.name not in leave
    }


def with_unsaid(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body with the terms that it does not say, at what they mean then; to begin a new version from."""
    told = {name: dict(section) if isinstance(section, Mapping) else section for name, section in body.items()}
    for name, unsaid in UNSAID.items():
        section = told.get(name)
        if isinstance(section, dict):
            told[name] = _filled(section, unsaid)
    return told


def _filled(section: Mapping[str, Any], unsaid: Mapping[str, Any]) -> dict[str, Any]:
    nested = {
        name: _filled(section[name], value)
        for name, value in unsaid.items()
        if isinstance(value, Mapping) and isinstance(section.get(name), Mapping)
    }
    missing = {name: value for name, value in unsaid.items() if name not in section}
    return {**section, **nested, **missing}


def _defaults(section: type) -> dict[str, int]:
    return {each.name: each.default for each in fields(section) if isinstance(each.default, int)}


UNSAID: dict[str, dict[str, Any]] = {
    "calls": _defaults(Calls),
    "triage": {
        **_defaults(Triage),
        "full": _defaults(Full),
        "effort_percent": EFFORT_PERCENT,
        "lessons": _defaults(LessonSizes),
    },
}
"""Terms that were added later, by section, with what versions from before mean by not saying them."""
