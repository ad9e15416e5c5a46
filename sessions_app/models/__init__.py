"""Sessions, their logs, windows, memories and handoffs."""

from sessions_app.models.checkpoints import Checkpoint
from sessions_app.models.foresight import ExhaustionForecast, Proposal
from sessions_app.models.gateway import (
    BreakerEvent,
    Deployment,
    DeploymentHealth,
    GatewayCall,
    RoundRun,
    RoundTable,
    TriageCorrection,
    TriageProgress,
)
from sessions_app.models.handoffs import FINISHED, Handoff, HandoffMember
from sessions_app.models.log import MOST_HOT_BYTES, Archive, Event, StateBody, StateItem
from sessions_app.models.memory import Fact, SessionLikeness, SessionVector
from sessions_app.models.policies import GatewayPolicy, SessionPolicy
from sessions_app.models.rounds import Round, Turn
from sessions_app.models.sessions import Instance, Session
from sessions_app.models.threads import ThreadBlob, ThreadCheckpoint, ThreadWrite
from sessions_app.models.windows import ContextItem, InstanceHold, Usage

__all__ = [
    "FINISHED",
    "MOST_HOT_BYTES",
    "Archive",
    "BreakerEvent",
    "Checkpoint",
    "ContextItem",
    "Deployment",
    "DeploymentHealth",
    "Event",
    "ExhaustionForecast",
    "Fact",
    "GatewayCall",
    "GatewayPolicy",
    "Handoff",
    "HandoffMember",
    "Instance",
    "InstanceHold",
    "Proposal",
    "Round",
    "RoundRun",
    "RoundTable",
    "Session",
    "SessionLikeness",
    "SessionPolicy",
    "SessionVector",
    "StateBody",
    "StateItem",
    "ThreadBlob",
    "ThreadCheckpoint",
    "ThreadWrite",
    "TriageCorrection",
    "TriageProgress",
    "Turn",
    "Usage",
]
