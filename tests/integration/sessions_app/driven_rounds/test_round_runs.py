"""Rounds that the gateway drives, with agents that answer as they are told to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from accounts.models import ApiKey
from budgets.services import count_tokens
from config.kernel.errors import Exhausted, InvalidInput, NotAllowed, Unavailable
from sessions_app.domain.words import FactKind
from sessions_app.models import Event, Fact, GatewayPolicy, Instance, Round, RoundRun, Turn
from sessions_app.selectors.gateway.policies import get_gateway_policy
from sessions_app.selectors.round_runs import list_unfinished_runs
from sessions_app.services.gateway.policies import activate_gateway_policy, create_gateway_policy_version
from sessions_app.services.lives import end_session
from sessions_app.services.memory.facts import FactAsk, Teller, record_fact
from sessions_app.services.rounds import archive_old_turns, choosing, driving
from sessions_app.services.rounds.asking import MOST_CHARACTERS_A_TOKEN
from sessions_app.services.rounds.leases import LeaseLost, claim, write
from sessions_app.services.rounds.running import RunAsk, begin_run, carry_on_run
from sessions_app.services.rounds.tables import TableAsk
from tests.integration.sessions_app.desk import open_desk
from tests.integration.sessions_app.driven_rounds.panel import (
    GRAMS,
    INPUT,
    MEMBERS,
    MICRO_USD,
    OUTPUT,
    Panel,
    chosen,
    spoken,
)
from tests.integration.world import NOW, make_team

pytestmark = pytest.mark.django_db
PROPOSAL = "Should the warning for Sylhet go out tonight?"
OPEN = "How do we reach people without phones?"
EACH = INPUT + OUTPUT


def begin(team, session_id, question=PROPOSAL, members=MEMBERS, **more):
    seats = TableAsk(members=members, values=more.pop("values", {}))
    ask = RunAsk(question=question, seats=seats, **more)
    return begin_run(session_id=session_id, ask=ask, principal=team.principal, now=NOW)


def run(round_id, panel, at=NOW):
    assert carry_on_run(round_id=round_id, call=panel, clock=lambda: at)
    return RoundRun.objects.get(pk=round_id)


def policy(**rounds):
    body = GatewayPolicy.objects.get(is_default=True).body
    body = {**body, "rounds": {**body["rounds"], **rounds}}
    made = create_gateway_policy_version(name="default", body=body, rationale="test", author_id=None, now=NOW)
    activate_gateway_policy(policy_id=made, now=NOW, actor="test", make_default=True)


def test_a_round_is_driven_to_its_end_and_says_what_it_took(team, session_id):
    round_id = begin(team, session_id)
    done = run(round_id, Panel({"choice": chosen("ben")}))
    assert (done.status, done.stopped_because, done.chosen_agent) == ("finished", "quorum", "ben")
    assert (done.answer, done.reason) == ("Send it.", "It names the gauge.")
    assert (done.calls, done.spent_tokens, done.spent_micro_usd) == (4, 4 * EACH, 4 * MICRO_USD)
    assert (done.single_tokens, done.single_micro_usd, done.single_g) == (EACH, MICRO_USD, GRAMS)
    assert done.spent_g == pytest.approx(4 * GRAMS)
    assert [turn.prompt_tokens for turn in Turn.objects.all()] == [INPUT] * 3
    assert Round.objects.get().outcome["choice"]["by"] == "reflective"
    assert set(Instance.objects.values_list("agent", flat=True)) == {"ana", "ben", "eve"}
    assert Event.objects.filter(kind="round.chosen").count() == 1
    assert not carry_on_run(round_id=round_id, call=Panel({}), clock=lambda: NOW)


def test_in_the_first_cycle_all_answer_blind_and_at_once(team, session_id):
    panel = Panel({"1:ana": spoken(text="ANA SAYS"), "1:ben": spoken(text="BEN SAYS"), "choice": chosen("ana")})
    run(begin(team, session_id), panel)
    for agent in ("ana", "ben", "eve"):
        assert "SAYS" not in panel.prompt(f"1:{agent}")
    assert "ANA SAYS" in panel.prompt("choice")


def disagreeing(**more):
    return {
        "1:ana": spoken("dissent", 0.9, "The gauge is broken.", "broken gauge"),
        "1:ben": spoken("agree", 0.3, "The radio said so."),
        "1:eve": spoken("agree", 0.6, "Two models see the crest."),
        **more,
    }


def test_later_the_least_sure_answers_first_and_is_heard_by_the_surer(team, session_id):
    panel = Panel(
        disagreeing(
            **{
                "2:ben": spoken(text="BEN MOVED"),
                "2:eve": spoken(text="EVE STAYED"),
                "2:ana": spoken("dissent", 0.1, "Still broken.", "broken gauge"),
                "choice": chosen("eve"),
            }
        )
    )
    run(begin(team, session_id), panel)
    assert list(Turn.objects.filter(cycle=2).values_list("agent", flat=True)) == ["ben", "eve", "ana"]
    assert "EVE STAYED" not in panel.prompt("2:ben")
    assert "BEN MOVED" in panel.prompt("2:eve")
    assert "EVE STAYED" in panel.prompt("2:ana")
    assert "broken gauge" in panel.prompt("2:ben")


def test_equally_sure_agents_answer_at_once_and_who_serves_what_counts_most_speaks_first(team, session_id):
    members = [MEMBERS[0], {**MEMBERS[1], "serves": ["speed"]}, {**MEMBERS[2], "serves": ["safety"]}]
    answers = {
        "1:ana": spoken("dissent", 0.9, "The gauge is broken.", "broken gauge"),
        "1:ben": spoken("agree", 0.5, "The radio said so."),
        "1:eve": spoken("agree", 0.5, "Two models see the crest."),
        "2:ben": spoken(text="BEN NOW"),
        "2:eve": spoken(text="EVE NOW"),
        "choice": chosen("eve"),
    }
    panel = Panel(answers)
    run(begin(team, session_id, members=members, values={"safety": 0.7, "speed": 0.3}), panel)
    assert list(Turn.objects.filter(cycle=2).values_list("agent", flat=True)) == ["eve", "ben", "ana"]
    assert "EVE NOW" not in panel.prompt("2:ben")
    assert "BEN NOW" not in panel.prompt("2:eve")
    assert "The user cares for safety (0.7), speed (0.3)." in panel.prompt("1:ana")


def test_every_dissent_is_kept_with_its_reason(team, session_id):
    answers = disagreeing(**{"2:ana": spoken("dissent", 0.1, "No.", "the gauge is broken"), "choice": chosen("ana")})
    run(begin(team, session_id), Panel(answers))
    assert [each["agent"] for each in Round.objects.get().outcome["dissents"]] == ["ana"]
    assert Fact.objects.get(kind="dissent").text.endswith("the gauge is broken")


def test_of_an_open_question_agents_take_sides_on_the_leading_answer(team, session_id):
    answers = {
        "1:ana": spoken(confidence=0.9, text="Ring the bells."),
        "1:ben": spoken(confidence=0.4, text="Send boats."),
        "choice": chosen("ana"),
    }
    panel = Panel(answers)
    done = run(begin(team, session_id, OPEN), panel)
    assert set(Turn.objects.filter(cycle=1).values_list("stance", flat=True)) == {"abstain"}
    assert "The leading answer, of ana:\n> Ring the bells." in panel.prompt("2:ben")
    assert (done.stopped_because, Round.objects.get().cycle) == ("quorum", 2)


def test_an_answer_out_of_its_form_is_repaired_once_and_paid_for(team, session_id):
    panel = Panel({"1:ana": "I agree!", "1:ana:repair": spoken(text="Yes, send."), "choice": chosen("ana")})
    done = run(begin(team, session_id), panel)
    assert Turn.objects.get(agent="ana").text == "Yes, send."
    assert "not in the form" in panel.prompt("1:ana:repair")
    assert (done.calls, done.spent_tokens) == (5, 5 * EACH)


def test_an_answer_with_what_no_database_stores_is_stored_without_it(team, session_id):
    panel = Panel({"1:ana": spoken(text="Yes\0 or \ud800no."), "choice": chosen("ana", text="Yes\0.")})
    assert "\0" not in run(begin(team, session_id), panel).answer
    assert Turn.objects.get(agent="ana").text.startswith("Yes\N{REPLACEMENT CHARACTER}")


def test_who_cannot_keep_to_the_form_abstains_with_that_reason(team, session_id):
    panel = Panel({"1:ana": "I agree!", "1:ana:repair": "I do!", "choice": chosen("ben")})
    done = run(begin(team, session_id), panel)
    turn = Turn.objects.get(agent="ana", cycle=1)
    assert (turn.stance, turn.confidence) == ("abstain", 0.0)
    assert "not in the form" in turn.reason
    assert (done.status, turn.prompt_tokens) == ("finished", 2 * INPUT)


def test_who_does_not_answer_in_time_abstains_and_later_stands_by_its_last_words(team, session_id):
    late = Unavailable("It took longer than 60 s.")
    sure = spoken("agree", 0.8, "The radio said so.")
    panel = Panel(disagreeing(**{"1:ben": sure, "1:eve": late, "2:ana": late, "choice": chosen("ben")}))
    run(begin(team, session_id), panel)
    assert Turn.objects.get(agent="eve", cycle=1).stance == "abstain"
    kept = Turn.objects.get(agent="ana", cycle=2)
    assert (kept.stance, kept.confidence) == ("dissent", 0.9)
    assert "broken gauge" in kept.reason
    assert "longer than 60 s" in kept.reason


def test_a_round_stops_when_the_budget_ends_and_gives_what_it_has(team, session_id):
    ended = Exhausted("The budget has 0 left.")
    panel = Panel(disagreeing(**{"1:eve": ended}))
    done = run(begin(team, session_id), panel)
    assert (done.status, done.stopped_because, done.chosen_agent) == ("finished", "budget", "ana")
    assert set(panel.calls) == {"1:ana", "1:ben", "1:eve"}
    assert Round.objects.get().status == "closed"
    assert done.spent_tokens == 2 * EACH


def test_a_round_in_which_nobody_answers_fails_and_says_why(team, session_id):
    ended = Exhausted("The budget has 0 left.")
    done = run(begin(team, session_id), Panel({f"1:{each['name']}": ended for each in MEMBERS}))
    assert (done.status, done.answer, done.spent_tokens) == ("failed", "", 0)
    assert "The budget has 0 left." in done.error
    assert Round.objects.get().status == "closed"


def test_a_round_stops_before_it_would_spend_more_than_it_may(team, session_id):
    terms = get_gateway_policy().terms.rounds
    most = 3 * (terms.prompt_least_tokens + terms.output_tokens) + 50
    panel = Panel(disagreeing(**{"1:ana": spoken("dissent", 0.9, "No.", "x"), "2:ben": spoken()}))
    costly = lambda **told: replace(Panel.__call__(panel, **told), tokens=most // 3)  # noqa: E731
    done = run(begin(team, session_id, most_tokens=most), costly)
    assert (done.stopped_because, done.chosen_agent) == ("most_tokens", "ana")
    assert done.spent_tokens <= most
    assert "No tokens were left" in done.reason


def test_a_bound_that_does_not_pay_for_one_cycle_is_refused(team, session_id):
    with pytest.raises(InvalidInput) as caught:
        begin(team, session_id, most_tokens=100)
    assert (caught.value.field, caught.value.facts["least_tokens"] > 100) == ("most_tokens", True)
    assert not Round.objects.exists()
    assert not Instance.objects.exists()


def test_prompts_stay_within_their_bound_whatever_is_pinned_and_said(team, session_id):
    for number in range(30):
        text = f"Fact {number}: " + "the gauge at Sylhet rose " * 20
        ask = FactAsk(kind=FactKind.CONSTRAINT, text=text, is_pinned=number < 5)
        record_fact(session_id=session_id, team_id=team.team_id, ask=ask, teller=Teller(actor="test"), now=NOW)
    long = "The crest comes on Thursday at noon and the levee holds. " * 60
    answers = {
        f"{cycle}:{each['name']}": spoken("agree" if cycle % 2 else "dissent", 0.5, long, "so")
        for cycle in (1, 2, 3, 4)
        for each in MEMBERS
    }
    panel = Panel({**answers, **disagreeing(), "choice": chosen("ana")})
    run(begin(team, session_id), panel)
    sizes = [sum(count_tokens(m["content"]) + 4 for m in ask.messages) for ask in panel.calls.values()]
    assert max(sizes) <= 1500
    assert len(sizes) >= 7
    assert "Fact 0" in panel.prompt("1:ana")


def test_whoever_carries_a_round_on_after_a_crash_asks_nobody_twice(team, session_id, monkeypatch):
    panel = Panel(disagreeing(choice=chosen("eve")))
    round_id = begin(team, session_id)
    stored, real = [], driving.store

    def dies(*args, **more):
        if len(stored) == 2:
            raise KeyboardInterrupt
        stored.append(real(*args, **more))

    monkeypatch.setattr(driving, "store", dies)
    with pytest.raises(KeyboardInterrupt):
        carry_on_run(round_id=round_id, call=panel, clock=lambda: NOW)
    monkeypatch.setattr(driving, "store", real)
    assert not carry_on_run(round_id=round_id, call=panel, clock=lambda: NOW)
    assert list_unfinished_runs(now=NOW) == []
    after = NOW + timedelta(minutes=5)
    assert list_unfinished_runs(now=after) == [round_id]
    done = run(round_id, panel, at=after)
    assert (done.status, done.fence) == ("finished", 2)
    assert done.calls == len(panel.calls)
    assert done.spent_tokens == len(panel.calls) * EACH
    assert Turn.objects.filter(cycle=1).count() == 3


@pytest.mark.parametrize("step", ["look", "ask_all", "store", "renew", "choose", "finish"])
@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
def test_a_driver_that_dies_at_any_step_loses_and_doubles_nothing(team, session_id, monkeypatch, step, is_done):
    panel = Panel({"1:ben": spoken("dissent", 0.9, "No.", "so"), "choice": chosen("eve")})
    round_id, real = begin(team, session_id), getattr(driving, step)

    def dies(*args, **more):
        if is_done:
            done = real(*args, **more)
            if step == "ask_all":
                list(done)
        raise KeyboardInterrupt

    monkeypatch.setattr(driving, step, dies)
    with pytest.raises(KeyboardInterrupt):
        carry_on_run(round_id=round_id, call=panel, clock=lambda: NOW)
    monkeypatch.setattr(driving, step, real)
    after = NOW + timedelta(minutes=5)
    is_over = step == "finish" and is_done
    assert carry_on_run(round_id=round_id, call=panel, clock=lambda: after) is not is_over
    done = RoundRun.objects.get()
    assert (done.status, done.chosen_agent, done.stopped_because) == (
        "finished",
        "eve",
        Round.objects.get().outcome["why"],
    )
    assert (done.calls, done.spent_tokens) == (len(panel.calls), len(panel.calls) * EACH)
    assert Turn.objects.count() == len(panel.calls) - 1
    assert Event.objects.filter(kind="round.chosen").count() == 1


def test_what_somebody_writes_who_has_lost_the_lease_is_undone(team, session_id):
    round_id = begin(team, session_id)
    assert claim(round_id, now=NOW) == 1
    assert claim(round_id, now=NOW) is None
    assert claim(round_id, now=NOW + timedelta(hours=1)) == 2
    with pytest.raises(LeaseLost):
        write(round_id, 1, answer="mine")
    assert RoundRun.objects.get().answer == ""


def test_a_round_whose_session_ends_meanwhile_fails_and_leaves_nothing_running(team, session_id):
    round_id = begin(team, session_id)
    end_session(session_id=session_id, team_id=team.team_id, actor="test", now=NOW)
    done = run(round_id, Panel({}))
    assert (done.status, done.lease_expires_at) == ("failed", None)
    assert "ended" in done.error


def test_a_key_that_is_no_longer_in_force_drives_nothing(team, session_id):
    round_id = begin(team, session_id)
    ApiKey.objects.update(revoked_at=NOW)
    panel = Panel({})
    done = run(round_id, panel)
    assert (done.status, panel.calls) == ("failed", {})
    assert "no longer in force" in done.error


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"question": " "}, "question"),
        ({"question": "flood " * 3000}, "question"),
        ({"members": [{"name": "ana", "model": "unheard"}, MEMBERS[1]]}, "members"),
        ({"purpose": "nothing"}, "purpose"),
    ],
)
def test_what_cannot_be_driven_is_refused_and_begins_nothing(team, session_id, change, field):
    with pytest.raises(InvalidInput) as caught:
        begin(team, session_id, **change)
    assert caught.value.field == field
    assert not Round.objects.exists()


def test_whoever_may_not_ask_models_begins_no_round(team, session_id):
    poor = make_team("Readers", scopes=["sessions:write"])
    own = open_desk(poor)
    with pytest.raises(NotAllowed):
        begin(poor, own)
    assert not Round.objects.exists()


def test_where_the_policy_names_a_judge_its_finds_keep_a_round_open(team, session_id):
    policy(judge_model="wise")
    answers = {
        "1:ana": spoken(text="The village floods at dawn."),
        "1:ben": spoken(text="Nothing will be wet before Friday."),
        "1:judge": "CONTRADICTION: ana | The village floods at dawn. | ben | Nothing will be wet before Friday.",
        "2:judge": "NONE",
        "choice": chosen("ana"),
    }
    done = run(begin(team, session_id), Panel(answers))
    marks = {turn.agent: [mark["kind"] for mark in turn.marks] for turn in Turn.objects.filter(cycle=1)}
    assert (marks["ana"], marks["ben"], marks["eve"]) == (["judged"], ["judged"], [])
    outcome = Round.objects.get().outcome
    assert (outcome["cycles"], outcome["judged_by"]) == (2, "wise")
    assert done.calls == 9


def test_a_judge_that_cannot_be_had_or_makes_things_up_changes_nothing(team, session_id):
    policy(judge_model="wise")
    for answer, by in (
        (Unavailable("down"), "rules"),
        ("CONTRADICTION: ana | I never said that. | ben | Yes.", "wise"),
    ):
        own = open_desk(team)
        round_id = begin(team, own)
        run(round_id, Panel({"1:judge": answer, "choice": chosen("ana")}))
        outcome = Round.objects.get(pk=round_id).outcome
        assert (outcome["why"], outcome["judged_by"]) == ("quorum", by)
        assert not any(mark["kind"] == "judged" for turn in Turn.objects.all() for mark in turn.marks)


def test_whoever_chooses_reads_repeats_and_what_has_left_the_hot_tier(team, session_id, monkeypatch):
    text = "The gauge at Sylhet rose by half a metre in the night."
    same = {
        f"{cycle}:{agent}": spoken("agree" if agent == "ana" else "dissent", 0.6, f"{agent}: {text}", "so")
        for cycle in (1, 2)
        for agent in ("ana", "ben", "eve")
    }
    panel = Panel({**same, "choice": chosen("ana")})

    def choose(scene, line):
        archive_old_turns(now=NOW + timedelta(minutes=10))
        return choosing.choose(driving.look(scene.row.pk), line)

    monkeypatch.setattr(driving, "choose", choose)
    done = run(begin(team, session_id), panel)
    assert not Turn.objects.exclude(text="").exists()
    assert all(f"{agent}: {text}" in panel.prompt("choice") for agent in ("ana", "ben", "eve")), done.stopped_because


def test_an_answer_of_a_megabyte_is_read_as_far_as_an_agent_may_write(team, session_id):
    round_id = begin(team, session_id)
    run(round_id, Panel({"1:ana": spoken(text="Yes, it rises. " * 70_000), "1:ben": "x" * 1_000_000}))
    terms = get_gateway_policy().terms.rounds
    most = MOST_CHARACTERS_A_TOKEN * terms.output_tokens
    assert max(len(turn.text) for turn in Turn.objects.all()) <= most
