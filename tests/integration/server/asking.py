"""What the tests of this folder ask of a deployment."""

from __future__ import annotations

from typing import Any

from tests.servers.commonwatt import Client, manage

TOKENS = 2000


def request_body(budget_id: str | None = None, **changes: Any) -> dict[str, Any]:
    """A small interactive request from the demo organisation's own country."""
    body = {
        "purpose": "climate_adaptation",
        "origin": "DE",
        "model_class": "S",
        "tokens": TOKENS,
        "latency_class": "anywhere",
        "budget": budget_id,
    }
    return {**body, **changes}


def budget_that_pays_for(client: Client, requests_count: int) -> str:
    """Create a budget for exactly that many of them through the API; its id."""
    body = {"name": "Race", "parent": None, "unit": "tokens", "limit": TOKENS * requests_count, "period": "one_off"}
    answer = client.post("budgets/", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def assert_ledger_is_sound(env: dict[str, str]) -> None:
    """`verify_ledger` recomputes every budget and the Fund and finds no difference."""
    verdict = manage("verify_ledger", env=env)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
