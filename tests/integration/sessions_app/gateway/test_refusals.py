"""Refused once its call was stored, a caller hears which one it was, and may ask why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from climate.models import RegionCapacity
from market.models import AllocationRequest
from sessions_app.domain.gateway.wire import Fault
from sessions_app.models import GatewayCall
from tests.integration.sessions_app.gateway.test_flows import ASK, CLEAN, DIRTY, fault
from tests.integration.sessions_app.gateway.wire import HELLO, Answer, Scripted, Wire, deployment, the_call, wired

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wired() as made:
        yield made


@pytest.fixture
def provider(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    deployment(CLEAN, "aws-eu-north-1", "m")
    deployment(DIRTY, "aws-ap-south-1", "m")
    return Scripted().plug_in(monkeypatch)


def names(answer: Answer, call: GatewayCall) -> bool:
    """Whether an answer names a call and its request, in its headers and in its body."""
    told = (str(call.pk), str(call.request_id))
    headers = (answer.headers["x-commonwatt-call"], answer.headers["x-commonwatt-request"])
    return headers == (answer.error["call"], answer.error["request"]) == told


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_budget_that_cannot_pay_leaves_a_call_and_a_denial_that_explain_it(wire: Wire, is_stream: bool) -> None:
    wire.new_budget(20)
    refused = wire.post(HELLO | {"max_tokens": 100, "stream": is_stream})

    assert (refused.status, names(refused, the_call())) == (402, True), refused.headers
    told = wire.team.client.get(f"/api/v1/requests/{refused.headers['x-commonwatt-request']}/explain/")
    assert told.status_code == 200
    page = wire.team.client.get(f"/api/v1/gateway/calls/{refused.headers['x-commonwatt-call']}/").json()
    assert (page["status"], page["error_code"]) == ("refused", "budget_exhausted")


def test_no_room_names_the_call_and_the_denial(wire: Wire) -> None:
    RegionCapacity.objects.update(tokens_per_hour=1)
    refused = wire.post(HELLO | {"max_tokens": 100})

    assert (refused.status, refused.error["code"]) == (503, "no_room"), refused.content
    assert names(refused, the_call())
    assert AllocationRequest.objects.get(pk=refused.headers["x-commonwatt-request"]).status == "denied"


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([fault(Fault.UNAVAILABLE)], 503),
        ([fault(Fault.RATE_LIMITED, retry_after_seconds=7)], 429),
        ([fault(Fault.BAD_REQUEST, status=400)], 400),
    ],
)
def test_what_no_provider_answers_names_the_call_that_failed(
    wire: Wire, provider: Scripted, steps: list[Any], status: int, is_stream: bool
) -> None:
    provider.scripts = {CLEAN: [*steps], DIRTY: [*steps]}
    refused = wire.post(ASK | {"stream": is_stream})
    assert (refused.status, names(refused, the_call())) == (status, True), refused.content


def test_a_deadline_that_passes_names_the_call(wire: Wire, provider: Scripted) -> None:
    provider.scripts = {CLEAN: [30.0], DIRTY: [30.0]}
    refused = wire.post(ASK, x_commonwatt_latest=(timezone.now() + timedelta(seconds=1)).isoformat())
    assert (refused.status, names(refused, the_call())) == (504, True), refused.content


def test_of_a_burst_each_that_is_refused_hears_of_its_own_call(wire: Wire) -> None:
    wire.new_budget(20)
    refused = wire.all_at_once([HELLO | {"max_tokens": 100}] * 10)
    told = {each.headers["x-commonwatt-call"]: each.headers["x-commonwatt-request"] for each in refused}
    stored = GatewayCall.objects.values_list("pk", "request_id")
    assert told == {str(call): str(request) for call, request in stored}
    assert len(told) == 10


def test_what_is_refused_before_anything_is_stored_names_nothing(wire: Wire) -> None:
    wrong = wire.post(HELLO | {"colour": "green"})
    wire.is_within_rate = False
    for refused in (wrong, wire.post(HELLO)):
        assert refused.status in (400, 429)
        assert not {"x-commonwatt-call", "x-commonwatt-request"} & refused.headers.keys()
    assert not GatewayCall.objects.exists()
