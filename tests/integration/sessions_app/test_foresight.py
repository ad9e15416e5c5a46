"""Forecasts of full windows, over the API and in the background."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sessions_app.models import Event, ExhaustionForecast, Handoff, Instance, Session, Usage
from sessions_app.selectors.story import list_forecast_lines
from sessions_app.services.foresight import note_forecasts, score_forecasts, scoring
from sessions_app.services.lives import end_session
from sessions_app.services.log import Draft, append
from tests.integration.sessions_app.desk import instance_of, open_desk
from tests.integration.world import NOW, load_world, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    load_world()
    return make_team()


def _call(session_id, agent, held, *, minute):
    """A call after which the agent's window holds so much."""
    session, instance = Session.objects.get(pk=session_id), instance_of(session_id, agent)
    at = NOW + timedelta(minutes=minute)
    seq = append(session, Draft(kind="usage.recorded", actor="key test", instance=instance), now=at)
    Usage.objects.create(
        session=session,
        call_id=f"{agent} {minute} {seq}",
        instance=instance,
        seq=seq,
        at=at,
        component="interaction",
        context_tokens=held,
    )
    instance.context_tokens = held
    instance.save(update_fields=["context_tokens"])


def _fill(session_id, agent, helds, *, start=0):
    for minute, held in enumerate(helds, start):
        _call(session_id, agent, held, minute=minute)


def _at(minute):
    return NOW + timedelta(minutes=minute)


def test_a_forecast_names_when_each_window_is_full_and_when_all_are(team):
    session_id = open_desk(team, "ana", "ben", "eve")
    _fill(session_id, "ana", (1000, 2000, 3000, 4000, 5000))
    _fill(session_id, "ben", (500, 1000, 1500, 2000, 2500))
    body = team.client.get(f"/api/v1/sessions/{session_id}/forecast/").json()
    ana, ben, eve = body["agents"]
    assert (ana["full_tokens"], ana["samples"]) == (8000, 5)
    assert ana["burn_tokens_per_minute"] > ben["burn_tokens_per_minute"] > 0
    assert (eve["burn_tokens_per_minute"], eve["exhaustion"]) == (None, None)
    assert (body["collective"]["k"], body["collective"]["exhaustion"]) == (2, ben["exhaustion"])
    assert body["session_accuracy"]["scored"] == 0


def test_another_teams_forecast_does_not_exist(team):
    session_id = open_desk(team)
    assert make_team("Others").client.get(f"/api/v1/sessions/{session_id}/forecast/").status_code == 404


def test_when_all_are_soon_full_one_coordinated_handoff_begins_and_no_second(team):
    session_id = open_desk(team, "ana", "ben")
    _fill(session_id, "ana", (3500, 4500, 5500, 6500, 7000))
    _fill(session_id, "ben", (3500, 4500, 5500, 6500, 7000))
    assert note_forecasts(now=_at(5)) == 1
    handoff = Handoff.objects.get()
    assert (handoff.protocol, handoff.started_by) == ("coordinated", "foresight")
    told = Event.objects.get(kind="exhaustion.foreseen")
    assert (told.facts["k"], told.facts["is_joint"]) == (1, True)
    assert ExhaustionForecast.objects.get(kind="collective").handoff == handoff
    _fill(session_id, "ana", (7200,), start=6)
    assert note_forecasts(now=_at(7)) == 0
    assert Handoff.objects.count() == 1
    assert ExhaustionForecast.objects.filter(kind="collective").count() == 2


def test_a_nearly_empty_window_is_not_handed_over_however_fast_it_fills(team):
    session_id = open_desk(team, "ana")
    _fill(session_id, "ana", (500, 1500, 2500, 3500))
    assert note_forecasts(now=_at(4)) == 0
    assert (Handoff.objects.count(), ExhaustionForecast.objects.count()) == (0, 2)


def test_nothing_is_noted_where_nothing_was_used_since(team):
    session_id = open_desk(team, "ana")
    _fill(session_id, "ana", (100, 200, 300, 400))
    note_forecasts(now=_at(4))
    before = ExhaustionForecast.objects.count()
    note_forecasts(now=_at(5))
    assert ExhaustionForecast.objects.count() == before == 2


def test_an_ended_session_is_left_alone(team):
    session_id = open_desk(team, "ana")
    _fill(session_id, "ana", (3500, 4500, 5500, 6500, 7000))
    end_session(session_id=session_id, team_id=team.team_id, actor="key test", now=_at(5))
    assert note_forecasts(now=_at(5)) == 0
    assert (ExhaustionForecast.objects.count(), Handoff.objects.count()) == (0, 0)


def test_forecasts_are_scored_once_the_window_is_full(team):
    session_id = open_desk(team, "ana")
    _fill(session_id, "ana", (1000, 1900, 3100, 4000))
    note_forecasts(now=_at(3))
    assert score_forecasts(now=_at(4)) == 0
    _fill(session_id, "ana", (5000, 6000, 7000, 8000), start=4)
    assert score_forecasts(now=_at(8)) == 2
    row = ExhaustionForecast.objects.get(kind="agent")
    assert (row.actual_seconds, row.was_right) == (240.0, True)
    accuracy = team.client.get(f"/api/v1/sessions/{session_id}/forecast/").json()["session_accuracy"]
    assert (accuracy["scored"], accuracy["coverage"], accuracy["auc"]) == (2, 1.0, None)


def test_a_forecast_that_a_cleanup_averted_is_neither_right_nor_wrong(team):
    session_id = open_desk(team, "ana")
    _fill(session_id, "ana", (1000, 2000, 3000, 4000))
    note_forecasts(now=_at(3))
    _fill(session_id, "ana", (5000, 1500), start=4)
    assert score_forecasts(now=_at(6)) == 2
    assert set(ExhaustionForecast.objects.values_list("actual_seconds", "was_right")) == {(None, None)}


