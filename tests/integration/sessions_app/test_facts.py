"""Facts: recorded in the log, replaced by newer ones, pinned within a bound."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config.kernel.errors import Conflict, InvalidInput, NotFound
from sessions_app.domain.words import FactKind
from sessions_app.models import Event, Fact
from sessions_app.selectors.memory import list_facts
from sessions_app.services.log import locked
from sessions_app.services.memory import add_fact, pin_fact, record_fact, supersede_fact
from sessions_app.services.memory.facts import LONGEST_FACT_CHARACTERS, FactAsk, Teller
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.world import NOW, load_world, make_team, undone

pytestmark = pytest.mark.django_db
TELLER = Teller(actor="key test")


@pytest.fixture
def team():
    load_world()
    return make_team()


def _record(session_id, team, text, **changes):
    ask = FactAsk(**{"kind": FactKind.DECISION, "text": text, **changes})
    return record_fact(session_id=session_id, team_id=team.team_id, ask=ask, teller=TELLER, now=NOW)


def _supersede(session_id, team, number, text):
    return supersede_fact(
        session_id=session_id, team_id=team.team_id, number=number, text=text, kind=None, teller=TELLER, now=NOW
    )


def test_a_fact_is_numbered_and_told_by_the_log(team):
    session_id = open_desk(team, "ana")
    teller = Teller(actor="key test", agent="ana", epoch=1)
    ask = FactAsk(kind=FactKind.CONSTRAINT, text="  Never above\n 12 knots. ")
    number = record_fact(
        session_id=session_id, team_id=team.team_id, ask=ask, teller=teller, now=NOW + timedelta(seconds=1)
    )
    event = Event.objects.get(session=session_id, kind="fact.recorded")
    fact = Fact.objects.get(session=session_id)
    assert (number, fact.text, fact.from_seq, fact.at) == (1, "Never above 12 knots.", event.seq, event.at)
    assert event.facts == {
        "number": 1,
        "kind": "constraint",
        "text": "Never above 12 knots.",
        "is_pinned": False,
        "agent": "ana",
    }
    assert event.instance == instance_of(session_id, "ana")


def test_a_newer_fact_takes_the_place_of_an_older_one_once(team):
    session_id = open_desk(team)
    _record(session_id, team, "Release on Monday.", is_pinned=True)
    assert _supersede(session_id, team, 1, "Release on Tuesday.") == 2
    with pytest.raises(Conflict) as refused:
        _supersede(session_id, team, 1, "Release on Friday.")
    assert (refused.value.code, refused.value.facts["superseded_by"]) == ("superseded", 2)
    assert [(each.number, each.text, each.is_pinned) for each in list_facts(session_id)] == [
        (2, "Release on Tuesday.", True)
    ]
    assert [each.superseded_by for each in list_facts(session_id, current_only=False)] == [2, None]


@pytest.mark.parametrize(
    ("text", "code"), [(" \n ", "blank"), ("x" * (LONGEST_FACT_CHARACTERS + 1), "too_long")], ids=["blank", "long"]
)
def test_a_text_that_cannot_be_a_fact_is_refused_and_leaves_no_line(team, text, code):
    session_id = open_desk(team)
    with pytest.raises(InvalidInput) as refused:
        _record(session_id, team, text)
    assert (refused.value.field, refused.value.code) == ("text", code)
    assert (Fact.objects.count(), session_of(session_id).head_seq) == (0, 1)


def test_an_unknown_fact_cannot_be_replaced(team):
    session_id = open_desk(team)
    with pytest.raises(NotFound) as refused:
        _record(session_id, team, "New.", supersedes=7)
    assert (refused.value.field, session_of(session_id).head_seq) == ("supersedes", 1)


def test_an_earlier_life_of_an_agent_records_nothing(team):
    session_id = open_desk(team, "ana")
    teller = Teller(actor="key test", agent="ana", epoch=2)
    with pytest.raises(Conflict) as refused:
        record_fact(
            session_id=session_id,
            team_id=team.team_id,
            ask=FactAsk(kind=FactKind.OPEN, text="Who pays?"),
            teller=teller,
            now=NOW,
        )
    assert (refused.value.code, Fact.objects.count()) == ("stale_epoch", 0)


def test_pinned_facts_have_a_bound_and_a_pin_can_be_taken(team):
    session_id = open_desk(team)
    words = " ".join(f"rule{each} holds" for each in range(70))
    numbers = [_record(session_id, team, f"{each} {words}", is_pinned=True) for each in range(4)]
    with pytest.raises(InvalidInput) as refused:
        _record(session_id, team, f"4 {words}", is_pinned=True)
    assert (refused.value.field, refused.value.code) == ("is_pinned", "pins_full")
    assert [each.number for each in list_facts(session_id, pinned_only=True)] == numbers
    pin_fact(session_id=session_id, team_id=team.team_id, number=numbers[0], is_pinned=False, actor="key test", now=NOW)
    _record(session_id, team, f"9 {words}", is_pinned=True)
    assert len(list_facts(session_id, pinned_only=True)) == len(numbers)
    assert Event.objects.filter(session=session_id, kind="fact.pinned").count() == 1


def test_a_fact_of_another_team_does_not_exist(team):
    session_id, other = open_desk(team), make_team("Other desk")
    with pytest.raises(NotFound):
        _record(session_id, other, "Mine now.")
    assert Fact.objects.count() == 0


def test_facts_are_added_inside_the_transaction_of_who_holds_the_session(team):
    session_id = open_desk(team)
    with undone():
        add_fact(locked(session_id), kind="failed", text="The pump stopped.", actor="key test", now=NOW)
        assert Fact.objects.count() == 1
    assert (Fact.objects.count(), session_of(session_id).head_seq) == (0, 1)
