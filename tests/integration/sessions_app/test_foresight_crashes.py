"""A crash at any statement of a forecast, a round or a decision leaves all of it undone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sessions_app.domain.words import Stance
from sessions_app.models import (
    Archive,
    Event,
    ExhaustionForecast,
    Fact,
    Handoff,
    HandoffMember,
    Proposal,
    Round,
    Session,
    Turn,
    Usage,
)
from sessions_app.services.foresight import foresee_session
from sessions_app.services.log import Draft, append
from sessions_app.services.proposals import Decider, analyse, decide_proposal
from sessions_app.services.rounds import TurnAsk, archive_old_turns, begin_round, take_turn
from tests.integration.budgets.twin_trees import Crash, crashing_at
from tests.integration.sessions_app.desk import instance_of, open_desk
from tests.integration.world import NOW, load_world, make_team, undone

pytestmark = pytest.mark.django_db
KEPT = (Session, Event, ExhaustionForecast, Handoff, HandoffMember, Proposal, Round, Turn, Archive, Fact)
LATER = NOW + timedelta(minutes=10)


@pytest.fixture
def team():
    load_world()
    return make_team()


def _books():
    return [list(model.objects.order_by("pk").values()) for model in KEPT]


def _hold(work, *, least_statements):
    """`work` leaves nothing behind wherever it crashes, and does all of it when it is done again."""
    before, statement = _books(), 0
    while True:
        statement += 1
        try:
            with undone(), crashing_at(statement):
                work()
                break
        except Crash:
            assert _books() == before
    assert statement > least_statements
    work()
    assert _books() != before


def _fill(session_id, agent):
    session, instance = Session.objects.get(pk=session_id), instance_of(session_id, agent)
    for minute, held in enumerate((3500, 4500, 5500, 6500, 7000)):
        at = NOW + timedelta(minutes=minute)
        seq = append(session, Draft(kind="usage.recorded", actor="key test", instance=instance), now=at)
        Usage.objects.create(
            session=session,
            call_id=f"{agent} {minute}",
            instance=instance,
            seq=seq,
            at=at,
            component="interaction",
            context_tokens=held,
        )
    instance.context_tokens = held
    instance.save(update_fields=["context_tokens"])


def _turn(who, agent, stance=Stance.AGREE):
    ask = TurnAsk(agent=agent, epoch=1, stance=stance, confidence=0.4, text=f"Words of {agent}", reason="A reason")
    return take_turn(**who, ask=ask, actor="key test", now=NOW)


def test_a_forecast_that_raises_a_handoff(team):
    session_id = open_desk(team, "ana", "ben")
    _fill(session_id, "ana")
    _fill(session_id, "ben")
    _hold(lambda: foresee_session(session_id=session_id, now=LATER), least_statements=4)
    assert (Handoff.objects.count(), ExhaustionForecast.objects.exclude(handoff=None).count()) == (1, 1)


def test_the_last_turn_of_a_round_and_its_archive(team):
    session_id = open_desk(team, "ana", "ben", "eve")
    begun = begin_round(session_id=session_id, team_id=team.team_id, topic="Ship?", actor="key test", now=NOW)
    who = {"session_id": session_id, "team_id": team.team_id, "round_id": begun}
    _turn(who, "ana")
    _turn(who, "ben", Stance.DISSENT)
    _hold(lambda: _turn(who, "eve"), least_statements=4)
    assert Turn.objects.count() == 3
    _hold(lambda: archive_old_turns(now=LATER), least_statements=4)
    assert (Turn.objects.filter(text="").count(), Archive.objects.filter(kind="turn").count()) == (3, 3)


def test_a_proposal_and_its_acceptance(team):
    session_id = open_desk(team, "ana")
    facts = {"agent": "ana", "epoch": 1, "component": "knowledge", "reason": "component_full", "verdict": "denied"}
    session = Session.objects.get(pk=session_id)
    for _ in range(4):
        drafted = Draft(kind="allocation.decided", actor="t", facts={**facts, "asked_tokens": 9, "granted_tokens": 0})
        append(session, drafted, now=NOW)
    who = {"session_id": session_id, "team_id": team.team_id, "now": LATER}
    _hold(lambda: analyse(**who, actor="analysis"), least_statements=4)
    decision = {"proposal_id": Proposal.objects.get().pk, "is_accepted": True, "rationale": "It lacks room."}
    ada = Decider(actor="user ada", is_person=True, may_change_budgets=False)
    _hold(lambda: decide_proposal(**who, **decision, decider=ada), least_statements=4)
    assert Session.objects.get().overrides == Proposal.objects.get().after