def _accuracy(team, session_id):
    return team.client.get(f"/api/v1/sessions/{session_id}/forecast/").json()["session_accuracy"]


def test_a_window_that_is_full_already_is_neither_right_nor_wrong(team):
    session_id = open_desk(team, "ana")
    _fill(session_id, "ana", (6500, 7000, 7500, 8200))
    note_forecasts(now=_at(3))
    assert set(ExhaustionForecast.objects.values_list("low_seconds", "high_seconds")) == {(0.0, 0.0)}
    assert score_forecasts(now=_at(4)) == 2
    _fill(session_id, "ana", (8300,), start=4)
    note_forecasts(now=_at(5))
    assert score_forecasts(now=_at(6)) == 2
    assert set(ExhaustionForecast.objects.values_list("actual_seconds", "was_right")) == {(None, None)}
    accuracy = _accuracy(team, session_id)
    assert (accuracy["scored"], accuracy["averted"], accuracy["coverage"]) == (0, 0, None)


def test_full_windows_that_raise_a_handoff_keep_the_forecast_that_did(team):
    session_id = open_desk(team, "ana", "ben")
    for agent in ("ana", "ben"):
        _fill(session_id, agent, (6500, 7000, 7500, 8200))
    assert note_forecasts(now=_at(3)) == 1
    assert ExhaustionForecast.objects.get(kind="collective").handoff == Handoff.objects.get()


def test_of_several_the_full_ones_count_and_the_next_is_judged(team):
    session_id = open_desk(team, "ana", "ben", "eve")
    _fill(session_id, "ana", (6500, 7000, 7500, 8200))
    for agent in ("ben", "eve"):
        _fill(session_id, agent, (1000, 1900, 3100, 4000))
    note_forecasts(now=_at(3))
    assert score_forecasts(now=_at(3)) == 1, "ana's, which foretold nothing"
    _fill(session_id, "ana", (100,), start=4)
    _fill(session_id, "ben", (5000, 6000, 7000, 8000), start=4)
    assert score_forecasts(now=_at(8)) == 2
    row = ExhaustionForecast.objects.get(kind="collective")
    assert (row.k, row.actual_seconds, row.was_right) == (2, 240.0, True)
    assert _accuracy(team, session_id)["scored"] == 2


def test_forecasts_that_stay_open_keep_no_later_one_waiting(team, monkeypatch):
    monkeypatch.setattr(scoring, "PAGE", 3)
    session_id = open_desk(team, "ana", "ben")
    seq = Session.objects.get(pk=session_id).head_seq
    quiet = {"session_id": session_id, "kind": "agent", "agent": "ben", "at": NOW, "seq": seq}
    band = {"low_seconds": 1e5, "central_seconds": 2e5, "high_seconds": 2e6}
    ExhaustionForecast.objects.bulk_create(ExhaustionForecast(**quiet, **band) for _ in range(7))
    _fill(session_id, "ana", (1000, 1900, 3100, 4000))
    note_forecasts(now=_at(3))
    _fill(session_id, "ana", (5000, 6000, 7000, 8000), start=4)
    assert score_forecasts(now=_at(8)) == 2
    assert ExhaustionForecast.objects.get(kind="agent", agent="ana").was_right
    assert set(ExhaustionForecast.objects.filter(scored_at=None).values_list("agent", flat=True)) == {"ben"}
    assert score_forecasts(now=_at(9)) == 0


def test_a_forecast_of_a_retired_instance_is_averted(team):
    session_id = open_desk(team, "ana")
    _fill(session_id, "ana", (1000, 2000, 3000, 4000))
    note_forecasts(now=_at(3))
    Instance.objects.update(status="retired", retired_at=_at(4))
    assert score_forecasts(now=_at(5)) == 2
    assert set(ExhaustionForecast.objects.values_list("was_right", flat=True)) == {None}


def test_calls_that_agents_report_are_what_forecasts_rest_on(team):
    session_id = open_desk(team, "ana")
    for call in range(4):
        body = {
            "call_id": f"c{call}",
            "agent": "ana",
            "epoch": 1,
            "input_tokens": 1000 * (call + 1),
            "output_tokens": 9,
        }
        answer = team.client.post(
            f"/api/v1/sessions/{session_id}/usage/", body, headers={"Idempotency-Key": f"c{call}"}
        )
        assert answer.status_code in (200, 201), answer.json()
    (ana,) = team.client.get(f"/api/v1/sessions/{session_id}/forecast/").json()["agents"]
    assert (ana["samples"], ana["context_tokens"]) == (4, 4009)
    assert ana["exhaustion"]["central_seconds"] > 0
    note_forecasts(now=NOW)
    assert ExhaustionForecast.objects.count() == 2


def test_a_page_forgets_what_was_foreseen_of_windows_that_were_handed_over(team):
    session_id = open_desk(team, "ana", "ben")
    for agent in ("ana", "ben"):
        _fill(session_id, agent, (1_000, 2_000, 3_000, 4_000, 5_000))
    note_forecasts(now=_at(6))
    assert list_forecast_lines(session_id)[0].kind == "collective"
    Handoff.objects.create(
        session_id=session_id,
        number=9,
        protocol="emergency",
        phase="complete",
        switched_seq=Session.objects.get(pk=session_id).head_seq + 1,
        quorum_percent=0,
        deadline_at=_at(7),
        started_at=_at(6),
        moved_at=_at(7),
        finished_at=_at(7),
    )
    assert list_forecast_lines(session_id) == []
