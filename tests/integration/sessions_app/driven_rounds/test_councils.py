"""Councils: questions to the gateway that a round of agents answers while the caller waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from config.kernel.errors import Unavailable
from sessions_app.domain.gateway.wire import ChatAsk
from sessions_app.models import RoundRun, Session
from sessions_app.services.gateway.reference import load_deployments
from sessions_app.services.rounds import council
from sessions_app.services.rounds.council import CouncilAsk, council_answer
from sessions_app.services.rounds.running import carry_on_run
from tests.integration.sessions_app.driven_rounds.panel import INPUT, OUTPUT, Panel, chosen
from tests.integration.world import NOW

pytestmark = pytest.mark.django_db
PROPOSAL = "Should the warning for Sylhet go out tonight?"
EACH = INPUT + OUTPUT


def test_a_council_answers_a_chat_in_a_session_of_its_own(team):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": PROPOSAL}]
    ask = CouncilAsk(chat=ChatAsk(model="wise", messages=messages))
    panel = Panel({"choice": chosen("critic", text="Send it tonight.")})
    answer = council_answer(principal=team.principal, ask=ask, clock=lambda: NOW, call=panel)
    assert (answer.text, answer.chosen_agent, answer.calls) == ("Send it tonight.", "critic", 4)
    assert answer.input_tokens + answer.output_tokens == answer.tokens == 4 * EACH
    assert "Be brief." in panel.prompt("1:critic")
    assert {each["session_id"] for each in panel.options} == {answer.session_id}
    assert RoundRun.objects.get().round.session.status == "ended"


def test_a_council_without_time_left_says_so_and_asks_nobody(team):
    ask = CouncilAsk(chat=ChatAsk(model="wise", messages=[{"role": "user", "content": PROPOSAL}]))
    panel = Panel({})
    with pytest.raises(Unavailable):
        council_answer(principal=team.principal, ask=replace(ask, deadline_seconds=0.5), clock=lambda: NOW, call=panel)
    assert panel.calls == {}


def test_a_council_that_only_the_echo_could_hold_is_refused_and_leaves_no_session(team):
    load_deployments(now=NOW)
    ask = CouncilAsk(chat=ChatAsk(model="echo", messages=[{"role": "user", "content": PROPOSAL}]))
    panel = Panel({})
    with pytest.raises(Unavailable, match="takes no stance") as caught:
        council_answer(principal=team.principal, ask=ask, clock=lambda: NOW, call=panel)
    assert caught.value.code == "no_model"
    assert panel.calls == {}
    assert not Session.objects.exists()


def test_the_session_of_a_council_ends_though_whoever_waited_has_died(team, session_id, monkeypatch):
    def dies(**_options):
        raise KeyboardInterrupt

    ask = CouncilAsk(chat=ChatAsk(model="wise", messages=[{"role": "user", "content": PROPOSAL}]))
    monkeypatch.setattr(council, "drive", dies)
    monkeypatch.setattr(council, "_end", lambda *_args, **_more: None)
    with pytest.raises(KeyboardInterrupt):
        council_answer(principal=team.principal, ask=ask, clock=lambda: NOW, call=Panel({}))
    monkeypatch.undo()
    later = NOW + timedelta(minutes=5)
    own = RoundRun.objects.get()
    assert council.end_left_sessions(now=later) == 0  # the round goes first
    assert carry_on_run(round_id=own.pk, call=Panel({}), clock=lambda: later)
    assert council.end_left_sessions(now=later) == 0  # whoever waits may still be about to end it
    assert council.end_left_sessions(now=later + timedelta(minutes=1)) == 1
    assert Session.objects.get(pk=own.round.session_id).status == "ended"
    assert Session.objects.get(pk=session_id).status == "open"
    assert council.end_left_sessions(now=later + timedelta(minutes=1)) == 0


def test_a_long_chat_is_shortened_for_a_council_and_that_is_said(team):
    words = "The gauge at Sylhet rose by half a metre in the night. " * 400
    ask = CouncilAsk(
        chat=ChatAsk(model="wise", messages=[{"role": "user", "content": words}, {"role": "user", "content": PROPOSAL}])
    )
    panel = Panel({"choice": chosen("critic")})
    answer = council_answer(principal=team.principal, ask=ask, clock=lambda: NOW, call=panel)
    assert answer.is_shortened
    assert PROPOSAL in panel.prompt("1:critic")
