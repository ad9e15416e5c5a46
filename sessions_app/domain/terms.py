"""The terms of a session policy, read from the JSON body of a version and checked key by key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, ClassVar, Self

from config.kernel.terms import TermError, TermReader
from sessions_app.domain.words import Component, Protocol

STRATEGIES = (
    "drop_duplicates",
    "drop_debug",
    "archive_finished",
    "drop_redundant",
    "compress_large",
    "compress_documentation",
    "keep_excerpts",
    "summarise_interactions",
    "archive_interactions",
    "unload_knowledge",
    "evict_least_recent",
)
"""Ways of cleaning up a context window, in the order in which they run unless a policy says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Rungs on occupancy = (context tokens + next output) / window, in percent. Each fires once and re-arms
    `rearm_points` lower. A compaction must gain `least_gain_percent` of the window. A window whose profile is
    perpetual compacts at `perpetual_percent` down to `perpetual_target_percent`."""

    warn_percent: int
    offload_percent: int
    checkpoint_percent: int
    refuse_percent: int
    emergency_percent: int
    rearm_points: int
    least_gain_percent: int
    perpetual_percent: int
    perpetual_target_percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Most of a window (less its reserve) that each component may take, and how proposals move these shares."""

    percent: dict[Component, int]
    least_percent: int
    most_percent: int
    step_points: int
    raise_after_exhaustions: int
    lower_below_percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleanup:
    """Bounds of the cleanup strategies; minutes are idle minutes, percentages what is kept."""

    order: tuple[str, ...]
    large_tokens: int
    large_idle_minutes: int
    large_keep_percent: int
    debug_idle_minutes: int
    evict_above_percent: int
    knowledge_idle_minutes: int
    excerpt_keep_percent: int
    documentation_keep_percent: int
    summarise_idle_minutes: int
    archive_idle_minutes: int
    keep_whole_minutes: int
    redundant_percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Sizes of the tiers and how long each kind of memory is shown in its view.

    What is older leaves the view and stays in the log or the archive. What of the state nobody wrote or read for
    `working_minutes` leaves for the archive as well.
    """

    hot_tokens: int
    hot_bytes: int
    turn_hot_minutes: int
    working_minutes: int
    episodic_days: int
    semantic_days: int
    collective_days: int
    summary_percent: int
    similar_sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """When checkpoints are made and how the log is kept short. A full body of the state is stored after
    `body_events` events whose deltas weigh at least `body_percent` of the state."""

    every_tokens: int
    every_minutes: int
    keep_hot: int
    body_events: int
    body_percent: int
    log_events: int
    continuity_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoffs:
    """Deadlines in seconds; the quorum of each protocol in percent of the agents."""

    coordinate_seconds: int
    transfer_seconds: int
    emergency_seconds: int
    focus_percent: int
    most_rounds: int
    quorum_percent: dict[Protocol, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecasts:
    """`k_percent` of the agents exhausted means that all are. Smoothing is the weight of the newest burn rate."""

    smoothing_percent: int
    least_samples: int
    k_percent: int
    joint_percent: int
    correlation_percent: int
    transition_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Complexity of a task (points) and the tokens that it is expected to need, by component."""

    points_per_file: int
    points_per_agent: int
    points_per_minute: int
    moderate_from: int
    complex_from: int
    tokens: dict[str, dict[Component, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Rounds: how alike two texts are to be a repeat, and how many loops may run."""

    repeat_percent: int
    most_cycles: int
    agree_percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar:
    """The model of the gateway that makes vectors of what sessions are about; empty: none is made. Two vectors whose
    cosine is not above `least_cosine_percent` are of unlike sessions: how near unlike texts are differs by model."""

    embedding_model: str = ""
    least_cosine_percent: int = 50


@dataclass(frozen=True, kw_only=True)
class SessionTerms:
    """One version of a session policy."""

    SECTIONS: ClassVar[tuple[str, ...]] = (
        "ladder",
        "shares",
        "cleanup",
        "memory",
        "checkpoints",
        "handoffs",
        "forecasts",
        "needs",
        "agreement",
        "similar",
    )
    MAY_BE_ABSENT: ClassVar[dict[str, dict[str, Any]]] = {"similar": asdict(Similar())}
    """Sections that versions of before do not have, with what holds without them."""

    ladder: Ladder
    shares: Shares
    cleanup: Cleanup
    memory: Memory
    checkpoints: Checkpoints
    handoffs: Handoffs
    forecasts: Forecasts
    needs: Needs
    agreement: Agreement
    similar: Similar

    @classmethod
    def read(cls, body: Any) -> Self:
        """Terms from a body. Raises TermError naming the key at fault, unknown keys included."""
        reader = TermReader(body)
        terms = cls(
            ladder=Ladder(**_wholes(reader, Ladder, "ladder", 1, 100)),
            shares=Shares(
                percent={each: reader.whole(f"shares.percent.{each}", 1, 100) for each in Component},
                **_wholes(reader, Shares, "shares", 0, 100, leave=("percent",)),
            ),
            cleanup=Cleanup(
                order=reader.choices("cleanup.order", STRATEGIES),
                **_wholes(reader, Cleanup, "cleanup", 0, 1_000_000, leave=("order",)),
            ),
            memory=Memory(**_wholes(reader, Memory, "memory", 1, 1_000_000)),
            checkpoints=Checkpoints(**_wholes(reader, Checkpoints, "checkpoints", 1, 10_000_000)),
            handoffs=Handoffs(
                quorum_percent={each: reader.whole(f"handoffs.quorum_percent.{each}", 0, 100) for each in Protocol},
                **_wholes(reader, Handoffs, "handoffs", 1, 86_400, leave=("quorum_percent",)),
            ),
            forecasts=Forecasts(**_wholes(reader, Forecasts, "forecasts", 1, 10_080)),
            needs=Needs(tokens=_needs(reader), **_wholes(reader, Needs, "needs", 0, 10_000, leave=("tokens",))),
            agreement=Agreement(**_wholes(reader, Agreement, "agreement", 1, 100)),
            similar=_similar(reader),
        )
        reader.refuse_unknown()
        terms._require_sense()
        return terms

    @cached_property
    def rungs(self) -> tuple[int, ...]:
        """Percentages of the ladder, lowest first."""
        ladder = self.ladder
        return (
            ladder.warn_percent,
            ladder.offload_percent,
            ladder.checkpoint_percent,
            ladder.refuse_percent,
            ladder.emergency_percent,
        )

    def _require_sense(self) -> None:
        if list(self.rungs) != sorted(set(self.rungs)):
            raise TermError("ladder", "rungs do not rise from warn to emergency")
        if sum(self.shares.percent.values()) != 100:
            raise TermError("shares.percent", "does not sum to 100")
        if self.ladder.perpetual_target_percent >= self.ladder.perpetual_percent:
            raise TermError("ladder.perpetual_target_percent", "is not below where it compacts")
        if self.needs.moderate_from >= self.needs.complex_from:
            raise TermError("needs.complex_from", "is not above moderate_from")
        for name in ("large_keep_percent", "excerpt_keep_percent", "documentation_keep_percent", "redundant_percent"):
            if not 1 <= getattr(self.cleanup, name) <= 100:
                raise TermError(f"cleanup.{name}", "is not between 1 and 100")


def _wholes(
    reader: TermReader, section: type, name: str, lowest: int, highest: int, *, leave: Iterable[str] = ()
) -> dict[str, Any]:
    kept = set(leave)
    bounds = {"percent": 100, "points": 100}
    return {
        each.name: reader.whole(f"{name}.{each.name}", lowest, bounds.get(each.name.rsplit("_", 1)[-1], highest))
        for each in fields(section)
        if each.name not in kept
    }


def _similar(reader: TermReader) -> Similar:
    if not reader.has("similar"):
        return Similar()
    return Similar(
        embedding_model=reader.text("similar.embedding_model", 120),
        least_cosine_percent=reader.whole("similar.least_cosine_percent", 0, 99),
    )


def _needs(reader: TermReader) -> dict[str, dict[Component, int]]:
    return {
        size: {each: reader.whole(f"needs.tokens.{size}.{each}", 0, 10_000_000) for each in Component}
        for size in ("simple", "moderate", "complex")
    }
