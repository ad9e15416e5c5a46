"""Forecasts, reports and proposals as the API answers them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.kernel.paging import PageIn
from config.kernel.rest import StrictSerializer
from sessions_app.domain.foresight import AgentOutlook, Band, Load
from sessions_app.models import Proposal
from sessions_app.selectors.foresight import ForecastFacts

PROPOSAL_KINDS = Proposal.Kind.choices
PROPOSAL_STATUSES = Proposal.Status.choices
DECISIONS = ["accepted", "rejected"]


class BandOut(serializers.Serializer):  # type: ignore[type-arg]
    """Seconds until a window is full: an 80 % band around the central time."""

    low_seconds = serializers.FloatField()
    central_seconds = serializers.FloatField()
    high_seconds = serializers.FloatField(help_text="31 days where nothing bounds it.")


class AgentForecastOut(serializers.Serializer):  # type: ignore[type-arg]
    """What is foreseen of the window of an agent."""

    agent = serializers.CharField()
    context_tokens = serializers.IntegerField()
    full_tokens = serializers.IntegerField(help_text="Where its window admits nothing new.")
    samples = serializers.IntegerField(help_text="Calls that the forecast rests on.")
    burn_tokens_per_minute = serializers.FloatField(allow_null=True, help_text="Null: too few calls.")
    exhaustion = BandOut(allow_null=True, help_text="Null where too little is known, or not within 31 days.")


class ForecastAccuracyOut(serializers.Serializer):  # type: ignore[type-arg]
    """How good scored forecasts were."""

    scored = serializers.IntegerField()
    averted = serializers.IntegerField(help_text="A cleanup, a handoff or the end came first.")
    coverage = serializers.FloatField(allow_null=True, help_text="Share of actual times within their 80 % band.")
    median_error = serializers.FloatField(allow_null=True, help_text="Of the central time, relative to the actual.")
    auc = serializers.FloatField(allow_null=True, help_text="Null with fewer than ten outcomes of either kind.")


class CollectiveOut(serializers.Serializer):  # type: ignore[type-arg]
    """When the k-th window is full, and with it all."""

    k = serializers.IntegerField()
    exhaustion = BandOut(allow_null=True)
    is_joint = serializers.BooleanField(help_text="Two or more agents crossed the joint share in one step.")
    correlation = serializers.FloatField(allow_null=True, help_text="Of increments: a diagnostic, not a predictor.")
    is_correlated = serializers.BooleanField()
    transition_seconds = serializers.FloatField(help_text="A handoff is raised when all are full within this time.")
    is_due = serializers.BooleanField(help_text="That is now.")


class ForecastOut(serializers.Serializer):  # type: ignore[type-arg]
    """The outlook of a session."""

    at = serializers.DateTimeField()
    seq = serializers.IntegerField()
    agents = AgentForecastOut(many=True)
    collective = CollectiveOut()
    session_accuracy = ForecastAccuracyOut()
    team_accuracy = ForecastAccuracyOut()


def forecast_body(facts: ForecastFacts) -> dict[str, Any]:
    """The answer of `GET forecast/`."""
    outlook = facts.outlook
    body = {
        "at": facts.at,
        "seq": facts.seq,
        "agents": [_agent(one, load) for one, load in zip(outlook.agents, facts.loads, strict=True)],
        "collective": {
            "k": outlook.k,
            "exhaustion": _foreseen(outlook.band),
            "is_joint": outlook.is_joint,
            "correlation": outlook.correlation,
            "is_correlated": facts.is_correlated,
            "transition_seconds": facts.transition_seconds,
            "is_due": facts.is_due,
        },
        "session_accuracy": facts.session_accuracy,
        "team_accuracy": facts.team_accuracy,
    }
    return dict(ForecastOut(body).data)


def _agent(outlook: AgentOutlook, load: Load) -> dict[str, Any]:
    return {
        "agent": outlook.agent,
        "context_tokens": load.used_tokens,
        "full_tokens": load.limit_tokens,
        "samples": len(load.samples),
        "burn_tokens_per_minute": None if outlook.burn is None else outlook.burn.per_second * 60,
        "exhaustion": _foreseen(outlook.band),
    }


def _foreseen(band: Band | None) -> Band | None:
    return band if band is not None and band.is_foreseen else None


class CostOut(serializers.Serializer):  # type: ignore[type-arg]
    """What calls of one name took."""

    name = serializers.CharField()
    calls = serializers.IntegerField()
    tokens = serializers.IntegerField(help_text="In and out.")
    input_tokens = serializers.IntegerField()
    cached_tokens = serializers.IntegerField(help_text="Part of the input.")
    output_tokens = serializers.IntegerField()
    share = serializers.FloatField(help_text="Of the session's tokens: 0 to 1.")


class EstimateErrorsOut(serializers.Serializer):  # type: ignore[type-arg]
    """How far estimates of calls were off, relative to what they took."""

    operation = serializers.CharField()
    calls = serializers.IntegerField()
    mean_error = serializers.FloatField()
    median_error = serializers.FloatField()
    within_target = serializers.FloatField(help_text="Share of calls with an error of at most 0.3.")
    covered = serializers.FloatField(help_text="Share of calls that took no more than foreseen.")


class RoomShortageOut(serializers.Serializer):  # type: ignore[type-arg]
    """How often windows and components ran out of room."""

    rungs = serializers.JSONField(help_text="Times that each agent's window reached each rung.")
    allocations = serializers.JSONField(help_text="Verdicts on asks for room, by component.")
    foreseen = serializers.IntegerField(help_text="Handoffs raised because all windows were about to be full.")


class CleanupTotalsOut(serializers.Serializer):  # type: ignore[type-arg]
    """What compactions freed, in tokens."""

    runs = serializers.IntegerField()
    freed_tokens = serializers.IntegerField()
    by_strategy = serializers.DictField(child=serializers.IntegerField())


class ReportOut(serializers.Serializer):  # type: ignore[type-arg]
    """What a session cost and where it ran out of room. Lists name the ten that cost most."""

    session = serializers.UUIDField(source="session_id")
    at = serializers.DateTimeField()
    seq = serializers.IntegerField()
    total = CostOut()
    by_operation = CostOut(many=True)
    by_subject = CostOut(many=True, help_text="Such as files.")
    by_agent = CostOut(many=True)
    by_component = CostOut(many=True)
    exhaustion = RoomShortageOut()
    cleanup = CleanupTotalsOut()
    estimates = EstimateErrorsOut(many=True)
    forecast_accuracy = ForecastAccuracyOut()
    checkpoints = serializers.DictField(child=serializers.IntegerField(), help_text="By reason.")
    handoffs = serializers.DictField(child=serializers.IntegerField(), help_text="By phase.")
    proposals = serializers.DictField(child=serializers.IntegerField(), help_text="By status.")


class ExpectedOut(serializers.Serializer):  # type: ignore[type-arg]
    """A metric as it was, and as it should become."""

    metric = serializers.CharField()
    before = serializers.FloatField(allow_null=True)
    after = serializers.FloatField(allow_null=True)


class EffectOut(serializers.Serializer):  # type: ignore[type-arg]
    """The metric as it was, as it was expected and as it came."""

    metric = serializers.CharField()
    before = serializers.FloatField(allow_null=True)
    expected = serializers.FloatField(allow_null=True)
    after = serializers.FloatField(allow_null=True)
    calls = serializers.IntegerField(help_text="Calls since the decision.")
    is_enough = serializers.BooleanField(help_text="Whether enough happened to say something.")


class SessionProposalOut(serializers.Serializer):  # type: ignore[type-arg]
    """A change that the analysis suggests; a person decides."""

    id = serializers.IntegerField()
    session = serializers.UUIDField(source="session_id")
    kind = serializers.ChoiceField(choices=PROPOSAL_KINDS)
    subject = serializers.CharField(help_text="What it is about; of a budget its id.")
    before = serializers.JSONField(help_text="Terms by dotted key, or the limit of a budget.")
    after = serializers.JSONField()
    evidence = serializers.JSONField()
    expected = ExpectedOut()
    status = serializers.ChoiceField(choices=PROPOSAL_STATUSES)
    made_at = serializers.DateTimeField()
    decided_by = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    rationale = serializers.CharField()
    effect = EffectOut(allow_null=True)
    measured_at = serializers.DateTimeField(allow_null=True)


class AnalysedSessionOut(serializers.Serializer):  # type: ignore[type-arg]
    """The proposals that an analysis made; none where nothing is news."""

    proposals = SessionProposalOut(many=True)


class ProposalsIn(PageIn):
    """Query of `GET proposals/`."""

    status = serializers.ChoiceField(choices=PROPOSAL_STATUSES, required=False, default=None)


class NothingIn(StrictSerializer):
    """A body without fields."""


class DecideIn(StrictSerializer):
    """Body of `POST proposals/{id}/decide/`."""

    decision = serializers.ChoiceField(choices=DECISIONS)
    rationale = serializers.CharField(max_length=300)
