"""Calls of the gateway, triage and feedback as the API takes and answers them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.kernel.rest import StrictSerializer
from market.domain.explanation import usd
from sessions_app.api.gateway.answers import plain
from sessions_app.domain.gateway.lessons import Depth
from sessions_app.domain.gateway.triage import TriageMode
from sessions_app.models import GatewayCall
from sessions_app.selectors.gateway.board import CallLine

CALL_STATUSES = GatewayCall.Status.choices
ENDPOINTS = GatewayCall.Endpoint.choices
USAGE_BASES = GatewayCall.UsageBasis.choices
TRIAGE_MODES = [each.value for each in TriageMode]
DEPTHS = [each.value for each in Depth]
CHOSEN_MODES = ["express", "council", "auto"]
LONGEST_NOTE = 500


class CallsIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of `GET /api/v1/gateway/calls/`."""

    status = serializers.ChoiceField(choices=CALL_STATUSES, required=False, default=None)
    endpoint = serializers.ChoiceField(choices=ENDPOINTS, required=False, default=None)
    model = serializers.CharField(max_length=120, required=False, default=None, help_text="As it was asked for.")
    deployment = serializers.SlugField(max_length=60, required=False, default=None)
    mode = serializers.ChoiceField(choices=TRIAGE_MODES, required=False, default=None)
    session = serializers.UUIDField(required=False, default=None)
    agent = serializers.CharField(max_length=80, required=False, default=None)
    round = serializers.UUIDField(required=False, default=None)
    request = serializers.UUIDField(required=False, default=None, help_text="The allocation request that paid for it.")
    since = serializers.DateTimeField(required=False, default=None, help_text="Begun at this time or after it.")
    until = serializers.DateTimeField(required=False, default=None, help_text="Begun before this time.")
    before = serializers.UUIDField(required=False, default=None, help_text="Calls older than this one.")


class CallAttemptOut(serializers.Serializer):  # type: ignore[type-arg]
    """One try of a deployment."""

    deployment = serializers.CharField()
    outcome = serializers.CharField(help_text="answered, or what went wrong.")
    status = serializers.IntegerField(allow_null=True, required=False, help_text="HTTP status, where there was one.")
    ms = serializers.FloatField(allow_null=True, required=False)


class CallOut(serializers.Serializer):  # type: ignore[type-arg]
    """A call. Its text is kept nowhere."""

    id = serializers.UUIDField()
    request = serializers.UUIDField(source="request_id", allow_null=True, help_text="At /api/v1/requests/.")
    team = serializers.CharField(source="team_name")
    actor = serializers.CharField()
    session = serializers.UUIDField(source="session_id", allow_null=True)
    agent = serializers.CharField()
    round = serializers.UUIDField(source="round_id", allow_null=True)
    endpoint = serializers.ChoiceField(choices=ENDPOINTS)
    model = serializers.CharField(source="asked_model", help_text="As it was asked for.")
    is_stream = serializers.BooleanField()
    mode = serializers.ChoiceField(choices=TRIAGE_MODES)
    fallback = serializers.CharField(help_text="The step of the ladder that answered, if not the first.")
    deployment = serializers.CharField(allow_null=True)
    provider = serializers.CharField(allow_null=True)
    region = serializers.CharField(allow_null=True)
    attempts = CallAttemptOut(many=True)
    status = serializers.ChoiceField(choices=CALL_STATUSES)
    error_code = serializers.CharField()
    max_output_tokens = serializers.IntegerField(allow_null=True, help_text="What was sent upstream.")
    input_tokens = serializers.IntegerField(allow_null=True)
    cached_tokens = serializers.IntegerField(allow_null=True, help_text="A part of the input.")
    output_tokens = serializers.IntegerField(allow_null=True)
    usage_basis = serializers.CharField(help_text="provider, counted, granted (nobody knows); empty before the end.")
    cost_usd = serializers.SerializerMethodField(help_text="What the budget paid; null before it is settled.")
    provider_usd = serializers.SerializerMethodField(help_text="By the deployment's prices; null unknown.")
    carbon_g = serializers.SerializerMethodField(help_text="g CO2e, location-based, central; null before the end.")
    is_verified = serializers.BooleanField(allow_null=True, help_text="False: settled at what was granted.")
    first_byte_ms = serializers.FloatField(allow_null=True)
    upstream_ms = serializers.FloatField(allow_null=True)
    total_ms = serializers.FloatField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_cost_usd(self, line: CallLine) -> str | None:
        """US$ with six decimals."""
        return None if line.total_micro_usd is None else usd(line.total_micro_usd)

    def get_provider_usd(self, line: CallLine) -> str | None:
        """US$ with six decimals."""
        return None if line.provider_micro_usd is None else usd(line.provider_micro_usd)

    def get_carbon_g(self, line: CallLine) -> str | None:
        """As in the headers: six digits that count, never with an exponent."""
        return None if line.location_g is None else plain(line.location_g)


