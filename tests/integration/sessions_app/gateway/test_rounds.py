"""Driven rounds through the gateway itself: what agents are asked is held, settled, told to their windows, and kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from sessions_app.domain.gateway.wire import Reply, Usage
from sessions_app.domain.words import FactKind
from sessions_app.models import GatewayCall, Round, RoundRun, Turn
from sessions_app.models import Usage as Told
from sessions_app.services.gateway import engine
from sessions_app.services.gateway.calling import call_model
from sessions_app.services.memory.facts import FactAsk, Teller, record_fact
from sessions_app.services.rounds import driving
from sessions_app.services.rounds.running import RunAsk, begin_run, carry_on_run
from sessions_app.services.rounds.tables import TableAsk
from tests.integration.sessions_app.desk import open_desk
from tests.integration.sessions_app.driven_rounds.panel import MEMBERS, chosen, spoken
from tests.integration.sessions_app.gateway.wire import CHAT, Scripted, Wire, deployment, wired

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "Should the warning for Sylhet go out tonight?"


class Speakers(Scripted):
    """Models that answer in the form of a round, each as the agent that it is told to be."""

    async def chat(self, target: Any, ask: Any, *, max_output_tokens: int) -> Reply:
        system = ask.messages[0]["content"]
        agent = re.match(r"You are (\w+)", system)
        self.asked.append((agent[1] if agent else "chair", max_output_tokens))
        text = spoken(text=f"{agent[1]} says yes.") if agent else chosen(re.search(r"\[(\w+), cycle", str(ask))[1])
        message = {"role": "assistant", "content": text}
        usage = Usage(input_tokens=200, output_tokens=50)
        return Reply(choices=[{"index": 0, "message": message, "finish_reason": "stop"}], usage=usage)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wired() as made:
        yield made


@pytest.fixture
def speakers(wire: Wire, monkeypatch: Any) -> Speakers:
    deployment("wise-one", "aws-eu-north-1", "wise", context_window_tokens=8000, max_output_tokens=1000)
    return Speakers().plug_in(monkeypatch)  # type: ignore[return-value]


def begin(wire: Wire) -> Any:
    session_id = open_desk(wire.team, budget_id=wire.budget_id)
    ask = RunAsk(question=QUESTION, seats=TableAsk(members=MEMBERS))
    return begin_run(session_id=session_id, ask=ask, principal=wire.team.principal, now=timezone.now())


def drive(round_id: Any, after: timedelta = timedelta()) -> RoundRun:
    assert carry_on_run(round_id=round_id, call=call_model, clock=lambda: timezone.now() + after)
    return RoundRun.objects.get(pk=round_id)


def test_every_call_of_a_round_is_paid_told_and_known_by_it(wire: Wire, speakers: Speakers) -> None:
    done = drive(begin(wire))
    assert (done.status, done.chosen_agent) == ("finished", "ana"), done.error
    calls = GatewayCall.objects.filter(round_id=done.pk)
    assert calls.filter(status="answered").count() == done.calls == 4
    assert wire.budget == (done.spent_tokens, 0)
    assert done.spent_tokens == 4 * 250
    assert sorted(Told.objects.values_list("instance__agent", flat=True)) == ["ana", "ben", "eve"]
    assert set(calls.values_list("mode", flat=True)) == {"express"}
    assert wire.adds_up()


def test_after_a_crash_kept_answers_are_told_again_though_prompts_have_changed(
    wire: Wire, speakers: Speakers, monkeypatch: Any
) -> None:
    round_id = begin(wire)
    real = driving.store

    def dies(*_args: Any, **_more: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(driving, "store", dies)
    with pytest.raises(KeyboardInterrupt):
        carry_on_run(round_id=round_id, call=call_model, clock=timezone.now)
    monkeypatch.setattr(driving, "store", real)
    assert (len(speakers.asked), Turn.objects.count()) == (3, 0)
    session_id = Round.objects.get().session_id
    ask = FactAsk(kind=FactKind.CONSTRAINT, text="The radio is silent.", is_pinned=True)
    team_id = wire.team.team_id
    record_fact(session_id=session_id, team_id=team_id, ask=ask, teller=Teller(actor="test"), now=timezone.now())
    done = drive(round_id, after=timedelta(minutes=10))
    assert done.status == "finished", done.error
    assert sorted(agent for agent, _ in speakers.asked) == ["ana", "ben", "chair", "eve"]
    assert wire.budget == (done.spent_tokens, 0)
    assert wire.adds_up()


def test_of_several_who_would_drive_a_round_at_once_one_does(wire: Wire, speakers: Speakers) -> None:
    round_id = begin(wire)

    def carry(_number: int) -> bool:
        try:
            return carry_on_run(round_id=round_id, call=call_model, clock=timezone.now)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        drove = list(pool.map(carry, range(4)))
    assert sorted(drove) == [False, False, False, True]
    assert RoundRun.objects.get().status == "finished"
    assert sorted(agent for agent, _ in speakers.asked) == ["ana", "ben", "chair", "eve"]


def test_a_round_ends_with_its_budget_and_never_beyond_it(wire: Wire, speakers: Speakers) -> None:
    wire.new_budget(600)
    done = drive(begin(wire))
    assert done.stopped_because in ("budget", "failed")
    assert 0 <= wire.budget[0] <= 600
    assert wire.budget[1] == 0
    assert Round.objects.get().status == "closed"
    assert wire.adds_up()


def test_a_chat_that_asks_for_a_council_gets_its_answer_and_what_all_of_it_took(wire: Wire, speakers: Speakers) -> None:
    body = {"model": "wise", "messages": [{"role": "user", "content": QUESTION}]}
    answer = wire.post(body, CHAT, x_commonwatt_mode="council")
    assert answer.status == 200, answer.content
    assert answer.body["choices"][0]["message"]["content"] == "Send it."
    done = RoundRun.objects.get()
    assert answer.body["usage"]["total_tokens"] == done.spent_tokens
    asked = GatewayCall.objects.get(request=None)
    assert (asked.mode, asked.round_id, asked.session_id) == ("council", done.pk, done.round.session_id)
    assert wire.budget == (done.spent_tokens, 0)
    assert wire.adds_up()


def test_of_two_councils_under_one_key_in_the_same_moment_one_is_held(
    wire: Wire, speakers: Speakers, monkeypatch: Any
) -> None:
    body = {"model": "wise", "messages": [{"role": "user", "content": QUESTION}]}
    named = {"x_commonwatt_mode": "council", "idempotency_key": "once"}
    assert wire.post(body, CHAT, **named).status == 200
    monkeypatch.setattr(engine, "recall", lambda *_args, **_more: None)  # as if both had looked before either began
    again = wire.post(body, CHAT, **named)
    assert (again.status, again.body["error"]["code"]) == (409, "still_running"), again.content
    assert RoundRun.objects.count() == 1
