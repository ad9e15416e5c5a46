"""Calls of agents: their windows are told, and a summary stands in where no model answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone

from config.kernel.errors import InvalidInput
from sessions_app.domain.gateway.wire import ChatAsk, Fault, Reply
from sessions_app.domain.words import Reason
from sessions_app.models import GatewayCall, Usage
from sessions_app.selectors.gateway.seats import get_seat
from sessions_app.selectors.report import get_report
from sessions_app.services.checkpoints import make_checkpoint
from sessions_app.services.gateway import background, reporting
from sessions_app.services.gateway.calling import call_model
from sessions_app.services.gateway.sweeping import sweep_calls
from sessions_app.services.log import locked
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.sessions_app.gateway.calls import finished
from tests.integration.sessions_app.gateway.test_flows import ASK, CLEAN, fault, reply
from tests.integration.sessions_app.gateway.wire import (
    EMBEDDINGS,
    HELLO,
    Scripted,
    Wire,
    deployment,
    the_call,
    wired,
)
from tests.integration.sessions_app.handing import begin, finish

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wired() as made:
        yield made


def test_a_call_of_an_agent_is_told_to_its_window_once(wire: Wire) -> None:
    session_id = open_desk(wire.team, "ann")
    headers = {"x_commonwatt_session": str(session_id), "x_commonwatt_agent": "ann"}

    whole = wire.post(HELLO, **headers).body["usage"]
    stream = wire.post(HELLO | {"stream": True, "stream_options": {"include_usage": True}}, **headers).events[-2][
        "usage"
    ]

    assert Usage.objects.filter(session=session_id).count() == 2
    told = [(each.input_tokens, each.output_tokens) for each in Usage.objects.filter(session=session_id)]
    assert told == [(each["prompt_tokens"], each["completion_tokens"]) for each in (whole, stream)]
    assert instance_of(session_id, "ann").context_tokens > 0
    assert not GatewayCall.objects.filter(told_session_at=None).exists()

    GatewayCall.objects.update(told_session_at=None, finished_at=timezone.now() - timedelta(minutes=1))
    sweep_calls(now=timezone.now())
    assert Usage.objects.filter(session=session_id).count() == 2
    assert not GatewayCall.objects.filter(told_session_at=None).exists()


def test_what_a_crash_left_untold_the_sweep_tells(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    session_id = open_desk(wire.team, "ann")
    with monkeypatch.context() as patch:
        patch.setattr(reporting, "tell_session", lambda **_: None)
        wire.post(HELLO, x_commonwatt_session=str(session_id), x_commonwatt_agent="ann")
    assert the_call().told_session_at is None

    sweep_calls(now=timezone.now() + timedelta(minutes=1))

    assert Usage.objects.get(session=session_id).call_id == str(the_call().pk)
    assert the_call().told_session_at is not None


class _Switching(Scripted):
    """A provider that answers when the agents have gone over to successors."""

    def __init__(self, session_id: UUID, answer: Reply) -> None:
        super().__init__()
        self.session_id, self.answer = session_id, answer

    async def chat(self, _target: Any, _ask: Any, *, max_output_tokens: int) -> Any:
        await asyncio.to_thread(self._hand_over)
        return self.answer

    def _hand_over(self) -> None:
        try:
            assert finish(begin(self.session_id, "emergency")).phase == "complete"
        finally:
            connection.close()


def test_a_call_under_way_at_a_switch_is_counted_once_and_fills_no_window(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment(CLEAN, "aws-eu-north-1", "m")
    session_id = open_desk(wire.team, "ann")
    _Switching(session_id, reply(input_tokens=700, output_tokens=30)).plug_in(monkeypatch)

    answer = wire.post(ASK, x_commonwatt_session=str(session_id), x_commonwatt_agent="ann")

    assert answer.status == 200, answer.content
    told, successor = Usage.objects.get(session=session_id), instance_of(session_id, "ann")
    assert (told.call_id, told.input_tokens, told.output_tokens) == (str(the_call().pk), 700, 30)
    assert (told.instance_id, successor.epoch) == (successor.pk, 2)
    assert successor.context_tokens < 700, "it begins with the document alone"
    assert session_of(session_id).tokens_used == 730
    assert the_call().told_session_at is not None


def test_a_call_that_a_crash_left_untold_before_a_switch_is_counted_once_and_fills_no_window(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = open_desk(wire.team, "ann")
    with monkeypatch.context() as patch:
        patch.setattr(reporting, "tell_session", lambda **_: None)
        wire.post(HELLO, x_commonwatt_session=str(session_id), x_commonwatt_agent="ann")
    assert finish(begin(session_id, "emergency", now=timezone.now()), now=timezone.now()).phase == "complete"
    held = instance_of(session_id, "ann").context_tokens

    for _ in range(2):
        sweep_calls(now=timezone.now() + timedelta(minutes=1))
        GatewayCall.objects.update(told_session_at=None)

    told = Usage.objects.get(session=session_id)
    assert (told.call_id, told.instance.epoch) == (str(the_call().pk), 2)
    assert instance_of(session_id, "ann").context_tokens == held


def test_the_report_of_a_session_names_what_its_calls_were_for(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    session_id = open_desk(wire.team, "ann", purpose="disaster_response")
    headers = {"x_commonwatt_session": str(session_id), "x_commonwatt_agent": "ann"}
    wire.post(HELLO, **headers)
    wire.post(HELLO | {"stream": True}, **headers)
    wire.post({"model": "echo-embedding", "input": "how high is the water"}, path=EMBEDDINGS, **headers)
    wire.post(HELLO, x_commonwatt_purpose="climate_adaptation", **headers)
    with monkeypatch.context() as patch:
        patch.setattr(reporting, "tell_session", lambda **_: None)
        for purpose in ("disaster_response", "climate_adaptation"):
            wire.post(HELLO, x_commonwatt_purpose=purpose, **headers)
    sweep_calls(now=timezone.now() + timedelta(minutes=1))

    report = get_report(session_id, now=timezone.now())

    assert {each.name: each.calls for each in report.by_operation} == {
        "chat": 3,
        "embeddings": 1,
        "climate_adaptation": 2,
    }
    assert {each.operation: each.calls for each in report.estimates} == {
        "chat": 3,
        "embeddings": 1,
        "climate_adaptation": 2,
    }
    chats = Usage.objects.filter(session=session_id).exclude(operation="embeddings")
    assert len(set(chats.values_list("estimated_tokens", flat=True))) <= 2, "told at once or by the sweep"
    assert all(each.estimated_tokens > each.input_tokens for each in chats)


def test_turns_of_rounds_are_counted_as_such() -> None:
    kind = {"endpoint": "chat", "purpose": "climate_adaptation", "usual_purpose": "disaster_response"}
    assert reporting.operation_of(**kind, is_round=True) == "round"
    assert reporting.operation_of(**kind, is_round=False) == "climate_adaptation"


def test_a_session_stays_where_its_calls_of_the_model_were_answered_lately(wire: Wire) -> None:
    session_id, now = open_desk(wire.team, "ann"), timezone.now()
    dirty = deployment("dirty", "aws-ap-south-1", "m")

    def seat(model: str, minutes: int = 30) -> int | None:
        since = now - timedelta(minutes=minutes)
        team_id = wire.team.team_id
        return get_seat(session_id, "", team_id=team_id, model=model, sticky_since=since).sticky_deployment_id

    finished(wire.team, at=now, session_id=session_id, asked_model="m", status=GatewayCall.Status.FAILED)
    assert seat("m") is None, "it did not answer"
    at = now - timedelta(minutes=20)
    finished(wire.team, at=at, session_id=session_id, asked_model="m", deployment=dirty)
    finished(wire.team, at=now, session_id=session_id, asked_model="echo-embedding")
    assert seat("m") == dirty.pk, "calls of other models lie between"
    assert seat("m", minutes=10) is None


def test_sessions_and_agents_that_are_not_there_are_refused_by_their_header(wire: Wire) -> None:
    session_id = str(open_desk(wire.team, "ann"))

    nobody = wire.post(HELLO, x_commonwatt_session=session_id, x_commonwatt_agent="bob")
    nowhere = wire.post(HELLO, x_commonwatt_session="00000000-0000-4000-8000-000000000000")
    too_long = wire.post(HELLO | {"max_tokens": 1_001}, x_commonwatt_session=session_id, x_commonwatt_agent="ann")

    assert [each.error["code"] for each in (nobody, nowhere, too_long)] == [
        "no_agent",
        "no_session",
        "context_length_exceeded",
    ]
    assert not GatewayCall.objects.exists()


def test_where_no_model_answers_a_session_gets_its_last_summary_labelled_and_free(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment(CLEAN, "aws-eu-north-1", "m")
    provider = Scripted().plug_in(monkeypatch)
    provider.scripts = {CLEAN: [fault(Fault.UNAVAILABLE)] * 2}
    session_id = open_desk(wire.team, "ann")
    without = wire.post(ASK, x_commonwatt_session=str(session_id))
    with transaction.atomic():
        make_checkpoint(locked(session_id), reason=Reason.MANUAL, actor="key test", now=timezone.now())

    answer = wire.post(ASK, x_commonwatt_session=str(session_id))

    assert (without.status, answer.status) == (503, 200), answer.content
    assert answer.headers["x-commonwatt-fallback"] == "cached_summary"
    assert answer.body["choices"][0]["message"]["content"].startswith("[No model answered.")
    assert GatewayCall.objects.get(fallback="cached_summary").status == "answered"
    assert wire.budget == (0, 0)
    assert wire.adds_up()


def test_our_own_code_calls_a_model_from_a_thread_and_gets_a_kept_answer_again(wire: Wire) -> None:
    ask = ChatAsk(model="echo", messages=[{"role": "user", "content": "two words"}])

    first, again = (call_model(principal=wire.team.principal, ask=ask, idempotency_key="k") for _ in range(2))

    assert (first.text, first.usage_basis, first.deployment) == ("two words", "provider", "echo-stockholm")
    assert again == first
    assert wire.budget == (first.tokens, 0)
    with pytest.raises(InvalidInput):
        call_model(principal=wire.team.principal, ask=ask, purpose="no_such_purpose")
    assert background.READS.wait_until_idle(seconds=5)
