"""A running gateway with an upstream behind it, for the tests of this folder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai

from tests.integration.server.conftest import Deployment, spread_environment
from tests.servers.commonwatt import Client, serving
from tests.servers.databases import fresh_database, migrated_environment
from tests.servers.deployments import REACHABLE, deployment, make_deployments
from tests.servers.upstream import Upstream

OPEN = {**REACHABLE, "REQUEST_RATE_PER_MINUTE": "1000000"}
# The upstream is on this machine, so a test need not wait as long as for a provider.
TERMS = {
    "calls": {
        "connect_seconds": 2,
        "first_byte_seconds": 2,
        "idle_seconds": 2,
        "lease_margin_seconds": 1,
        "attempt_least_seconds": 1,
    },
    "breaker": {
        "failures_in_a_row": 3,
        "least_calls": 10_000,
        "open_seconds": 3,
        "most_open_seconds": 4,
        "probe_seconds": 2,
    },
}
REGIONS = ("aws-eu-north-1", "aws-eu-west-3", "aws-eu-central-1")
OTHER_KINDS = {"anthropic": "claude", "gemini": "gemini"}
CALLER = {"X-Commonwatt-Purpose": "climate_adaptation", "X-Commonwatt-Origin": "DE"}
SETTLE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Gateway:
    """Web processes and the upstream that their deployments lead to: a lane of it for each deployment's name."""

    deployment: Deployment
    upstream: Upstream

    def options(self, number: int = 0, **headers: str) -> dict[str, Any]:
        """How an official client reaches the process of that number. It repeats nothing by itself."""
        return {
            "base_url": f"{self.deployment.servers[number].url}/v1",
            "api_key": self.deployment.api_key,
            "max_retries": 0,
            "timeout": 60,
            "default_headers": {**CALLER, **headers},
        }

    def openai(self, number: int = 0, **headers: str) -> openai.OpenAI:
        """The official client."""
        return openai.OpenAI(**self.options(number, **headers))

    @property
    def api(self) -> Client:
        """Our own API."""
        return self.deployment.client

    def budget_of(self, tokens: int) -> str:
        """A budget of so many tokens; its id."""
        body = {"name": "Gateway", "parent": None, "unit": "tokens", "limit": tokens, "period": "one_off"}
        answer = self.api.post("budgets/", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def spent_and_reserved(self, budget_id: str) -> tuple[int, int]:
        """What a budget has spent, and what is still held of it."""
        budget = self.api.get(f"budgets/{budget_id}/").json()
        return int(budget["spent"]), int(budget["reserved"])

    def settled(self, budget_id: str) -> int:
        """What a budget has spent once nothing is held of it any more; a client may be gone before that."""
        wait_until(lambda: self.spent_and_reserved(budget_id)[1] == 0, "nothing is held any more")
        return self.spent_and_reserved(budget_id)[0]

    def calls(self, **query: str) -> list[dict[str, Any]]:
        """Calls as our API tells them, from all pages."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.api.get("gateway/calls/", **query)
            assert page.status_code == 200, page.text
            found += page.json()["results"]
            if page.json()["next"] is None:
                return found
            query["before"] = found[-1]["id"]


def wait_until(holds: Callable[[], bool], what: str, seconds: float = SETTLE_SECONDS) -> None:
    """Wait for something to become true."""
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


def ask(text: str = "one two three", model: str = "solo", **more: Any) -> dict[str, Any]:
    """The arguments of a chat completion."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def make_world(env: dict[str, str], upstream: Upstream) -> None:
    """A deployment for each kind of provider, and a pair that serves one name in two regions."""
    made = [deployment(name, upstream.url(name), REGIONS[0], served_name=name) for name in ("solo", "frail")]
    made += [
        deployment(kind, upstream.url(kind), REGIONS[0], served_name=name, provider=kind)
        for kind, name in OTHER_KINDS.items()
    ]
    made += [
        deployment(name, upstream.url(name), region, served_name="pair")
        for name, region in (("clean", REGIONS[0]), ("dirty", REGIONS[2]))
    ]
    embeds = {"served_name": "vectors", "serves_chat": False, "serves_embeddings": True, "takes_tools": False}
    made.append(deployment("vectors", upstream.url("vectors"), REGIONS[1], **embeds))
    make_deployments(env, *made, terms=TERMS)


@contextlib.contextmanager
def gateway_on_sqlite(folder: Path) -> Iterator[Gateway]:
    """One process, as `make run` starts it."""
    env = migrated_environment(folder, **OPEN)
    with Upstream() as upstream, serving(env) as servers:
        make_world(env, upstream)
        yield Gateway(Deployment(servers, env), upstream)


@contextlib.contextmanager
def gateway_on_postgres(folder: Path, processes: int = 2) -> Iterator[Gateway]:
    """Processes that share a PostgreSQL and a Redis."""
    with fresh_database() as database_url, Upstream() as upstream:
        env = {**spread_environment(folder, database_url), **OPEN}
        with serving(*[env] * processes) as servers:
            make_world(env, upstream)
            yield Gateway(Deployment(servers, env), upstream)
