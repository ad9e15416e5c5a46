"""What outcomes teach triage, exactly once; and what it knows besides."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from budgets import selectors as budgets
from budgets.models import EstimateGroup
from climate.domain.places import EmergencyFacts
from climate.services.emergencies import NewEmergency, declare_emergency, lift_emergency
from config.kernel.errors import Conflict, NotFound
from sessions_app.domain.gateway.lessons import Depth
from sessions_app.domain.gateway.wire import ChatAsk
from sessions_app.models import BreakerEvent, Deployment, GatewayCall, TriageCorrection, TriageProgress
from sessions_app.selectors.gateway.policies import get_gateway_policy
from sessions_app.services.gateway import forgetting, knowledge, learning
from sessions_app.services.gateway.assessing import Setting, assess_chat
from sessions_app.services.gateway.counting import TokenCount
from sessions_app.services.gateway.learning import Feedback, give_feedback, learn_triage, note_council
from tests.integration.sessions_app.gateway.calls import LEARNED, Status, council, finished, running
from tests.integration.world import NOW, Team, make_team

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=2)


@pytest.fixture
def team(loaded_world) -> Team:
    learn_triage(now=NOW)  # begins to look from here on
    return make_team()


def correction(team: Team, kind: str = "text-short") -> tuple[float, int]:
    row = TriageCorrection.objects.filter(team=team.team_id, kind=kind).first()
    return (row.correction_points, row.outcomes) if row else (0.0, 0)


def say(call_id, team: Team, **said) -> None:
    give_feedback(call_id=call_id, team_id=team.team_id, feedback=Feedback(**said), actor="key test", now=LATER)


def test_a_finished_call_teaches_once(team):
    finished(team)
    assert learn_triage(now=LATER) == 1
    assert learn_triage(now=LATER) == 0
    assert learn_triage(now=LATER + timedelta(hours=3)) == 0
    assert correction(team) == (2.5, 1)


def test_calls_of_many_slices_teach_in_their_order_and_other_teams_learn_nothing(team):
    other = make_team("Wind desk")
    for minutes in (1, 25, 49):
        finished(team, at=NOW + timedelta(minutes=minutes))
    finished(team, at=NOW + timedelta(minutes=50), output_tokens=50)
    assert learn_triage(now=NOW + timedelta(hours=1)) == 4
    assert correction(team) == (pytest.approx(25 * (1 - 0.9**3) * 0.9 - 2.5), 4)
    assert correction(other) == (0.0, 0)
    assert TriageProgress.objects.get().through == NOW + timedelta(minutes=59)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": Status.CUT},
        {"status": Status.FAILED},
        {"usage_basis": GatewayCall.UsageBasis.GRANTED},
        {"triage": None},
        {"triage": {"mode": "express"}},
        {"triage": LEARNED | {"stated_output_tokens": 300}},
        {"triage": LEARNED | {"estimate": {"basis": "cold_start", "p50_tokens": 800}}},
    ],
)
def test_a_call_that_says_nothing_of_its_work_teaches_nothing(team, changes):
    finished(team, **changes)
    assert learn_triage(now=LATER) == 0
    assert not TriageCorrection.objects.exists()


def test_a_call_that_has_only_just_ended_waits_for_the_next_time(team):
    finished(team, at=LATER)
    assert learn_triage(now=LATER + timedelta(seconds=30)) == 0
    assert learn_triage(now=LATER + timedelta(seconds=61)) == 1


def test_a_worker_that_dies_half_way_teaches_nothing_twice(team, monkeypatch):
    finished(team)

    def die(*_args, **_kwargs):
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(TriageProgress, "save", die)
        with pytest.raises(RuntimeError):
            learn_triage(now=LATER)
    assert correction(team) == (0.0, 0)
    assert learn_triage(now=LATER) == 1
    assert correction(team) == (2.5, 1)


def test_feedback_is_kept_with_what_it_taught(team):
    call_id = finished(team)
    say(call_id, team, depth=Depth.TOO_SHALLOW, note="No figures.")
    kept = GatewayCall.objects.get(pk=call_id).feedback
    assert (kept["depth"], kept["note"], kept["by"]) == ("too_shallow", "No figures.", "key test")
    assert kept["taught"] == "the answer was called too shallow"
    assert correction(team) == (5.0, 1)


def test_the_same_feedback_again_changes_nothing_and_another_one_is_refused(team):
    call_id = finished(team)
    say(call_id, team, depth=Depth.TOO_DEEP)
    say(call_id, team, depth=Depth.TOO_DEEP)
    with pytest.raises(Conflict) as refused:
        say(call_id, team, is_helpful=True)
    assert refused.value.code == "feedback_given"
    assert correction(team) == (-5.0, 1)


def test_a_running_call_and_another_teams_take_no_feedback(team):
    with pytest.raises(Conflict) as refused:
        say(running(team), team, is_helpful=False)
    assert refused.value.code == "call_running"
    with pytest.raises(NotFound):
        say(finished(make_team("Wind desk")), team, is_helpful=False)
    assert not TriageCorrection.objects.exists()
    assert not GatewayCall.objects.filter(feedback__isnull=False).exists()


def test_a_council_teaches_whether_it_was_worth_it(team):
    note_council(team_id=team.team_id, kind="code-long", round_id=council(team, "agree", "abstain"), now=NOW)
    assert correction(team, "code-long") == (-2.5, 1)
    note_council(team_id=team.team_id, kind="code-long", round_id=council(team, "agree", "dissent"), now=NOW)
    assert correction(team, "code-long") == (pytest.approx(0.25), 2)


def test_a_council_in_which_nobody_took_a_stand_teaches_nothing(team):
    note_council(team_id=team.team_id, kind="code-long", round_id=council(team, "abstain", "abstain"), now=NOW)
    assert correction(team, "code-long") == (0.0, 0)


@pytest.mark.parametrize("status", [Status.REFUSED, Status.FAILED, Status.LOST])
def test_where_there_was_no_answer_there_is_no_feedback(team, status):
    call_id = finished(team, status=status)
    with pytest.raises(Conflict) as refused:
        say(call_id, team, is_helpful=False)
    assert refused.value.code == "call_unanswered"
    assert correction(team) == (0.0, 0)
    assert GatewayCall.objects.get().feedback is None


def test_a_summary_that_stood_in_for_an_answer_teaches_nothing(team):
    call_id = finished(team, fallback="cached_summary")
    say(call_id, team, is_helpful=False)
    assert correction(team) == (0.0, 0)
    assert GatewayCall.objects.get(pk=call_id).feedback["taught"] == ""


def test_what_was_learned_is_known_within_two_seconds(team):
    assert knowledge.knowledge(NOW).correction(team.team_id, "text-short") == 0
    note_council(team_id=team.team_id, kind="text-short", round_id=council(team, "dissent"), now=NOW)
    assert knowledge.knowledge(NOW + timedelta(seconds=1)).correction(team.team_id, "text-short") == 0
    known = knowledge.knowledge(NOW + timedelta(seconds=2))
    assert known.correction(team.team_id, "text-short") == 2.5
    assert known.correction(None, "text-short") == known.correction(team.team_id, "code-long") == 0


def test_what_is_fresh_costs_no_query(team, django_assert_num_queries):
    with django_assert_num_queries(4):
        knowledge.knowledge(NOW)
    with django_assert_num_queries(0):
        assert knowledge.knowledge(NOW + timedelta(seconds=1)) is knowledge.peek(NOW)
    assert knowledge.peek(NOW + timedelta(seconds=2)) is None
    assert knowledge.peek(NOW - timedelta(seconds=1)) is None, "a clock that went back counts as old"


def test_an_emergency_touches_the_purposes_and_countries_it_was_declared_for(team):
    flood = NewEmergency(
        kind="flood",
        title="Flood in Bangladesh",
        country_codes=["BD"],
        purposes=["disaster_response"],
        multiplier=5.0,
        reason="The delta is under water.",
        starts_at=NOW,
        ends_at=None,
    )
    emergency_id = declare_emergency(flood, by="person ada", now=NOW)
    known = knowledge.knowledge(NOW)
    words = known.emergency_for(origin="BD", purpose="disaster_response")
    assert words == "the emergency Flood in Bangladesh is in force for disaster_response in BD"
    assert known.emergency_for(origin="DE", purpose="disaster_response") == ""
    assert known.emergency_for(origin="BD", purpose="climate_adaptation") == ""
    lift_emergency(emergency_id=emergency_id, reason="Over.", by="person ada", now=NOW)
    after = knowledge.knowledge(NOW + timedelta(seconds=2))
    assert after.emergency_for(origin="BD", purpose="disaster_response") == ""


def test_estimates_from_memory_are_those_of_the_database(team):
    EstimateGroup.objects.bulk_create(
        EstimateGroup(
            mode="express",
            role_count=1,
            complexity_band=band,
            model_class=model_class,
            purpose=purpose,
            p50_tokens=p50,
            p95_tokens=2 * p50,
            outcome_count=count,
            updated_at=NOW,
        )
        for band, model_class, purpose, p50, count in (
            ("low", "S", "climate_adaptation", 120.5, 20),
            ("low", "S", "*", 300, 90),
            ("*", "*", "*", 500, 19),
        )
    )
    known = budgets.load_estimates()
    for complexity in (None, 0.1, 0.5, 0.9):
        for model_class in ("S", "L"):
            for purpose in ("climate_adaptation", "general_ai_research"):
                for mode, roles in ((None, 1), ("express", 1), ("council", 3)):
                    shape = {
                        "mode": mode,
                        "role_count": roles,
                        "complexity": complexity,
                        "model_class": model_class,
                        "purpose": purpose,
                    }
                    assert known.estimate(**shape) == budgets.get_estimate(**shape), shape


def test_kept_answers_and_keys_go_after_the_policys_hours_and_calls_stay(team):
    old, new = NOW - timedelta(hours=49), NOW - timedelta(hours=47)
    kept = {"answer": {"choices": []}, "fingerprint": "f"}
    gone = finished(team, at=old, idempotency_key="a", **kept)
    stays = finished(team, at=new, idempotency_key="b", **kept)
    at_work = running(team, at=old, idempotency_key="c")
    assert forgetting.forget_answers(now=NOW) == 1
    assert forgetting.forget_answers(now=NOW) == 0
    row = GatewayCall.objects.get(pk=gone)
    assert (row.answer, row.idempotency_key, row.fingerprint) == (None, None, "")
    assert GatewayCall.objects.get(pk=stays).answer == {"choices": []}
    assert GatewayCall.objects.get(pk=at_work).idempotency_key == "c"
    finished(team, idempotency_key="a")


def test_changes_of_a_breaker_go_after_ninety_days(monkeypatch):
    monkeypatch.setattr(forgetting, "BATCH", 2)
    deployment = Deployment.objects.get(name="echo-stockholm")
    told = {"deployment": deployment, "was": "closed", "became": "open", "reason": "hang"}
    for days in (200, 100, 91, 89, 0):
        BreakerEvent.objects.create(at=NOW - timedelta(days=days), **told)
    assert forgetting.forget_breaker_events(now=NOW) == 3
    assert {(NOW - each.at).days for each in BreakerEvent.objects.all()} == {89, 0}


def test_learning_again_in_the_same_moment_waits_for_nobody(team):
    assert learning.learn_triage(now=NOW) == 0


def test_a_declared_emergency_comes_before_the_mode_of_a_session_but_not_before_the_callers(team):
    ask = ChatAsk(model="auto", messages=[{"role": "user", "content": "Where to?"}])
    counted = TokenCount(tokens=9, is_estimate=False, basis="tokeniser")
    terms = get_gateway_policy().terms
    calm = knowledge.knowledge(NOW)
    flood = EmergencyFacts(
        id=1,
        kind="flood",
        title="Flood",
        country_codes=("BD",),
        purposes=("disaster_response",),
        multiplier=5.0,
        starts_at=NOW,
        ends_at=None,
    )
    urgent = replace(calm, emergencies=(flood,))

    def mode_of(known, **setting):
        where = Setting(team_id=team.team_id, purpose="disaster_response", origin="BD", model_class="S", **setting)
        return assess_chat(ask, counted, where, terms, known).assessment.mode.value

    assert mode_of(calm, session_mode="council") == "council"
    assert mode_of(urgent, session_mode="council") == "emergency"
    assert mode_of(urgent, session_mode="council", mode="council") == "council"
