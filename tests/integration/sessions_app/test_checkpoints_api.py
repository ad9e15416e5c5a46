"""`/api/v1/sessions/{id}/checkpoints/`, `restore/` and `continuity/`."""

from __future__ import annotations

import pytest

from budgets.services import count_tokens
from sessions_app.domain.deltas import canonical
from sessions_app.models import Checkpoint, Event
from sessions_app.selectors.state import get_state
from sessions_app.services.log import Writer, patch_state
from sessions_app.services.reference import load_reference
from tests.integration.sessions_app.desk import open_desk, session_of
from tests.integration.world import NOW, make_team

pytestmark = pytest.mark.django_db
TEXT = "Maria Okafor counted 312 families in Baidoa; 40 tents leave on Thursday. " * 20


@pytest.fixture
def team():
    load_reference(now=NOW)
    return make_team()


@pytest.fixture
def desk(team):
    session_id = open_desk(team, "a")
    base = session_of(session_id).head_seq
    delta = {"focus": "tents", "roles": {"a": "lead"}, "artefacts": {"plan": "/plans/1"}}
    writer = Writer(actor="key test")
    patch_state(
        session_id=session_id, team_id=team.team_id, base_seq=base, format="merge", delta=delta, writer=writer, now=NOW
    )
    return f"/api/v1/sessions/{session_id}"


def _id(desk):
    return desk.rsplit("/", 1)[1]


def _patch(team, desk, delta):
    base = session_of(_id(desk)).head_seq
    writer = Writer(actor="key test")
    values = {"session_id": _id(desk), "team_id": team.team_id, "format": "merge", "writer": writer, "now": NOW}
    return patch_state(**values, base_seq=base, delta=delta).seq


@pytest.mark.django_db(transaction=True)
def test_a_checkpoint_is_made_read_listed_and_replayed(team, desk):
    body = {"notes": {"done": ["Read all reports."], "resume": ["Call Maria."]}, "agent": "a", "epoch": 1}
    made = team.client.post(f"{desk}/checkpoints/", body, headers={"Idempotency-Key": "one"})
    again = team.client.post(f"{desk}/checkpoints/", body, headers={"Idempotency-Key": "one"})

    assert (made.status_code, again.status_code, again.headers["Idempotent-Replayed"]) == (201, 201, "true")
    told = made.json()
    assert again.json() == told
    assert (told["store"], told["tier"], told["reason"], told["keeps_text"]) == ("database", "hot", "manual", False)
    assert told["document"]["done"] == ["Read all reports."]
    assert told["document"]["in_progress"] == ["tents"]
    assert told["document"]["agents"][0]["role"] == "lead"
    assert told["windows"] == {"a": 0}
    assert team.client.get(f"{desk}/checkpoints/{told['id']}/").json() == told
    page = team.client.get(f"{desk}/checkpoints/?reason=manual&tier=hot").json()
    assert [line["id"] for line in page["results"]] == [told["id"]]
    assert team.client.get(f"{desk}/checkpoints/?reason=time").json()["results"] == []
    assert Event.objects.filter(kind="checkpoint.made").count() == 1


def test_an_agents_summary_stands_only_if_the_gate_lets_it(team, desk):
    good = team.client.post(
        f"{desk}/checkpoints/", {"summary": "312 families in Baidoa; 40 tents on Thursday.", "source": TEXT}
    ).json()
    assert (good["keeps_text"], good["gate"]["by"], good["gate"]["findings"]) == (False, "agent", [])
    bad = team.client.post(
        f"{desk}/checkpoints/", {"summary": "900 families; Peter Schmidt drives.", "source": TEXT}
    ).json()
    assert bad["keeps_text"]
    assert bad["summary"].strip() == TEXT.strip()
    assert {"number_invented", "name_invented"} <= {each["code"] for each in bad["gate"]["findings"]}


def test_a_checkpoint_leads_back_and_says_how_much_it_changed(team, desk):
    made = team.client.post(f"{desk}/checkpoints/", {}).json()
    _patch(team, desk, {"focus": None, "new": 1})
    done = team.client.post(f"{desk}/checkpoints/{made['id']}/restore/", {})
    assert (done.status_code, done.json()["to_seq"], done.json()["changed"]) == (200, made["seq"], 2)
    assert get_state(_id(desk)).state["focus"] == "tents"
    assert get_state(_id(desk)).digest == made["digest"]


