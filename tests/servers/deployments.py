"""Deployments of the gateway that lead to `tests.servers.upstream`, made in the database of an environment.

    python -m tests.servers.deployments '{"deployments": [{"name": "a", ...}], "terms": {"breaker": {...}}}'

Their environment reaches the upstream with `REACHABLE` in it. Tests of a running server use
`make_deployments`, which starts that as a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
REACHABLE = {"UPSTREAM_PRIVATE_HOSTS": "127.0.0.1", "UPSTREAM_KEY_TEST": "sk-of-the-upstream"}
DEFAULTS: dict[str, Any] = {
    "provider": "openai",
    "upstream_model": "instant",
    "served_name": "instant",
    "model_class": "S",
    "context_window_tokens": 128_000,
    "max_output_tokens": 16_000,
    "input_micro_usd_per_million": 150_000,
    "output_micro_usd_per_million": 600_000,
    "secret_variable": "UPSTREAM_KEY_TEST",
    "takes_tools": True,
    "takes_image_urls": True,
    "takes_inline_images": True,
    "takes_json_schema": True,
}


def deployment(name: str, base_url: str, region: str, **changes: Any) -> dict[str, Any]:
    """The columns of one that answers to `instant` unless told otherwise."""
    return {**DEFAULTS, "name": name, "base_url": base_url, "region": region, **changes}


def make_deployments(
    env: dict[str, str], *made: dict[str, Any], terms: Mapping[str, Mapping[str, int]] | None = None
) -> None:
    """Put them in; one that is there under its name is changed. `terms` change the gateway policy, by section."""
    given = json.dumps({"deployments": made, "terms": terms or {}})
    command = [sys.executable, "-m", "tests.servers.deployments", given]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(done.stderr)


def main() -> None:
    """Write what the argument holds."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from climate.models import Region
    from sessions_app.models import Deployment

    given, now = json.loads(sys.argv[1]), datetime.now(UTC)
    for columns in given["deployments"]:
        values = {**columns, "region": Region.objects.get(code=columns["region"]), "created_at": now}
        Deployment.objects.update_or_create(name=columns["name"], defaults=values)
    if given["terms"]:
        _change_terms(given["terms"], now)


def _change_terms(changes: Mapping[str, Mapping[str, int]], now: datetime) -> None:
    from config.kernel.policies import PolicyVersions
    from sessions_app.domain.gateway.terms import GatewayTerms
    from sessions_app.models import GatewayPolicy

    current = GatewayPolicy.objects.get(is_default=True)
    body = {name: {**section, **changes.get(name, {})} for name, section in current.body.items()}
    versions = PolicyVersions(GatewayPolicy, GatewayTerms.read)
    made = versions.create(name=current.name, body=body, rationale="a test", author_id=None, now=now)
    versions.activate(policy_id=made, now=now, actor="a test")


if __name__ == "__main__":
    main()
