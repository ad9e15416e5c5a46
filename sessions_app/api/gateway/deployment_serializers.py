"""Deployments as the API tells of them: never their address, never where their secret is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from climate.domain.model_classes import MODEL_CLASSES
from config.kernel.rest import StrictSerializer
from sessions_app.domain.gateway.deployments import BreakerState, Candidate, DeploymentFacts

MICRO = Decimal(1_000_000)
BREAKER_STATES = [(state.value, state.value) for state in BreakerState]
PROVIDERS = [(name, name) for name in ("openai", "anthropic", "gemini", "local", "echo")]
LONGEST_NAME_CHARACTERS = 120


class DeploymentsIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of the list."""

    model = serializers.CharField(
        max_length=LONGEST_NAME_CHARACTERS, required=False, default=None, help_text="Those that serve this name."
    )


class ResetIn(StrictSerializer):
    """Nothing to say: the breaker is closed."""


class BreakerOut(serializers.Serializer):  # type: ignore[type-arg]
    """A circuit breaker: whether calls go there."""

    state = serializers.ChoiceField(choices=BREAKER_STATES)
    calls_from = serializers.DateTimeField(
        allow_null=True, help_text="When calls may go there again: it is open, or the provider asked to wait."
    )
    consecutive_failures = serializers.IntegerField()
    window_calls = serializers.IntegerField(
        help_text="Of the present window of time; successes may be told with the next call."
    )
    window_failures = serializers.IntegerField()
    times_opened = serializers.IntegerField(help_text="In a row: each time it stays open longer.")
    last_success_at = serializers.DateTimeField(allow_null=True)
    last_failure_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField()
    first_byte_ms = serializers.FloatField(allow_null=True, help_text="Smoothed over streams; null before the first.")


class GridOut(serializers.Serializer):  # type: ignore[type-arg]
    """The region, and its grid in this hour (average, lifecycle, location-based)."""

    code = serializers.CharField()
    name = serializers.CharField()
    zone = serializers.CharField()
    country = serializers.CharField()
    intensity_g_per_kwh = serializers.FloatField()
    basis = serializers.CharField(help_text="The rung of the ladder: live, forecast, modelled, ....")
    source = serializers.CharField()  # type: ignore[assignment]  # a field of this name, too
    as_of = serializers.DateTimeField()
    pue = serializers.FloatField()
    pue_is_assumed = serializers.BooleanField()
    grams_per_1k_output = serializers.FloatField(help_text="g CO2e for 1,000 tokens of output, estimated, central.")
    grams_per_1k_input = serializers.FloatField()


class DeploymentOut(serializers.Serializer):  # type: ignore[type-arg]
    """A model served by a provider in a region."""

    name = serializers.CharField()
    provider = serializers.ChoiceField(choices=PROVIDERS)
    is_echo = serializers.BooleanField(help_text="Built in: no model answers.")
    served_name = serializers.CharField(help_text="What callers ask for, or one of the aliases.")
    aliases = serializers.ListField(child=serializers.CharField())
    upstream_model = serializers.CharField()
    model_class = serializers.ChoiceField(choices=list(MODEL_CLASSES))
    context_window_tokens = serializers.IntegerField()
    max_output_tokens = serializers.IntegerField()
    input_usd_per_million = serializers.CharField(allow_null=True, help_text="Of the provider; null is not known.")
    cached_usd_per_million = serializers.CharField(allow_null=True)
    output_usd_per_million = serializers.CharField(allow_null=True)
    serves_chat = serializers.BooleanField()
    serves_embeddings = serializers.BooleanField()
    takes_tools = serializers.BooleanField()
    takes_image_urls = serializers.BooleanField(help_text="Never at a private host.")
    takes_inline_images = serializers.BooleanField()
    takes_json_schema = serializers.BooleanField()
    tokeniser = serializers.CharField()
    weight = serializers.FloatField()
    is_active = serializers.BooleanField()
    is_usable = serializers.BooleanField(help_text="Switched on, in a region in use, its secret at hand.")
    problem = serializers.CharField(help_text="Why it is not; only for those who may write capacity.")
    breaker = BreakerOut()
    region = GridOut(allow_null=True, help_text="null: its region is not in use.")


OWN_FIELDS = tuple(name for name in DeploymentOut().get_fields() if hasattr(DeploymentFacts, name))


class BreakerEventOut(serializers.Serializer):  # type: ignore[type-arg]
    """A breaker changed its state."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    was = serializers.ChoiceField(choices=BREAKER_STATES)
    became = serializers.ChoiceField(choices=BREAKER_STATES)
    reason = serializers.CharField()


def deployment_bodies(candidates: Sequence[Candidate], *, shows_problem: bool, now: datetime) -> Any:
    """What is told of each."""
    told = [_told(each, shows_problem=shows_problem, now=now) for each in candidates]
    return DeploymentOut(told, many=True).data


def _told(candidate: Candidate, *, shows_problem: bool, now: datetime) -> dict[str, Any]:
    facts, health, region = candidate.deployment, candidate.health, candidate.region
    told: dict[str, Any] = {name: getattr(facts, name) for name in OWN_FIELDS}
    for kind in ("input", "cached", "output"):
        told[f"{kind}_usd_per_million"] = _usd(getattr(facts, f"{kind}_micro_usd_per_million"))
    told["takes_image_urls"] = facts.fetches_images
    told["is_usable"] = not facts.problem
    told["problem"] = facts.problem if shows_problem else ""
    told["breaker"] = {**asdict(health), "calls_from": health.closed_to_calls_until(now)}
    told["region"] = None
    if region is not None:
        told["region"] = {
            **asdict(region),
            "grams_per_1k_output": region.grams_per_1k_output[facts.model_class],
            "grams_per_1k_input": region.grams_per_1k_input[facts.model_class],
        }
    return told


def _usd(micro_usd: int | None) -> str | None:
    return None if micro_usd is None else f"{micro_usd / MICRO:f}"
