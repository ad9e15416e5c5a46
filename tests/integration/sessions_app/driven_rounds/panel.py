"""Agents of a driven round that answer as they are told to, instead of models: no network, no gateway."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from climate.models import Region
from config.kernel.errors import DomainError
from sessions_app.domain.gateway.wire import Usage
from sessions_app.models import Deployment
from tests.integration.world import NOW

INPUT, OUTPUT = 100, 20
MICRO_USD, GRAMS = 7, 0.5
MEMBERS = [{"name": name, "model": "wise"} for name in ("ana", "ben", "eve")]


@dataclass(frozen=True, slots=True)
class Told:
    """What a call brings."""

    text: str
    usage: Usage | None = field(default_factory=lambda: Usage(input_tokens=INPUT, output_tokens=OUTPUT))
    tokens: int = INPUT + OUTPUT
    total_micro_usd: int = MICRO_USD
    location_g: float = GRAMS
    deployment: str = "served-wise"
    warning_percent: int | None = None


def spoken(stance: str = "agree", confidence: float = 0.8, text: str = "Yes.", reason: str = "-") -> str:
    """An answer in its form."""
    return f"STANCE: {stance}\nCONFIDENCE: {confidence}\nREASON: {reason}\nANSWER:\n{text}"


def chosen(agent: str, reason: str = "It names the gauge.", text: str = "Send it.") -> str:
    """A choice in its form."""
    return f"CHOICE: {agent}\nREASON: {reason}\nANSWER:\n{text}"


class Panel:
    """Answers by the end of a call's key: `1:ana`, `2:ben`, `choice`, `1:ana:repair`, `1:judge`.

    An answer is a text, an error to raise, or a function of the ask. The same key again brings the same answer and
    is no new call, as the gateway does it.
    """

    def __init__(self, answers: dict[str, Any]):
        self.answers = answers
        self.calls: dict[str, Any] = {}
        self.options: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def __call__(self, *, principal: Any, ask: Any, idempotency_key: str, **options: Any) -> Told:
        what = idempotency_key.split(":", 2)[2]
        with self._lock:
            self.options.append({"key": idempotency_key, **options})
            known = what in self.calls
            self.calls.setdefault(what, ask)
        answer = self.answers.get(what, spoken())
        if isinstance(answer, DomainError) and not known:
            raise answer
        if isinstance(answer, Callable):
            answer = answer(ask)
        return Told(answer)

    def prompt(self, what: str) -> str:
        """All that was sent in a call."""
        return "\n".join(each["content"] for each in self.calls[what].messages)


def serve(*names: str) -> None:
    """Deployments that serve these names."""
    for name in names or ("wise",):
        Deployment.objects.create(
            name=f"served-{name}",
            provider="local",
            base_url="http://127.0.0.1:9",
            upstream_model="wise",
            served_name=name,
            model_class="S",
            region=Region.objects.order_by("pk").first(),
            context_window_tokens=100_000,
            max_output_tokens=10_000,
            created_at=NOW,
        )


def of_one_cycle(cycle: int, answers: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Answers of a cycle by agent."""
    return {f"{cycle}:{agent}": answer for agent, answer in answers}
