"""A session leaves as one file and comes back whole; what is damaged or foreign does not come in."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from sessions_app.domain.words import FactKind, Stance
from sessions_app.models import Archive, ContextItem, Event, Fact, Instance, Session, StateItem, Turn
from sessions_app.selectors.events import list_events
from sessions_app.selectors.exports import PARTS, hash_of
from sessions_app.selectors.state import get_state, get_state_at
from sessions_app.services.archiving import keep
from sessions_app.services.exchange import export_session
from sessions_app.services.log import Writer, patch_state
from sessions_app.services.log.archiving import archive_log
from sessions_app.services.memory import add_fact
from sessions_app.services.rounds import TurnAsk, begin_round, close_round, take_turn
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.world import NOW, Team, make_team

pytestmark = [pytest.mark.usefixtures("loaded_world"), pytest.mark.django_db]
SESSIONS = "/api/v1/sessions/"
WRITER = Writer(actor="key test", agent="analyst")


@pytest.fixture
def team() -> Team:
    return make_team()


@pytest.fixture
def session_id(team: Team) -> Any:
    """A session whose log is in part archived, with facts, an item in a window and one that left the state."""
    session_id = open_desk(team, "analyst", "writer", external_id="thread-7", state={"focus": "levees"})
    for step in range(12):
        delta = {"tasks": {f"t{step % 4}": {"n": step, "text": "é" * 30}}}
        base = session_of(session_id).head_seq
        values = {"format": "merge", "writer": WRITER, "key": f"k{step}", "now": NOW + timedelta(seconds=step)}
        patch_state(session_id=session_id, team_id=team.team_id, base_seq=base, delta=delta, **values)
    session = session_of(session_id)
    first = add_fact(session, kind=FactKind.DECISION, text="Build 3 levees.", actor="key test", now=NOW)
    add_fact(session, kind=FactKind.DECISION, text="Build 4.", supersedes=first.number, actor="key test", now=NOW)
    kept = keep(session, kind="item", title="gauge.csv", body="1,2", text="gauge", tokens=3, now=NOW)
    ContextItem.objects.create(
        instance=instance_of(session_id, "analyst"),
        key="gauge.csv",
        component="knowledge",
        kind="file",
        tokens=0,
        original_tokens=3,
        status="unloaded",
        archive=kept,
        created_at=NOW,
        last_access_at=NOW,
    )
    _speak(team, session_id)
    Session.objects.filter(pk=session_id).update(overrides={"checkpoints.log_events": 8, "checkpoints.body_events": 4})
    archive_log(session_id=session_id, now=NOW + timedelta(minutes=1))
    return session_id


def _speak(team: Team, session_id: Any) -> None:
    values = {"session_id": session_id, "team_id": team.team_id, "actor": "key test", "now": NOW}
    round_id = begin_round(topic="Three levees will do.", **values)
    ask = TurnAsk(agent="writer", epoch=1, stance=Stance.DISSENT, confidence=0.8, text="Four.", reason="The bend.")
    take_turn(round_id=round_id, ask=ask, **values)
    close_round(round_id=round_id, **values)  # turns of a blind cycle that is open are nobody's to read


def _import(team: Team, document: Any, query: str = "", **headers: str) -> Any:
    return team.client.post(f"{SESSIONS}import/{query}", document, format="json", headers=headers)


def _document(team: Team, session_id: Any) -> Any:
    answer = team.client.get(f"{SESSIONS}{session_id}/export/")
    assert answer.status_code == 200
    return json.loads(answer.content)


def test_a_session_comes_back_whole_in_another_team(team: Team, session_id: Any) -> None:
    document, other = _document(team, session_id), make_team("Other")
    answer = _import(other, document)
    assert answer.status_code == 201, answer.content
    ours = answer.json()["id"]
    head = session_of(session_id).head_seq
    for seq in range(1, head + 1):
        assert get_state_at(ours, seq) == get_state_at(session_id, seq)
    assert get_state(ours).state == get_state(session_id).state
    told, known = (
        list_events(each, after=0, before=head + 1, with_deltas=True, limit=99) for each in (ours, session_id)
    )
    assert [(each.seq, each.at, each.kind, each.agent, each.delta, each.facts) for each in told] == [
        (each.seq, each.at, each.kind, each.agent, each.delta, each.facts) for each in known
    ]
    assert list_events(ours, limit=1)[0].kind == "session.imported"
    facts = Fact.objects.filter(session=ours)
    assert [(each.number, each.text) for each in facts] == [
        (1, "Build 3 levees."),
        (2, "Build 4."),
        (3, "writer on 'Three levees will do.': The bend."),
    ]
    assert facts[0].superseded_by_id == facts[1].pk
    turn = Turn.objects.get(round__session=ours)
    assert (turn.text, turn.round.topic) == ("Four.", "Three levees will do.")
    assert turn.round_id != Turn.objects.get(round__session=session_id).round_id
    item = ContextItem.objects.get(instance__session=ours)
    assert item.archive is not None
    assert str(item.archive.session_id) == ours
    row = session_of(ours)
    assert (row.team_id, row.external_id, row.budget_id) == (other.team_id, "thread-7", None)
    again = export_session(session_id=row.pk, now=NOW)["parts"]
    assert [len(again[part.name]) for part in PARTS] == [len(document["parts"][part.name]) for part in PARTS]


def test_an_imported_session_goes_on(team: Team, session_id: Any) -> None:
    ours = _import(team, _document(team, session_id), "?external_id=thread-8").json()["id"]
    head = session_of(ours).head_seq
    path = f"{SESSIONS}{ours}/state/"
    done = team.client.patch(path, {"base_seq": head, "delta": {"focus": "roads"}, "agent": "writer"}, format="json")
    assert (done.status_code, done.json()["seq"]) == (200, head + 1)
    assert get_state_at(ours, head + 1).state["focus"] == "roads"
    assert get_state(session_id).state["focus"] == "levees"


def test_an_external_id_that_is_taken_is_a_conflict(team: Team, session_id: Any) -> None:
    answer = _import(team, _document(team, session_id))
    assert (answer.status_code, answer.json()["code"]) == (409, "external_id_in_use")
    assert Session.objects.count() == 1


def test_the_same_key_imports_once(team: Team, session_id: Any) -> None:
    document = _document(team, session_id)
    answers = [_import(team, document, "?external_id=", **{"Idempotency-Key": "once"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert Session.objects.count() == 2


def _set(*path: Any, value: Any) -> Any:
    def damage(document: Any) -> None:
        place = document
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value

    return damage


def _drop(*path: Any) -> Any:
    def damage(document: Any) -> None:
        place = document
        for name in path[:-1]:
            place = place[name]
        del place[path[-1]]

    return damage


DAMAGES = [
    (_set("format", value="zip"), "format"),
    (_set("version", value=2), "version"),
    (_set("parts", value=3), "parts"),
    (_drop("parts", "facts"), "facts"),
    (_set("parts", "spies", value=[]), "spies"),
    (_set("parts", "facts", 0, "text", value="Build 9 levees."), "sha256.facts"),
    (_set("parts", "events", 4, "delta", value='{"focus":"x"}'), "sha256.events"),
]
RESIGNED = [
    (_set("parts", "events", 4, "delta", value='{"focus":"x"}'), "events"),
    (_set("parts", "events", 4, "delta", value="{"), "events"),
    (_set("parts", "events", 4, "seq", value=9), "events"),
    (_set("parts", "events", 4, "at", value="2020-01-01T00:00:00+00:00"), "events"),
    (_set("parts", "events", 4, "instance", value=10**9), "events"),
    (_set("parts", "events", 4, "digest", value="zz"), "events"),
    (_set("parts", "events", 4, "tokens", value=2**80), "events"),
    (_set("parts", "events", 4, "tokens", value=-1), "events"),
    (_set("parts", "session", "body_seq", value=2**63), "session"),
    (_set("parts", "instances", 0, "context_tokens", value=2**80), "instances"),
    (_set("parts", "state_items", 0, "salience", value=10**400), "state_items"),
    (_drop("parts", "events", 6), "events"),
    (_set("parts", "session", "digest", value="AAAA"), "session"),
    (_set("parts", "session", "status", value="dead"), "session"),
    (_set("parts", "session", "name", value="x" * 121), "session"),
    (_set("parts", "session", "name", value={"a": 1}), "session"),
    (_set("parts", "session", "overrides", value={"no.such": 1}), "session"),
    (_set("parts", "session", "overrides", value=[1]), "session"),
    (_drop("parts", "session", "name"), "session"),
    (_set("parts", "session", "team_id", value=1), "session"),
    (_set("parts", "facts", 0, "number", value=2), "facts"),
    (_set("parts", "facts", 0, "session_id", value=1), "facts"),
    (_set("parts", "facts", value={}), "facts"),
    (_set("parts", "facts", value=[3]), "facts"),
    (_set("parts", "archives", 0, "sha256", value="AAAA"), "archives"),
    (_set("parts", "archives", 0, "body", value="AAAA"), "archives"),
    (_set("parts", "archives", 0, "kind", value="events"), "archives"),
    (_set("parts", "context_items", 0, "archive_id", value=10**9), "context_items"),
    (_set("parts", "state_items", 0, "value", value='"other"'), "state_items"),
    (_drop("parts", "state_items", 0), "state_items"),
]


@pytest.mark.parametrize(
    ("damage", "name", "is_signed_again"),
    [
        *[(damage, name, False) for damage, name in DAMAGES],
        *[(damage, name, True) for damage, name in RESIGNED],
    ],
)
def test_what_is_damaged_or_foreign_is_refused_by_its_part_and_leaves_nothing(
    team: Team, session_id: Any, damage: Any, name: str, is_signed_again: bool
) -> None:
    document = copy.deepcopy(_document(team, session_id))
    damage(document)
    if is_signed_again:
        document["sha256"] = {each: hash_of(part) for each, part in document["parts"].items()}
    tables = (Session, Event, Instance, Fact, Archive, StateItem, ContextItem)
    before = [table.objects.count() for table in tables]
    answer = _import(team, document, "?external_id=")
    assert answer.status_code == 422, answer.content
    assert [each["field"] for each in answer.json()["errors"]] == [name]
    assert [table.objects.count() for table in tables] == before


def test_who_may_not_see_a_session_may_not_export_it(team: Team, session_id: Any) -> None:
    assert make_team("Other").client.get(f"{SESSIONS}{session_id}/export/").status_code == 404


def test_files_larger_than_a_body_go_by_command(team: Team, tmp_path: Path) -> None:
    session_id = open_desk(team)
    for step in range(40):
        base = session_of(session_id).head_seq
        delta = {"papers": {f"p{step % 4}": "x" * 220_000}}
        values = {"format": "merge", "writer": Writer(actor="key test"), "now": NOW}
        patch_state(session_id=session_id, team_id=team.team_id, base_seq=base, delta=delta, **values)
    file, out = tmp_path / "session.json", StringIO()
    call_command("export_session", str(session_id), str(file), stdout=out)
    assert file.stat().st_size > 8_000_000
    call_command("import_session", str(file), "--team", str(make_team("Other").team_id), stdout=out)
    ours = out.getvalue().split()[-1]
    assert get_state(ours).state == get_state(session_id).state
    with pytest.raises(CommandError, match="team: There is no such team"):
        call_command("import_session", str(file), "--team", "987654321")
    file.write_text(file.read_text()[:-9])
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_session", str(file), "--team", str(team.team_id))
    with pytest.raises(CommandError, match="no such session"):
        call_command("export_session", str(uuid4()), str(file))
    assert Session.objects.count() == 2
