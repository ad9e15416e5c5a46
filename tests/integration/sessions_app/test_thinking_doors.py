"""At no door is a long text shortened or judged inside a transaction: on SQLite that is the one of all teams."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from sessions_app import tasks
from sessions_app.domain import gate
from sessions_app.domain.words import Component, ItemKind, Reason
from sessions_app.models import Archive, Checkpoint, ContextItem, Event, Handoff
from sessions_app.services import checkpoints, thinking
from sessions_app.services.cleanup.tending import tend_session
from sessions_app.services.lives import AgentAsk, join_agent
from sessions_app.services.log import Writer
from sessions_app.services.reference import load_reference
from sessions_app.services.windows.items import ItemAsk, load_items
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.sessions_app.handing import begin
from tests.integration.world import make_team

pytestmark = pytest.mark.django_db(transaction=True)
LONG = " ".join(f"Pump {line} moves {line * 7} litres at gauge {line % 9}." for line in range(400))
AGENTS = [f"a{number}" for number in range(6)]
"""More than the tries of one thought."""
WINDOW = 40_000


@pytest.fixture
def thought(monkeypatch):
    """Of every text that was shortened or judged its length and whether a transaction was open."""
    found: list[tuple[int, bool]] = []

    def spied(real):
        def spy(text, *args, **values):
            found.append((len(text), connection.in_atomic_block))
            return real(text, *args, **values)

        return spy

    monkeypatch.setattr(thinking, "summarise", spied(thinking.summarise))
    monkeypatch.setattr(thinking, "excerpt", spied(thinking.excerpt))
    monkeypatch.setattr(gate, "judge", spied(gate.judge))
    thinking._known.clear()
    return found


@pytest.fixture
def team():
    load_reference(now=timezone.now())
    return make_team()


@pytest.fixture
def session_id(team):
    """A session whose agents were told something long just now."""
    session_id = open_desk(team)
    for agent in AGENTS:
        ask = AgentAsk(agent=agent, role="analyst", window_tokens=WINDOW, max_output_tokens=1_000)
        join_agent(session_id=session_id, team_id=team.team_id, ask=ask, actor="test", now=timezone.now())
    _load(team, session_id, "a0", ItemKind.MESSAGE, "said")
    return session_id


def _load(team, session_id, agent, kind, key, *, minutes_ago=0):
    item = ItemAsk(
        key=key, component=Component.KNOWLEDGE, kind=kind, text=f"{key} of {agent}, {minutes_ago} minutes ago. {LONG}"
    )
    load_items(
        session_id=session_id,
        team_id=team.team_id,
        agent=agent,
        epoch=1,
        items=[item],
        actor="test",
        now=timezone.now() - timedelta(minutes=minutes_ago),
    )


def _post(team, session_id, where, body=None, key=None):
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    return team.client.post(f"/api/v1/sessions/{session_id}/{where}", body or {}, format="json", **headers)


def _outside(thought: list[tuple[int, bool]]) -> bool:
    """Something long was thought about, and nothing long in a transaction."""
    assert any(length > thinking.MOST_LOCKED_CHARACTERS for length, _ in thought)
    return sum(length for length, is_inside in thought if is_inside) <= thinking.MOST_LOCKED_CHARACTERS


@pytest.mark.parametrize("key", [None, "k1"])
@pytest.mark.parametrize(
    "body",
    [{"source": LONG}, {}, {"source": LONG, "summary": "Pump 3 moves 21 litres."}],
    ids=["a source", "what is in the windows", "a summary of one's own"],
)
def test_a_checkpoint_that_is_asked_for(team, session_id, thought, body, key):
    answer = _post(team, session_id, "checkpoints/", body, key)
    assert (answer.status_code, answer.json()["keeps_text"]) == (201, False), answer.content
    assert _outside(thought)
    assert Checkpoint.objects.count() == 1
    again = _post(team, session_id, "checkpoints/", body, key)
    assert Checkpoint.objects.count() == (1 if key else 2)
    assert again.headers.get("Idempotent-Replayed") == ("true" if key else None)


def test_the_end_of_a_session(team, session_id, thought):
    assert _post(team, session_id, "end/", key="k1").status_code == 200
    assert _outside(thought)
    assert Event.objects.filter(session=session_id, kind="session.ended").count() == 1


def test_a_cleanup_of_many_windows(team, session_id, thought):
    for agent in AGENTS:
        _load(team, session_id, agent, ItemKind.DOCUMENTATION, "manual", minutes_ago=40)
        _load(team, session_id, agent, ItemKind.FILE, "log", minutes_ago=41)
    answer = _post(team, session_id, "cleanup/", {"target_tokens": 3_000}, "k1")
    assert answer.status_code == 200, answer.content
    assert _outside(thought)
    strategies = [step["strategy"] for each in answer.json()["results"] for step in each["steps"]]
    assert strategies == ["compress_documentation", "keep_excerpts"] * len(AGENTS)


def test_what_is_put_back_and_fills_the_window(team, session_id, thought):
    """The window passes 85 % by it: a checkpoint and a cleanup come with it."""
    for number in range(6):
        _load(team, session_id, "a1", ItemKind.DOCUMENTATION, f"manual {number}", minutes_ago=40)
    out = ContextItem.objects.get(instance__agent="a1", key="manual 0")
    assert team.client.delete(f"/api/v1/sessions/{session_id}/agents/a1/items/{out.pk}/?epoch=1").status_code == 200
    instance = instance_of(session_id, "a1")
    instance.window_tokens = (instance.context_tokens + out.tokens + 1_000) * 100 // 86
    instance.save(update_fields=["window_tokens"])
    answer = _post(team, session_id, f"archives/{Archive.objects.get().pk}/restore/", key="k1")
    assert answer.status_code == 200, answer.content
    assert Checkpoint.objects.filter(reason="threshold").exists()
    assert Event.objects.filter(session=session_id, kind="cleanup.done").exists()
    assert _outside(thought)


def test_the_checkpoint_that_time_makes(session_id, thought):
    assert checkpoints.make_due_checkpoints(now=timezone.now() + timedelta(minutes=16)) == 1
    assert _outside(thought)


def test_what_the_tender_cleans_up(team, session_id, thought):
    _load(team, session_id, "a2", ItemKind.MESSAGE, "long ago", minutes_ago=125)
    _load(team, session_id, "a2", ItemKind.MESSAGE, "longer ago", minutes_ago=130)
    assert tend_session(session_id=session_id, now=timezone.now()) > 0
    assert _outside(thought)


def test_the_replay_of_what_waited(team, session_id, thought, settings, tmp_path):
    settings.SPOOL_DIR, settings.EMERGENCY_DIR = tmp_path / "spool", tmp_path / "emergency"
    ask = checkpoints.CheckpointAsk(
        session_id=session_id,
        team_id=team.team_id,
        reason=Reason.MANUAL,
        writer=Writer(actor="test"),
        said=checkpoints.Said(source=LONG),
    )
    checkpoints.asking.keep_aside(ask, now=timezone.now())
    assert checkpoints.replay_spool(now=timezone.now()).made == 1
    assert _outside(thought)


def test_the_copy_of_a_handoff(session_id, thought):
    handoff = begin(session_id, "emergency", now=timezone.now())
    tasks.carry_on_handoff(handoff_id=handoff.pk)
    assert Handoff.objects.get().phase == "complete"
    assert Checkpoint.objects.filter(reason="handoff").exists()
    assert _outside(thought)


def test_work_that_follows_a_commit_thinks_for_itself(session_id, thought):
    """Not whoever committed: its work is done and must not be done again."""
    worked: list[int] = []

    def work() -> None:
        worked.append(1)
        checkpoints.make_due_checkpoints(now=timezone.now() + timedelta(minutes=16))

    thinking.thinking_first(work)()
    assert (len(worked), Checkpoint.objects.count()) == (1, 1)
    assert _outside(thought)
    assert session_of(session_id).last_checkpoint_seq
