"""Deployments made, changed, removed and tried. Secrets come in here and never out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.events import publish
from config.kernel.sealing import seal
from sessions_app.events import DeploymentChanged
from sessions_app.models import Deployment, GatewayPolicy
from sessions_app.selectors.gateway.deployments import SEALED_FOR
from sessions_app.services.gateway import registry
from sessions_app.services.gateway.checks import check_deployment, check_secret

CHANGEABLE = (
    *("provider", "base_url", "upstream_model", "served_name", "aliases", "model_class", "region_id"),
    *("context_window_tokens", "max_output_tokens", "input_micro_usd_per_million", "cached_micro_usd_per_million"),
    *("output_micro_usd_per_million", "serves_chat", "serves_embeddings", "takes_tools", "takes_image_urls"),
    *("takes_inline_images", "takes_json_schema", "tokeniser", "secret_variable", "weight", "is_active"),
)
"""All but the name, which calls and headers say. A secret is given beside these."""


@transaction.atomic
def create_deployment(
    *, name: str, values: Mapping[str, Any], secret: str = "", actor: str, now: datetime, reason: str = ""
) -> int:
    """Make a deployment from `values` (of CHANGEABLE) and return its id. A `secret` is stored sealed.

    Raises InvalidInput naming the field at fault.
    """
    _one_at_a_time()
    deployment = Deployment(name=name, created_at=now)
    _fill(deployment, values, secret)
    _save(deployment, reason or actor, now)
    return deployment.pk


@transaction.atomic
def change_deployment(
    *, deployment_id: int, values: Mapping[str, Any], secret: str = "", actor: str, now: datetime, reason: str = ""
) -> None:
    """Change some of CHANGEABLE, or the secret, or both. Raises NotFound, InvalidInput naming the field at fault.

    A stored secret goes to no other address than the one it was entered for: who changes that enters it again.
    """
    _one_at_a_time()
    deployment = _locked(deployment_id)
    _fill(deployment, values, secret)
    _save(deployment, f"{reason or actor}{' (a new secret)' if secret else ''}", now)


@transaction.atomic
def remove_deployment(*, deployment_id: int, actor: str, now: datetime, reason: str = "") -> None:
    """Remove a deployment that no call was made to. Raises NotFound, Conflict where there are calls."""
    deployment = _locked(deployment_id)
    deployment._change_reason = (reason or actor)[:100]  # type: ignore[attr-defined]  # read by simple-history
    try:
        with transaction.atomic():
            deployment.delete()
    except ProtectedError:
        words = "Calls were made to it, and they name it. Switch it off instead."
        raise Conflict(words, code="has_calls") from None
    _tell(deployment_id, deployment.name, now)


def filled(deployment: Deployment, values: Mapping[str, Any], secret: str) -> None:
    """Check what somebody filled in, on a copy that nobody saves. Raises InvalidInput naming the field at fault."""
    _fill(deployment, values, secret)


def _fill(deployment: Deployment, values: Mapping[str, Any], secret: str) -> None:
    before = _receiver(deployment)
    for field, value in values.items():
        if field not in CHANGEABLE:
            raise InvalidInput("This cannot be changed.", field=field)
        setattr(deployment, field, value)
    if deployment.secret_variable and secret:
        raise InvalidInput("Name a variable or enter a secret, not both.", field="secret")
    if deployment.secret_variable or deployment.provider == Deployment.Provider.ECHO:
        deployment.sealed_secret = ""
    if secret:
        deployment.sealed_secret = seal(check_secret(secret), purpose=SEALED_FOR)
    check_deployment(deployment, is_secret_given=bool(secret))
    if deployment.sealed_secret and not secret and _receiver(deployment) != before:
        words = "The address changes: enter the secret again, so that it goes to nobody it was not meant for."
        raise InvalidInput(words, field="secret")


def _receiver(deployment: Deployment) -> tuple[str, str, str]:
    """Who is sent the secret."""
    parts = urlsplit(deployment.base_url)
    return deployment.provider, parts.scheme, parts.netloc


def _one_at_a_time() -> None:
    """Two changes at once must not give one public name two model classes."""
    list(GatewayPolicy.objects.select_for_update().filter(is_default=True).values_list("pk", flat=True))


def _locked(deployment_id: int) -> Deployment:
    deployment = Deployment.objects.select_for_update().filter(pk=deployment_id).first()
    if deployment is None:
        raise NotFound("There is no such deployment.", field="deployment")
    return deployment


def _save(deployment: Deployment, why: str, now: datetime) -> None:
    deployment._change_reason = why[:100]  # type: ignore[attr-defined]  # the column of django-simple-history
    try:
        with transaction.atomic():
            deployment.save()
    except IntegrityError as error:
        raise InvalidInput("There is a deployment of this name.", field="name") from error
    _tell(deployment.pk, deployment.name, now)


def _tell(deployment_id: int, name: str, now: datetime) -> None:
    transaction.on_commit(registry.forget)
    publish(DeploymentChanged(deployment_id=deployment_id, name=name, at=now))
