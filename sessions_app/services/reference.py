"""Policies of sessions and of the gateway, and the echo, with which a new installation begins."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from django.db import transaction

from config.kernel.policies import PolicyVersions
from sessions_app.domain.gateway.terms import GatewayTerms
from sessions_app.domain.terms import SessionTerms
from sessions_app.models import GatewayPolicy, SessionPolicy
from sessions_app.services.gateway.reference import load_deployments

DATA = Path(__file__).resolve().parent.parent / "data"
KINDS = {
    DATA / "policies.json": PolicyVersions(SessionPolicy, SessionTerms.read),
    DATA / "gateway_policies.json": PolicyVersions(GatewayPolicy, GatewayTerms.read),
}
DEFAULT_POLICY = "default"


@transaction.atomic
def load_reference(*, now: datetime) -> dict[str, int]:
    """Create what is missing; what an administrator changed stays. Counts what was made."""
    return {
        "policies": sum(_load(path, versions, now=now) for path, versions in KINDS.items()),
        "deployments": load_deployments(now=now),
    }


def _load(path: Path, versions: PolicyVersions, *, now: datetime) -> int:
    made = 0
    for name, row in json.loads(path.read_text(encoding="utf-8")).items():
        if versions.model._default_manager.filter(name=name).exists():
            continue
        policy_id = versions.create(name=name, body=row["body"], rationale=row["rationale"], author_id=None, now=now)
        versions.activate(policy_id=policy_id, now=now, actor="first run", make_default=name == DEFAULT_POLICY)
        made += 1
    return made
