"""How long one deployment is waited for while others could answer, and who may try one that failed before."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from config.kernel.errors import Unavailable
from sessions_app.domain.gateway.deployments import BreakerState
from sessions_app.domain.gateway.wire import Fault, Reply, UpstreamError, Usage
from sessions_app.models import Deployment, DeploymentHealth, GatewayCall
from sessions_app.services.gateway import attempts, health, lanes, registry
from tests.integration.sessions_app.gateway.wire import HELLO, Scripted, Wire, deployment, the_call, wired, with_terms

pytestmark = pytest.mark.django_db(transaction=True)
ASK = HELLO | {"model": "m", "max_tokens": 20}
CLEAN, DIRTY = "clean", "dirty"
HANGS = 30.0
QUICK = {"attempt_least_seconds": 1, "attempt_tokens_per_second": 1000}
"""A twentieth of a second for 20 tokens, beside the least."""


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wired() as made:
        deployment(CLEAN, "aws-eu-north-1", "m")
        deployment(DIRTY, "aws-ap-south-1", "m")
        with_terms(calls=QUICK, breaker={"failures_in_a_row": 2})
        yield made


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    return Scripted().plug_in(monkeypatch)


def reply() -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}
    return Reply(choices=[choice], usage=Usage(input_tokens=9, output_tokens=1))


def within(wire: Wire, seconds: float, **more: Any) -> Any:
    return wire.post(ASK | more, x_commonwatt_latest=(timezone.now() + timedelta(seconds=seconds)).isoformat())


def _in_thread(job: Callable[[], None]) -> None:
    """The event loop of the door may not ask the database itself."""
    thread = threading.Thread(target=lambda: (job(), connection.close()))
    thread.start()
    thread.join()


def health_of(name: str) -> DeploymentHealth:
    assert lanes.wait_until_idle(seconds=5)
    return DeploymentHealth.objects.get(deployment__name=name)


def test_where_one_hangs_another_gives_the_whole_answer_within_the_deadline(wire: Wire, provider: Scripted) -> None:
    provider.scripts = {CLEAN: [HANGS], DIRTY: [reply()]}

    answer = within(wire, 4)

    assert (answer.status, answer.headers["x-commonwatt-deployment"]) == (200, DIRTY)
    (hung, answered) = the_call().attempts
    assert (hung["outcome"], answered["outcome"]) == ("timeout", "answered")
    assert 1_000 < hung["ms"] < 3_000  # half of what was left
    assert wire.budget == (10, 0)
    assert wire.adds_up()


def test_hanging_opens_the_breaker_after_the_usual_number_and_no_call_waits_there_any_more(
    wire: Wire, provider: Scripted
) -> None:
    provider.scripts = {CLEAN: [HANGS] * 2, DIRTY: [reply() for _ in range(3)]}
    states = []

    for _ in range(2):
        assert within(wire, 2.5).status == 200
        states.append(health_of(CLEAN).state)
        registry.forget()

    assert states == [BreakerState.CLOSED, BreakerState.OPEN]
    assert within(wire, 2.5).status == 200
    assert [name for name, _ in provider.asked] == [CLEAN, DIRTY, CLEAN, DIRTY, DIRTY]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_deployment_that_nobody_could_take_over_from_has_all_the_time(
    wire: Wire, provider: Scripted, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    async def slow(*_asked: Any, **_bounds: Any) -> Reply:
        await asyncio.sleep(1.7)
        return reply()

    monkeypatch.setattr(provider, "chat", slow)
    if is_there:
        rests = {"cool_until": timezone.now() + timedelta(minutes=1), "updated_at": timezone.now()}
        DeploymentHealth.objects.create(deployment=Deployment.objects.get(name=DIRTY), **rests)
    else:
        Deployment.objects.filter(name=DIRTY).update(is_active=False)
    registry.forget()

    assert within(wire, 2.5).headers["x-commonwatt-deployment"] == CLEAN


def test_the_last_try_may_use_what_is_left(wire: Wire, provider: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    with_terms(calls={"most_attempts": 1})
    provider.scripts = {CLEAN: [HANGS]}

    answer = within(wire, 2.5)

    assert (answer.status, answer.error["code"]) == (504, "deadline")
    assert [name for name, _ in provider.asked] == [CLEAN]


def test_a_wait_that_ends_a_little_early_has_lasted_until_the_deadline(
    wire: Wire, provider: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    timeout = asyncio.timeout
    monkeypatch.setattr(attempts.asyncio, "timeout", lambda seconds: timeout(seconds - 0.008))
    provider.scripts = {CLEAN: [HANGS], DIRTY: [HANGS]}
    with_terms(calls={"most_attempts": 1})

    assert within(wire, 1).error["code"] == "deadline"


def test_what_a_long_answer_takes_at_a_slow_models_rate_is_not_cut(wire: Wire, provider: Scripted) -> None:
    with_terms(calls={"attempt_tokens_per_second": 10})
    provider.scripts = {CLEAN: [HANGS]}

    assert within(wire, 2.5).status == 504  # 1 second and 20 tokens at 10 in a second are more than is left
    assert lanes.wait_until_idle(seconds=5)
    assert not DeploymentHealth.objects.filter(consecutive_failures__gt=0).exists()


@pytest.mark.parametrize("is_heard_late", [False, True])
def test_where_all_rest_after_a_429_a_caller_is_told_when_to_come_again_though_nobody_is_asked(
    wire: Wire, provider: Scripted, monkeypatch: pytest.MonkeyPatch, is_heard_late: bool
) -> None:
    def rest() -> None:
        for each in Deployment.objects.filter(served_name="m"):
            until = timezone.now() + timedelta(seconds=20)
            DeploymentHealth.objects.create(deployment=each, cool_until=until, updated_at=timezone.now())
        registry.forget()
        registry.snapshot(timezone.now())

    if is_heard_late:  # it was planned before
        in_order = attempts._in_order
        monkeypatch.setattr(attempts, "_in_order", lambda tries: (_in_thread(rest), in_order(tries))[1])
    else:
        rest()

    answer = wire.post(ASK)

    assert (answer.status, answer.error["code"]) == (429, "upstream_rate_limited"), answer.content
    assert 18 <= int(answer.headers["retry-after"]) <= 21
    assert provider.asked == []
    assert wire.budget == (0, 0)
    assert wire.adds_up()


def test_where_one_rests_and_the_other_is_open_nobody_is_told_that_all_rest(wire: Wire) -> None:
    now = timezone.now()
    opened = {"state": BreakerState.OPEN, "opened_at": now, "open_until": now + timedelta(seconds=9)}
    for name, state in ((CLEAN, {"cool_until": now + timedelta(seconds=20)}), (DIRTY, opened)):
        DeploymentHealth.objects.create(deployment=Deployment.objects.get(name=name), updated_at=now, **state)
    registry.forget()

    answer = wire.post(ASK)

    assert (answer.status, answer.error["code"]) == (503, "no_deployment")
    assert int(answer.headers["retry-after"]) <= 10


def test_a_try_of_a_deployment_that_failed_before_is_given_back_where_the_work_cannot_move_there(
    wire: Wire, provider: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = timezone.now() - timedelta(minutes=1)
    dirty = Deployment.objects.get(name=DIRTY)
    DeploymentHealth.objects.create(
        deployment=dirty, state=BreakerState.OPEN, opened_at=opened, open_until=opened, updated_at=opened
    )
    registry.forget()
    provider.scripts = {CLEAN: [UpstreamError(Fault.UNAVAILABLE, "no")] * 2, DIRTY: [reply()]}

    def no_room(**_move: Any) -> Any:
        raise Unavailable("There is no room.", code="no_room")

    with monkeypatch.context() as patched:
        patched.setattr(attempts, "move_inline", no_room)
        assert wire.post(ASK).status == 503
    assert [name for name, _ in provider.asked] == [CLEAN]
    assert health_of(DIRTY).state == BreakerState.HALF_OPEN
    registry.forget()

    assert wire.post(ASK).headers["x-commonwatt-deployment"] == DIRTY
    assert health_of(DIRTY).state == BreakerState.CLOSED
    assert GatewayCall.objects.count() == 2


def test_only_the_try_that_was_taken_is_given_back(wire: Wire) -> None:
    now, dirty = timezone.now(), Deployment.objects.get(name=DIRTY)
    opened = now - timedelta(minutes=1)
    DeploymentHealth.objects.create(
        deployment=dirty, state=BreakerState.OPEN, opened_at=opened, open_until=opened, updated_at=opened
    )
    registry.forget()
    assert health.may_try(dirty.pk, now=now)

    health.give_try_back(dirty.pk, taken_at=now - timedelta(seconds=31))  # somebody's who was away for too long
    assert not health.may_try(dirty.pk, now=now)
    health.give_try_back(dirty.pk, taken_at=now)
    assert health.may_try(dirty.pk, now=now)


def test_a_deployment_in_our_own_network_fetches_no_image_for_a_caller(
    wire: Wire, provider: Scripted, settings: Any
) -> None:
    settings.UPSTREAM_PRIVATE_HOSTS = ["upstream.test"]
    able = {"takes_image_urls": True, "takes_inline_images": True, "context_window_tokens": 5000}
    Deployment.objects.filter(served_name="m").update(**able)
    registry.forget()
    provider.scripts = {CLEAN: [reply()]}

    def look(address: str) -> Any:
        image = {"type": "image_url", "image_url": {"url": address}}
        return wire.post(ASK | {"messages": [{"role": "user", "content": [image]}]})

    refused = look("https://pictures.example.org/a.png")

    assert (refused.status, refused.error["param"], refused.error["code"]) == (400, "messages", "unsupported_value")
    assert "data URLs" in refused.error["message"]
    assert look("data:image/png;base64,AAAA").status == 200