def test_one_goes_back_to_any_event_or_time_unless_the_log_has_gone_on(team, desk):
    seq = _patch(team, desk, {"focus": "water"})
    _patch(team, desk, {"focus": "food"})
    late = team.client.post(f"{desk}/restore/", {"at": str(seq), "base_seq": seq})
    assert (late.status_code, late.json()["code"], late.json()["head_seq"]) == (409, "stale_sequence", seq + 1)
    done = team.client.post(f"{desk}/restore/", {"at": str(seq), "base_seq": seq + 1, "agent": "a", "epoch": 1})
    assert done.json() == {"seq": seq + 2, "to_seq": seq, "changed": 1}
    assert get_state(_id(desk)).state["focus"] == "water"


def test_the_continuity_document_says_how_to_go_on_now_and_then(team, desk):
    seq = session_of(_id(desk)).head_seq
    _patch(team, desk, {"focus": "water"})
    now = team.client.get(f"{desk}/continuity/").json()
    then = team.client.get(f"{desk}/continuity/?at={seq}").json()
    assert (now["document"]["in_progress"], then["document"]["in_progress"]) == (["water"], ["tents"])
    assert now["tokens"] < now["most_tokens"] == 2000
    assert count_tokens(canonical(now["document"])) < 2000
    assert now["document"]["where"] == ["plan: /plans/1"]
    assert now["document"]["resume"][0] == f"Read the shared state: GET {desk}/state/?at={now['seq']}"


@pytest.mark.parametrize(
    ("path", "body", "field", "code"),
    [
        ("checkpoints/", {"summary": "All is well."}, "source", "no_source"),
        ("checkpoints/", {"reason": "tokens"}, "reason", "invalid_choice"),
        ("checkpoints/", {"notes": {"pinned": ["x"]}}, "notes.pinned", "unknown_field"),
        ("checkpoints/", {"notes": {"done": ["x" * 401]}}, "notes.done.0", "max_length"),
        ("checkpoints/", {"sumary": "x"}, "sumary", "unknown_field"),
        ("checkpoints/", {"agent": "nobody"}, "agent", "not_found"),
        ("restore/", {"at": "yesterday"}, "at", "invalid"),
        ("restore/", {"at": "2026-03-04T10:00:00"}, "at", "invalid"),
        ("restore/", {}, "at", "required"),
        ("restore/", {"at": "999"}, "at", "no_such_seq"),
    ],
)
def test_bad_input_names_its_field_and_changes_nothing(team, desk, path, body, field, code):
    head = session_of(_id(desk)).head_seq
    answer = team.client.post(f"{desk}/{path}", body)
    assert answer.status_code in (404, 422)
    assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [(field, code)]
    assert (session_of(_id(desk)).head_seq, Checkpoint.objects.count()) == (head, 0)


def test_what_belongs_to_another_team_is_not_there(team, desk):
    made = team.client.post(f"{desk}/checkpoints/", {}).json()
    head = session_of(_id(desk)).head_seq
    stranger = make_team("Other").client
    assert stranger.get(f"{desk}/checkpoints/").status_code == 404
    assert stranger.get(f"{desk}/checkpoints/{made['id']}/").status_code == 404
    assert stranger.get(f"{desk}/continuity/").status_code == 404
    assert stranger.post(f"{desk}/checkpoints/", {}).status_code == 404
    assert stranger.post(f"{desk}/checkpoints/{made['id']}/restore/", {}).status_code == 404
    assert stranger.post(f"{desk}/restore/", {"at": "1"}).status_code == 404
    assert session_of(_id(desk)).head_seq == head


def test_a_key_that_may_only_read_makes_none(desk):
    reader = make_team("Reader", scopes=["sessions:read"]).client
    assert reader.post(f"{desk}/checkpoints/", {}).status_code == 403
    assert not Checkpoint.objects.exists()


def test_an_earlier_life_of_an_agent_makes_none(team, desk):
    answer = team.client.post(f"{desk}/checkpoints/", {"agent": "a", "epoch": 2})
    assert (answer.status_code, answer.json()["code"]) == (409, "stale_epoch")
    assert not Checkpoint.objects.exists()
