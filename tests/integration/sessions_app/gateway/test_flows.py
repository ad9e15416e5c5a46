"""Deployments that fail, streams that break off and callers that leave: what is passed on, paid and remembered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from market.services import expire_overdue
from sessions_app.domain.gateway.deployments import HealthFacts
from sessions_app.domain.gateway.wire import Fault, Piece, Reply, UpstreamError, Usage
from sessions_app.models import DeploymentHealth, GatewayCall
from sessions_app.services.gateway import health, lanes, planning, registry, streams
from sessions_app.services.gateway.sweeping import sweep_calls
from tests.integration.sessions_app.gateway.wire import HELLO, Scripted, Wire, deployment, the_call, wired

pytestmark = pytest.mark.django_db(transaction=True)
Status = GatewayCall.Status
ASK = HELLO | {"model": "m"}
STREAM = ASK | {"stream": True, "stream_options": {"include_usage": True}}
CLEAN, DIRTY = "clean", "dirty"


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wired() as made:
        deployment(CLEAN, "aws-eu-north-1", "m")
        deployment(DIRTY, "aws-ap-south-1", "m")
        yield made


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    return Scripted().plug_in(monkeypatch)


def reply(text: str = "fine", **usage: int) -> Reply:
    message = {"role": "assistant", "content": text}
    told = Usage(**usage) if usage else None
    return Reply(choices=[{"index": 0, "message": message, "finish_reason": "stop"}], usage=told)


def part(text: str, finish: str | None = None) -> Piece:
    return Piece(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": finish}])


def fault(kind: Fault, words: str = "no", **facts: Any) -> UpstreamError:
    return UpstreamError(kind, words, **facts)


@pytest.mark.parametrize("kind", [Fault.RATE_LIMITED, Fault.UNAVAILABLE, Fault.MALFORMED, Fault.REFUSED])
def test_what_one_deployment_cannot_do_another_does_and_the_work_moves(
    wire: Wire, provider: Scripted, kind: Fault
) -> None:
    provider.scripts = {CLEAN: [fault(kind)], DIRTY: [reply(input_tokens=9, output_tokens=1)]}

    answer = wire.post(ASK)

    call = the_call()
    assert answer.status == 200, answer.content
    assert [each["outcome"] for each in call.attempts] == [kind.value, "answered"]
    assert (answer.headers["x-commonwatt-deployment"], answer.headers["x-commonwatt-region"]) == (
        DIRTY,
        "aws-ap-south-1",
    )
    assert wire.budget == (10, 0)
    assert wire.adds_up()


def test_where_nobody_answers_nothing_is_spent_and_the_caller_hears_why(wire: Wire, provider: Scripted) -> None:
    limited = fault(Fault.RATE_LIMITED, retry_after_seconds=7)
    provider.scripts = {CLEAN: [fault(Fault.UNAVAILABLE)], DIRTY: [limited]}

    answer = wire.post(ASK)

    assert (answer.status, answer.error["code"], answer.headers["retry-after"]) == (429, "upstream_rate_limited", "8")
    assert the_call().status == Status.FAILED
    assert wire.budget == (0, 0)
    assert wire.adds_up()


def test_a_deployment_that_was_asked_to_rest_since_the_call_was_planned_is_not_called(
    wire: Wire, provider: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails_while_the_other_one_is_rested(*_asked: Any, **_bounds: Any) -> Any:
        rests = HealthFacts(cool_until=timezone.now() + timedelta(minutes=1))
        known = registry._rereader.value
        assert known is not None
        registry._rereader.value = replace(known, all=tuple(replace(each, health=rests) for each in known.all))
        raise fault(Fault.UNAVAILABLE)

    monkeypatch.setattr(provider, "chat", fails_while_the_other_one_is_rested)

    assert wire.post(ASK).status == 503
    assert [each["deployment"] for each in the_call().attempts] == [CLEAN]
    assert wire.budget == (0, 0)


def test_only_streams_tell_how_fast_a_deployment_begins(wire: Wire, provider: Scripted) -> None:
    provider.scripts = {CLEAN: [reply(input_tokens=9, output_tokens=1), [part("a", "stop")]]}

    def measured() -> float | None:
        wire.post(ASK if not provider.asked else STREAM)
        assert lanes.wait_until_idle(seconds=5)
        health.flush_outcomes(now=timezone.now())
        return DeploymentHealth.objects.get(deployment__name=CLEAN).first_byte_ms

    assert measured() is None
    assert measured() is not None


def test_a_request_that_is_wrong_is_not_tried_elsewhere_and_costs_nothing(wire: Wire, provider: Scripted) -> None:
    provider.scripts = {CLEAN: [fault(Fault.BAD_REQUEST, "It is refused.", detail="seed is odd")], DIRTY: []}

    answer = wire.post(ASK)

    assert (answer.status, answer.error["message"]) == (400, "It is refused. seed is odd")
    assert wire.budget == (0, 0)
    assert "seed is odd" not in str(list(GatewayCall.objects.values_list()))


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"input_tokens": 10**9, "output_tokens": 1},
        {"input_tokens": 5, "output_tokens": 1, "cached_tokens": 9},
        {"input_tokens": 0, "output_tokens": 0},
    ],
)
def test_usage_that_is_missing_or_cannot_be_is_counted(wire: Wire, provider: Scripted, usage: dict[str, int]) -> None:
    provider.scripts = {CLEAN: [reply("four words are here", **usage)]}

    answer = wire.post(ASK)

    assert (the_call().usage_basis, answer.body["usage"]["completion_tokens"]) == ("counted", 4)
    assert wire.budget == (answer.body["usage"]["total_tokens"], 0)
    assert wire.adds_up()


def test_a_deadline_ends_the_call_and_is_no_fault_of_the_deployment(wire: Wire, provider: Scripted) -> None:
    provider.scripts = {CLEAN: [30.0], DIRTY: [30.0]}
    latest = (timezone.now() + timedelta(seconds=1)).isoformat()

    answer = wire.post(ASK, x_commonwatt_latest=latest)

    assert (answer.status, answer.error["code"]) == (504, "deadline")
    assert len(provider.asked) == 1
    assert wire.budget == (0, 0)
    assert wire.adds_up()


def test_a_connection_whose_time_ends_with_the_callers_is_no_fault_of_the_deployment(
    wire: Wire, provider: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = streams.Seen.note

    def noted_as_the_time_ends(seen: streams.Seen, piece: Piece) -> None:
        monkeypatch.setattr(planning, "GRAIN_SECONDS", 3600)
        note(seen, piece)

    monkeypatch.setattr(streams.Seen, "note", noted_as_the_time_ends)
    provider.scripts = {CLEAN: [[part("one"), fault(Fault.TIMEOUT)]]}

    answer = wire.post(STREAM)

    assert answer.events[-1]["error"]["code"] == the_call().error_code == "deadline"
    assert lanes.wait_until_idle(seconds=5)
    assert not DeploymentHealth.objects.filter(last_failure_at__isnull=False).exists()
    assert wire.adds_up()


def test_a_stream_moves_while_nothing_of_it_was_sent(wire: Wire, provider: Scripted) -> None:
    whole = [part("one"), part(" two", "stop"), Piece(usage=Usage(input_tokens=9, output_tokens=2))]
    provider.scripts = {CLEAN: [[fault(Fault.UNAVAILABLE)]], DIRTY: [whole]}

    answer = wire.post(STREAM)

    assert answer.events[-2]["usage"]["total_tokens"] == 11
    assert answer.headers["x-commonwatt-deployment"] == DIRTY
    assert wire.budget == (11, 0)
    assert provider.closed == 2


def test_a_stream_that_breaks_off_is_paid_as_seen_and_ends_with_an_error(wire: Wire, provider: Scripted) -> None:
    provider.scripts = {CLEAN: [[part("one"), part(" two"), fault(Fault.CUT, "It broke off.")]]}

    answer = wire.post(STREAM)

    assert answer.events[-1]["error"]["code"] == "upstream_cut"
    call = the_call()
    assert (call.status, call.usage_basis, call.output_tokens) == (Status.CUT, "counted", 2)
    assert wire.budget == ((call.input_tokens or 0) + 2, 0)
    assert wire.adds_up()


@pytest.mark.parametrize(("pause", "basis", "tokens"), [(0.01, "provider", 11), (30.0, "counted", None)])
def test_after_its_caller_a_stream_is_read_on_for_a_moment_to_learn_what_it_took(
    wire: Wire,
    provider: Scripted,
    monkeypatch: pytest.MonkeyPatch,
    pause: float,
    basis: str,
    tokens: int | None,
) -> None:
    monkeypatch.setattr(streams, "DRAIN_SECONDS", 0.3)
    end = Piece(usage=Usage(input_tokens=9, output_tokens=2))
    provider.scripts = {CLEAN: [[part("one"), 0.01, pause, part(" two", "stop"), end]]}

    wire.post(STREAM, leaves_after=1)

    call = the_call()
    assert (call.status, call.error_code, call.usage_basis) == (Status.CUT, "caller_gone", basis)
    assert wire.budget == (tokens or (call.input_tokens or 0) + 1, 0)
    assert provider.closed == 1
    assert wire.adds_up()


def test_a_call_that_a_crash_left_open_is_given_up_and_paid_at_what_was_granted(wire: Wire) -> None:
    wire.post(HELLO | {"max_tokens": 5})
    call = the_call()
    granted = wire.budget
    GatewayCall.objects.create(
        team_id=wire.team.team_id,
        actor="key test",
        endpoint="chat",
        asked_model="m",
        status=Status.RUNNING,
        lease_expires_at=timezone.now() - timedelta(seconds=1),
        created_at=call.created_at,
    )

    assert sweep_calls(now=timezone.now()) == 1
    expire_overdue(now=timezone.now())

    assert GatewayCall.objects.get(status=Status.LOST).usage_basis == "granted"
    assert GatewayCall.objects.get(pk=call.pk).status == Status.ANSWERED
    assert wire.budget == granted
    assert wire.adds_up()
