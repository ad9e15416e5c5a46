"""Where the words of a driven round may go: countries and how far, for whoever is asked anything in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.kernel.errors import InvalidInput
from sessions_app.domain.words import Stance
from sessions_app.models import Deployment, Round, RoundRun
from sessions_app.services.rounds.judged_turns import judged
from sessions_app.services.rounds.speaking import TurnAsk, take_turn
from tests.integration.sessions_app.driven_rounds.panel import MEMBERS, Panel, chosen, serve, spoken
from tests.integration.sessions_app.driven_rounds.test_round_runs import begin, policy
from tests.integration.sessions_app.driven_rounds.test_round_runs import run as carry_on
from tests.integration.world import NOW

pytestmark = pytest.mark.django_db


def test_agents_judge_choice_and_repair_all_keep_to_where_the_words_may_go(team, session_id):
    policy(judge_model="wise")
    country = Deployment.objects.get(served_name="wise").region.country_id
    answers = {"1:ana": "no form at all", "1:ana:repair": spoken(), "1:judge": "NONE", "choice": chosen("ben")}
    panel = Panel(answers)
    carry_on(begin(team, session_id, residency=(country,), latency_class="regional"), panel)
    assert {"1:ana", "1:ben", "1:eve", "1:ana:repair", "1:judge", "choice"} <= panel.calls.keys()
    told = [(each["residency"], each["latency_class"]) for each in panel.options]
    assert set(told) == {((country,), "regional")}


def test_a_round_that_says_nothing_of_it_may_go_anywhere_also_one_of_before(team, session_id):
    round_id = begin(team, session_id)
    table = RoundRun.objects.get().table
    RoundRun.objects.update(table={name: table[name] for name in table if name not in ("residency", "latency_class")})
    panel = Panel({"choice": chosen("ben")})
    carry_on(round_id, panel)
    assert {(each["residency"], each["latency_class"]) for each in panel.options} == {(None, "anywhere")}


def test_a_judge_of_a_turn_taken_by_hand_keeps_to_where_the_words_of_a_driven_round_may_go(team, session_id):
    policy(judge_model="wise")
    country = Deployment.objects.get(served_name="wise").region.country_id
    round_id = begin(team, session_id, residency=(country,))
    say = TurnAsk(agent="ana", epoch=1, stance=Stance.AGREE, confidence=0.5, text="Yes.")
    for agent in ("ana", "ben"):
        ask = replace(say, agent=agent)
        take_turn(session_id=session_id, team_id=team.team_id, round_id=round_id, ask=ask, actor="test", now=NOW)
    panel = Panel({"1:judge": "NONE"})
    named = {"session_id": session_id, "round_id": round_id, "principal": team.principal}
    assert judged(replace(say, agent="eve"), **named, call=panel).judged_by == "wise"
    assert [each["residency"] for each in panel.options] == [(country,)]


def test_no_round_begins_whose_models_are_not_served_where_its_words_may_go(team, session_id):
    serve("far")
    Deployment.objects.filter(served_name="far").update(region="aws-ap-south-1")
    members = [*MEMBERS[:2], {"name": "eve", "model": "far"}]
    with pytest.raises(InvalidInput, match="No deployment serves wise in IN") as caught:
        begin(team, session_id, members=members, residency=("IN",))
    assert (caught.value.field, caught.value.code) == ("residency", "no_model_there")
    assert not Round.objects.exists()