class TriageSignalOut(serializers.Serializer):  # type: ignore[type-arg]
    """What one look at the request came to: `value` times `weight` is `points`."""

    name = serializers.CharField()
    value = serializers.FloatField(help_text="0 to 1.")
    weight = serializers.IntegerField(help_text="Its points of 100, by the policy.")
    points = serializers.FloatField()
    words = serializers.CharField()
    full = serializers.IntegerField(
        required=False, help_text="How much of it is all, by the policy then. Calls from before this was kept lack it."
    )


class OutputEstimateOut(serializers.Serializer):  # type: ignore[type-arg]
    """Output to expect, in tokens, and to hold."""

    p50_tokens = serializers.IntegerField()
    p95_tokens = serializers.IntegerField()
    basis = serializers.CharField(help_text="learned, or cold_start.")
    outcomes = serializers.IntegerField(help_text="Settled work that it was learned from.")


class TriageOut(serializers.Serializer):  # type: ignore[type-arg]
    """What triage says of a request."""

    mode = serializers.ChoiceField(choices=TRIAGE_MODES)
    complexity = serializers.FloatField(help_text="0 to 1.")
    points = serializers.FloatField(help_text="The same of 100, what was learned included.")
    confidence = serializers.FloatField(help_text="0.5 on the border of a council, 1 so far away as the policy says.")
    roles = serializers.ListField(child=serializers.CharField(), help_text="Of a council.")
    kind = serializers.CharField(help_text="The bucket of work that outcomes are learned for.")
    because = serializers.CharField(help_text="The emergency, if one decided.")
    explanation = serializers.CharField()
    council_above_points = serializers.IntegerField()
    correction_points = serializers.FloatField(help_text="What outcomes have taught; a part of the points.")
    signals = TriageSignalOut(many=True)
    input_tokens = serializers.IntegerField()
    input_is_estimate = serializers.BooleanField(help_text="False: counted in the model's own vocabulary.")
    estimate = OutputEstimateOut()
    no_council = serializers.CharField(
        required=False, help_text="Why one model answers where a council was to; left out where none was."
    )
    is_shortened = serializers.BooleanField(
        required=False, help_text="True: a council was sent less than what was asked; else left out."
    )


class CorrectionOut(serializers.Serializer):  # type: ignore[type-arg]
    """What outcomes have taught triage of a team's work of one kind."""

    id = serializers.IntegerField()
    team = serializers.CharField(source="team_name")
    kind = serializers.CharField()
    correction_points = serializers.FloatField(help_text="Added to the complexity, in points of 100.")
    outcomes = serializers.IntegerField()
    updated_at = serializers.DateTimeField()


class TriagePolicyOut(serializers.Serializer):  # type: ignore[type-arg]
    """The version of the gateway's policy."""

    name = serializers.CharField(source="policy_name")
    version = serializers.IntegerField(source="policy_version")


class PreviewOut(TriageOut):
    """What triage would say, and for what."""

    purpose = serializers.CharField()
    origin = serializers.CharField()
    model_class = serializers.CharField()
    correction = CorrectionOut(allow_null=True)
    policy = TriagePolicyOut()


class PreviewIn(StrictSerializer):
    """Body of `POST /api/v1/gateway/triage/`."""

    call = serializers.DictField(help_text="What you would send to `/v1/chat/completions`.")
    purpose = serializers.CharField(max_length=60, required=False, allow_null=True, default=None)
    origin = serializers.RegexField(r"^[A-Z]{2}$", required=False, allow_null=True, default=None)
    session = serializers.UUIDField(required=False, allow_null=True, default=None)
    mode = serializers.ChoiceField(choices=CHOSEN_MODES, required=False, default="auto")


class FeedbackIn(StrictSerializer):
    """Body of `POST /api/v1/gateway/calls/{id}/feedback/`; at least one of `helpful` and `depth`."""

    helpful = serializers.BooleanField(required=False, allow_null=True, default=None)
    depth = serializers.ChoiceField(choices=DEPTHS, required=False, allow_null=True, default=None)
    note = serializers.CharField(max_length=LONGEST_NOTE, required=False, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Something must be said of the answer."""
        if attrs["helpful"] is None and attrs["depth"] is None:
            words = "Say whether the answer was helpful, or whether it was too shallow, right or too deep."
            raise serializers.ValidationError({"helpful": serializers.ErrorDetail(words, code="required")})
        return attrs


class FeedbackOut(serializers.Serializer):  # type: ignore[type-arg]
    """What was said of an answer, and what triage learned from it."""

    helpful = serializers.BooleanField(allow_null=True)
    depth = serializers.ChoiceField(choices=DEPTHS, allow_null=True)
    note = serializers.CharField()
    by = serializers.CharField()
    at = serializers.DateTimeField()
    taught = serializers.CharField(help_text="Empty: nothing.")


class CallDetailOut(CallOut):
    """A call, what triage said of it, and what was said of its answer."""

    triage = TriageOut(allow_null=True)
    feedback = FeedbackOut(allow_null=True)
    told_session_at = serializers.DateTimeField(allow_null=True, help_text="When its session's window was told of it.")


class CallStoryOut(serializers.Serializer):  # type: ignore[type-arg]
    """What a detail has beyond a line; triage and feedback as they were kept."""

    triage = serializers.JSONField()
    feedback = serializers.JSONField()
    told_session_at = serializers.DateTimeField()
