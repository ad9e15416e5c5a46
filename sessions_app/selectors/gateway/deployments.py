"""Deployments, their breakers and what their breakers did. Nothing here reads a secret."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from budgets.domain.addresses import host_of
from config.kernel.errors import NotFound
from sessions_app.domain.gateway.deployments import BreakerState, DeploymentFacts, HealthFacts
from sessions_app.models import BreakerEvent, Deployment, DeploymentHealth

SEALED_FOR = "gateway deployment"
"""What secrets of deployments are sealed for."""
COLUMNS = (
    *("id", "name", "provider", "base_url", "upstream_model", "served_name", "aliases", "model_class"),
    *("context_window_tokens", "max_output_tokens", "input_micro_usd_per_million", "cached_micro_usd_per_million"),
    *("output_micro_usd_per_million", "serves_chat", "serves_embeddings", "takes_tools", "takes_image_urls"),
    *("takes_inline_images", "takes_json_schema", "tokeniser", "weight", "is_active", "created_at"),
)
"""What a deployment and its facts have in common."""
HEALTH_COLUMNS = (
    *("state", "consecutive_failures", "window_started_at", "window_calls", "window_failures", "times_opened"),
    *("opened_at", "open_until", "probe_until", "cool_until", "last_success_at", "last_failure_at", "last_error"),
    "first_byte_ms",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerEventFacts:
    """A breaker changed its state."""

    id: int
    at: datetime
    was: str
    became: str
    reason: str


def list_deployments() -> list[DeploymentFacts]:
    """All deployments, in use or not, by public name. One query."""
    return [facts_of(each) for each in Deployment.objects.all()]


def serves_embeddings(model: str) -> bool:
    """Whether a deployment in use serves embeddings under this name. One query."""
    rows = Deployment.objects.filter(is_active=True, serves_embeddings=True).values_list("served_name", "aliases")
    return any(model == name or model in aliases for name, aliases in rows)


def facts_of(deployment: Deployment, *, problem: str = "") -> DeploymentFacts:
    """A row as a value."""
    values = {name: getattr(deployment, name) for name in COLUMNS}
    values["aliases"] = tuple(deployment.aliases)
    is_private = host_of(deployment.base_url).rstrip(".") in settings.UPSTREAM_PRIVATE_HOSTS
    return DeploymentFacts(**values, region=deployment.region_id, is_private=is_private, problem=problem)


def get_deployment_id(name: str) -> int:
    """The id of a deployment. Raises NotFound."""
    found = Deployment.objects.filter(name=name).values_list("pk", flat=True).first()
    if found is None:
        raise NotFound("There is no such deployment.", field="name")
    return found


def list_health(deployment_ids: Collection[int] | None = None) -> dict[int, HealthFacts]:
    """Breakers by deployment; one that was never used has none. One query."""
    rows = DeploymentHealth.objects.all()
    if deployment_ids is not None:
        rows = rows.filter(pk__in=deployment_ids)
    return {row[0]: health_of(row[1:]) for row in rows.values_list("pk", *HEALTH_COLUMNS)}


def health_of(row: tuple[object, ...]) -> HealthFacts:
    """The values of HEALTH_COLUMNS as facts."""
    values = dict(zip(HEALTH_COLUMNS, row, strict=True))
    return HealthFacts(**{**values, "state": BreakerState(str(values["state"]))})  # type: ignore[arg-type]


def list_breaker_events(deployment_id: int, *, before: int | None = None, limit: int = 50) -> list[BreakerEventFacts]:
    """What a breaker did, newest first; older than the event `before`. One more than `limit` tells of a next page."""
    rows = BreakerEvent.objects.filter(deployment=deployment_id).order_by("-id")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    names = ("id", "at", "was", "became", "reason")
    return [BreakerEventFacts(**dict(zip(names, row, strict=True))) for row in rows.values_list(*names)[: limit + 1]]
