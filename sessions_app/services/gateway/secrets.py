"""Secrets of deployments: in a variable of the environment, or sealed in the row. They go to a Target only."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

from config.kernel.sealing import SealBroken, is_sealed_anew, sealed_anew, unseal
from sessions_app.models import Deployment
from sessions_app.selectors.gateway.deployments import SEALED_FOR

VARIABLE = re.compile(r"UPSTREAM_KEY_[A-Z0-9_]{1,60}")
"""Names of variables that may hold a secret: no other variable can be sent to a provider."""
NEED_A_SECRET = frozenset({"anthropic", "gemini"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret, or why there is none in words for a page."""

    text: str = field(default="", repr=False)
    problem: str = ""


def secret_of(deployment: Deployment) -> Secret:
    """What is sent to its provider; empty where it needs none."""
    if deployment.secret_variable:
        return _from_variable(deployment.secret_variable)
    if deployment.sealed_secret:
        try:
            return Secret(text=unseal(deployment.sealed_secret, purpose=SEALED_FOR))
        except SealBroken:
            return Secret(problem="Its secret cannot be opened with the keys of this installation: enter it again.")
    if deployment.provider in NEED_A_SECRET:
        return Secret(problem="It has no secret, which this provider needs.")
    return Secret()


def _from_variable(name: str) -> Secret:
    if not VARIABLE.fullmatch(name):
        return Secret(problem="Its variable does not begin with UPSTREAM_KEY_.")
    text = os.environ.get(name, "").strip()
    return Secret(text=text) if text else Secret(problem=f"The variable {name} is not set.")


def renew_seals() -> int:
    """Seal every secret with the present SECRET_KEY, so that an earlier one may go; return how many were renewed."""
    renewed = 0
    for deployment_id, sealed in Deployment.objects.exclude(sealed_secret="").values_list("pk", "sealed_secret"):
        if is_sealed_anew(sealed, purpose=SEALED_FOR):
            continue
        try:
            anew = sealed_anew(sealed, purpose=SEALED_FOR)
        except SealBroken:  # shown as the deployment's problem
            continue
        # Unless somebody has entered a new one since. What is secret does not change, so there is no history.
        renewed += Deployment.objects.filter(pk=deployment_id, sealed_secret=sealed).update(sealed_secret=anew)
    return renewed
