"""The gateway's door in this process, on an event loop in a thread of its own; the database stays with the test."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from budgets.models import Budget, Hold
from budgets.selectors import list_ledger_differences
from sessions_app.api.gateway.door import Gateway
from sessions_app.connectors import registry as adapters
from sessions_app.models import Deployment, GatewayCall, GatewayPolicy
from sessions_app.services.gateway import lanes, registry
from sessions_app.services.gateway.policies import activate_gateway_policy, create_gateway_policy_version
from tests.integration.world import NOW, Team, load_world, make_budget, make_team

CHAT, EMBEDDINGS = "/v1/chat/completions", "/v1/embeddings"
HELLO: dict[str, Any] = {"model": "echo", "messages": [{"role": "user", "content": "one two three"}]}
SECONDS = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def error(self) -> dict[str, Any]:
        return dict(self.body["error"])

    @property
    def events(self) -> list[Any]:
        parts = [part.removeprefix("data: ") for part in self.content.decode().split("\n\n") if part]
        return [part if part == "[DONE]" else json.loads(part) for part in parts]


class Wire:
    """Speaks HTTP with the door as an ASGI server would."""

    def __init__(self, team: Team, budget_id: UUID):
        self.team, self.budget_id = team, budget_id
        self.is_within_rate = True
        self.passed_on: list[str] = []
        self.door = Gateway(self._below, is_within_rate=lambda _who, _count: self.is_within_rate)
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def post(self, body: Any, path: str = CHAT, *, leaves_after: int | None = None, **headers: str) -> Answer:
        """Post a body; with `leaves_after` the caller goes away after so many parts of the answer."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.run(self._asked("POST", path, content, leaves_after, headers))

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        return self.run(self._asked(method, path, b"", None, headers))

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(SECONDS)

    def all_at_once(self, bodies: list[Any], **headers: str) -> list[Answer]:
        async def together() -> list[Answer]:
            asked = [self._asked("POST", CHAT, json.dumps(each).encode(), None, headers) for each in bodies]
            return list(await asyncio.gather(*asked))

        return list(self.run(together()))

    def new_budget(self, limit: int) -> None:
        """From now on another budget pays."""
        self.budget_id = make_budget(self.team, limit, name=f"budget of {limit}")

    @property
    def budget(self) -> tuple[int, int]:
        """Tokens spent, tokens reserved."""
        row = Budget.objects.get(pk=self.budget_id)
        return int(row.spent), int(row.reserved)

    def adds_up(self) -> bool:
        """No hold is open, and the ledger agrees with every budget."""
        return (
            not Hold.objects.filter(status__in=[Hold.Status.RESERVED, Hold.Status.DISPATCHED]).exists()
            and not list_ledger_differences()
        )

    async def _below(self, scope: Any, _receive: Any, send: Any) -> None:
        self.passed_on.append(scope["path"])
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def _asked(
        self, method: str, path: str, content: bytes, leaves_after: int | None, headers: dict[str, str]
    ) -> Answer:
        usual = {
            "host": "testserver",
            "authorization": f"Bearer {self.team.secret}",
            "x-commonwatt-budget": str(self.budget_id),
        }
        named = usual | {name.replace("_", "-"): value for name, value in headers.items()}
        scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": path,
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
            "client": ("127.0.0.1", 1),
        }
        sent: list[Any] = []
        gone = asyncio.Event()
        waiting = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive() -> Any:
            if waiting:
                return waiting.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if leaves_after is not None and len(sent) > leaves_after:
                gone.set()
                await asyncio.sleep(0)

        await self.door(scope, receive, send)
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]} if sent else {}
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(sent[0]["status"] if sent else 0, found, body)


@contextmanager
def wired(limit: int = 100_000) -> Iterator[Wire]:
    """A team with a default budget of so many tokens before a door that works."""
    load_world()
    registry.forget()
    team = make_team()
    wire = Wire(team, make_budget(team, limit, is_default=True))
    try:
        yield wire
    finally:
        assert lanes.wait_until_idle(seconds=SECONDS)
        wire.loop.call_soon_threadsafe(wire.loop.stop)


def deployment(name: str, region: str, served: str, **changes: Any) -> Deployment:
    """A further deployment, of a kind of provider that a test has put in."""
    values: dict[str, Any] = {
        "provider": "local",
        "base_url": "http://upstream.test",
        "upstream_model": name,
        "served_name": served,
        "model_class": "S",
        "region_id": region,
        "context_window_tokens": 1000,
        "max_output_tokens": 500,
        "takes_tools": True,
        "created_at": NOW,
    }
    made = Deployment.objects.create(name=name, **{**values, **changes})
    registry.forget()
    return made


def with_terms(**sections: dict[str, int]) -> None:
    """From now on a version of the gateway policy with these terms is in force."""
    current = GatewayPolicy.objects.get(is_default=True)
    body = {name: {**section, **sections.get(name, {})} for name, section in current.body.items()}
    made = create_gateway_policy_version(name=current.name, body=body, rationale="a test", author_id=None, now=NOW)
    activate_gateway_policy(policy_id=made, now=NOW, actor="a test")
    registry.forget()


class Scripted:
    """A provider that does what each deployment's script says: a reply, an error to raise, or pieces of a stream."""

    def __init__(self) -> None:
        self.scripts: dict[str, list[Any]] = {}
        self.asked: list[tuple[str, int]] = []
        self.closed = 0

    def plug_in(self, monkeypatch: Any) -> Scripted:
        """Take the place of the adapter of `local`."""
        known = adapters.provider_of

        def provider_of(kind: str) -> Any:
            return self if kind == "local" else known(kind)

        for module in ("attempts", "placing"):
            monkeypatch.setattr(f"sessions_app.services.gateway.{module}.provider_of", provider_of)
        return self

    def problem_of(self, _ask: Any) -> str:
        return ""

    async def chat(self, target: Any, _ask: Any, *, max_output_tokens: int) -> Any:
        return await self._next(target, max_output_tokens)

    async def embed(self, target: Any, _ask: Any) -> Any:
        return await self._next(target, 0)

    async def stream(self, target: Any, _ask: Any, *, max_output_tokens: int) -> AsyncIterator[Any]:
        steps = await self._next(target, max_output_tokens)
        try:
            for step in steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, float):
                    await asyncio.sleep(step)
                else:
                    yield step
        finally:
            self.closed += 1

    async def _next(self, target: Any, most: int) -> Any:
        name = target.model
        self.asked.append((name, most))
        step = self.scripts[name].pop(0)
        if isinstance(step, float):
            await asyncio.sleep(step)
            raise AssertionError("nobody waited so long")
        if isinstance(step, Exception):
            raise step
        return step


def the_call() -> GatewayCall:
    """The only call that is stored."""
    return GatewayCall.objects.get()
