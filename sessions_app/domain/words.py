"""Names that the API, the database and the pages share."""

from __future__ import annotations

from enum import StrEnum


class Component(StrEnum):
    """What a part of a context window is for."""

    SYSTEM = "system"
    WORKING_MEMORY = "working_memory"
    KNOWLEDGE = "knowledge"
    AGENT = "agent"
    INTERACTION = "interaction"


class ItemKind(StrEnum):
    """What a thing in a context window is."""

    MESSAGE = "message"
    FILE = "file"
    TOOL_OUTPUT = "tool_output"
    DEBUG = "debug"
    DOCUMENTATION = "documentation"
    TASK = "task"
    KNOWLEDGE = "knowledge"
    SUMMARY = "summary"
    INSTRUCTION = "instruction"
    OTHER = "other"


class Tier(StrEnum):
    """How near a memory is: in every prompt, loaded on demand, or in the archive."""

    HOT = "hot"
    WARM = "warm"
    COLD = "cold"


class FactKind(StrEnum):
    """What a fact records. Facts are never summarised."""

    DECISION = "decision"
    CONSTRAINT = "constraint"
    OPEN = "open"
    ARTIFACT = "artifact"
    FAILED = "failed"
    CORRECTION = "correction"
    DISSENT = "dissent"
    PREFERENCE = "preference"


class Rung(StrEnum):
    """A rung of the ladder on occupancy, lowest first."""

    WARN = "warn"
    OFFLOAD = "offload"
    CHECKPOINT = "checkpoint"
    REFUSE = "refuse"
    EMERGENCY = "emergency"


HANDING_OVER = (Rung.CHECKPOINT, Rung.EMERGENCY)
"""Rungs at which a handoff may begin."""


class Reason(StrEnum):
    """Why a checkpoint was made."""

    TOKENS = "tokens"
    TIME = "time"
    THRESHOLD = "threshold"
    PHASE = "phase"
    HANDOFF = "handoff"
    END = "end"
    MANUAL = "manual"


class Protocol(StrEnum):
    """How a handoff waits for its agents."""

    COORDINATED = "coordinated"
    GRACEFUL = "graceful"
    EMERGENCY = "emergency"


class Phase(StrEnum):
    """Where a handoff stands."""

    PREPARING = "preparing"
    COORDINATING = "coordinating"
    TRANSFERRING = "transferring"
    VALIDATING = "validating"
    COMPLETE = "complete"
    ABORTED = "aborted"


class Stance(StrEnum):
    """What an agent says of the matter of a round."""

    AGREE = "agree"
    DISSENT = "dissent"
    ABSTAIN = "abstain"


STANDARD_KEYS = ("conversation", "decisions", "focus", "roles", "artefacts", "coordination")
"""Keys of the shared state that every agent may rely on: conversation context, decision history, current focus,
role assignments, shared artefacts, next coordination points."""
