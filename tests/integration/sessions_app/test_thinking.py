"""Long thoughts about full windows: none of them while a session is locked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sessions_app.domain.words import Component, ItemKind
from sessions_app.models import Archive, Checkpoint, Event, Usage
from sessions_app.services import thinking
from sessions_app.services.lives import AgentAsk, join_agent
from sessions_app.services.reference import load_reference
from sessions_app.services.windows.items import ItemAsk, load_items
from sessions_app.services.windows.usage import UsageReport, record_usage
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.world import NOW, make_team

pytestmark = pytest.mark.django_db
WINDOW = 30_000


@pytest.fixture
def desk(monkeypatch):
    """A nearly full window of old documents; `thought` tells of every text whether a lock was held."""
    load_reference(now=NOW)
    team = make_team()
    session_id = open_desk(team)
    ask = AgentAsk(agent="ann", role="analyst", window_tokens=WINDOW, max_output_tokens=1_000)
    join_agent(session_id=session_id, team_id=team.team_id, ask=ask, actor="test", now=NOW)
    who = {"session_id": session_id, "team_id": team.team_id, "agent": "ann", "epoch": 1, "actor": "test"}
    items = [
        ItemAsk(
            key=f"d{number}",
            component=Component.KNOWLEDGE,
            kind=ItemKind.DOCUMENTATION,
            text=" ".join(f"Pump {number}.{line} moves {line * 7} litres at gauge {line % 9}." for line in range(240)),
        )
        for number in range(4)
    ]
    load_items(items=items, now=NOW, **who)
    thought: list[tuple[str, bool]] = []
    real = thinking.summarise

    def spied(text, **values):
        thought.append((text, thinking._patience.get() is not None))
        return real(text, **values)

    monkeypatch.setattr(thinking, "summarise", spied)
    thinking._known.clear()
    return who, thought


def tell(who, call_id="c1"):
    report = UsageReport(call_id=call_id, input_tokens=WINDOW * 86 // 100, output_tokens=10)
    return record_usage(report=report, now=NOW + timedelta(hours=3), **who)


def test_a_window_that_fills_is_thought_about_before_its_session_is_locked(desk):
    who, thought = desk
    tell(who)
    in_lock = [text for text, is_locked in thought if is_locked]
    assert [text for text, is_locked in thought if not is_locked]
    assert sum(map(len, in_lock)) <= thinking.MOST_LOCKED_CHARACTERS
    session = session_of(who["session_id"])
    assert Usage.objects.count() == 1
    assert session.tokens_used == WINDOW * 86 // 100 + 10
    assert list(Event.objects.order_by("seq").values_list("seq", flat=True)) == list(range(1, session.head_seq + 1))
    kinds = list(Event.objects.values_list("kind", flat=True))
    assert (kinds.count("usage.recorded"), kinds.count("cleanup.done")) == (1, 1)
    assert Checkpoint.objects.filter(reason="threshold").count() == 1
    assert Archive.objects.filter(kind="item").count() == 3
    assert instance_of(who["session_id"], "ann").context_tokens < WINDOW * 86 // 100


def test_where_thinking_never_ends_the_work_is_done_all_the_same(desk, monkeypatch):
    who, _ = desk
    monkeypatch.setattr(thinking, "MOST_REMEMBERED", 0)
    tell(who)
    assert Usage.objects.count() == 1
    assert Archive.objects.filter(kind="item").count() == 3


def test_what_was_thought_is_not_thought_again(desk):
    who, thought = desk
    tell(who)
    texts = [text for text, _ in thought]
    assert len(texts) == len(set(texts))
