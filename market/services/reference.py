"""Purposes and policies with which a new deployment begins."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from market.models import FUND_NAME, Fund, Policy, Purpose
from market.services.policies import activate_policy, create_policy_version

DATA = Path(__file__).resolve().parent.parent / "data"
DEFAULT_POLICY = "default"
FOUNDING = "founding documents"


@transaction.atomic
def load_reference(*, now: datetime) -> dict[str, int]:
    """Create what is missing; what an administrator changed stays. Counts what was made."""
    made = {"purposes": 0, "policies": 0}
    for row in _read("purposes.json"):
        _, created = Purpose.objects.get_or_create(name=row["name"], defaults={**row, "rationale": FOUNDING})
        made["purposes"] += created
    for name, row in _read("policies.json").items():
        if Policy.objects.filter(name=name).exists():
            continue
        policy_id = create_policy_version(
            name=name, body=row["body"], rationale=row["rationale"], author_id=None, now=now
        )
        activate_policy(policy_id=policy_id, now=now, actor="first run", make_default=name == DEFAULT_POLICY)
        made["policies"] += 1
    Fund.objects.get_or_create(name=FUND_NAME)
    return made


def _read(file_name: str) -> Any:
    return json.loads((DATA / file_name).read_text(encoding="utf-8"))
