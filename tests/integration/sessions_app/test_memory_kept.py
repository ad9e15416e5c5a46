"""Each kind of memory is shown as long as its term says, wherever it is kept by then, and no longer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from config.kernel.errors import Conflict
from sessions_app.domain.words import Component, ItemKind, Reason, Tier
from sessions_app.models import Archive, Checkpoint, Event, Session, StateItem
from sessions_app.selectors import events, recall
from sessions_app.selectors.recall import SUMMARY_CHARACTERS, MemoryKind
from sessions_app.services.checkpoints import Said, make_checkpoint
from sessions_app.services.log import Draft, Writer, active_instance, append, locked, patch_state
from sessions_app.services.log.archiving import archive_log
from sessions_app.services.memory import add_fact, refresh_likeness
from sessions_app.services.tiers import tend_tiers
from sessions_app.services.windows.items import ItemAsk, load_items, unload_item
from tests.integration.sessions_app.desk import open_desk, session_of
from tests.integration.world import NOW, load_world, make_team

pytestmark = pytest.mark.django_db
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
KEPT = {
    "memory.working_minutes": 50,
    "memory.episodic_days": 3,
    "memory.semantic_days": 5,
    "memory.collective_days": 7,
}
SHORT_LOG = {"checkpoints.log_events": 10}


@pytest.fixture
def team():
    load_world()
    return make_team()


def _desk(team, *agents, name="Flood desk", **overrides):
    session_id = open_desk(team, *agents, name=name)
    Session.objects.filter(pk=session_id).update(overrides=overrides)
    return session_id


def _texts(session_id, kind, now=NOW, **values):
    return [row.text for row in recall.recall(session_of(session_id), MemoryKind(kind), now=now, **values)]


def _tell(session_id, number, now=NOW, agent=None):
    session = locked(session_id)
    instance = active_instance(session, agent) if agent else None
    append(session, Draft(kind="proposal.made", actor="key test", facts={"number": number}, instance=instance), now=now)


def _patch(team, session_id, delta, now=NOW):
    told = {"session_id": session_id, "team_id": team.team_id, "writer": Writer(actor="key test"), "now": now}
    patch_state(base_seq=session_of(session_id).head_seq, format="merge", delta=delta, **told)


def _checkpoint(session_id, text, now=NOW):
    return make_checkpoint(
        locked(session_id), reason=Reason.MANUAL, actor="key test", now=now, said=Said(source=text, summary=None)
    )


def _load(team, session_id, key, component, now=NOW, **changes):
    (row,) = load_items(
        session_id=session_id,
        team_id=team.team_id,
        agent="ann",
        epoch=1,
        items=[ItemAsk(key=key, component=component, kind=ItemKind.OTHER, text=f"Words of {key}.", **changes)],
        actor="key test",
        now=now,
    )
    return row


def test_summaries_of_archived_checkpoints_are_remembered_too(team):
    session_id = _desk(team, "ann")
    for number in range(7):
        _checkpoint(session_id, f"Pump {number} is repaired.", now=NOW + number * MINUTE)
    assert Checkpoint.objects.filter(tier="archived", summary="").count() == 2
    shown = [text for text in _texts(session_id, "episodic", NOW + 10 * MINUTE) if text.startswith("Pump")]
    assert shown == [f"Pump {number} is repaired." for number in reversed(range(7))]
    assert _texts(session_id, "episodic", NOW + 10 * MINUTE, query="what of pump 0") != []


def test_of_a_long_summary_the_beginning_is_shown_the_same_before_and_after_it_is_archived(team, monkeypatch):
    monkeypatch.setattr(recall, "SUMMARY_CHARACTERS", 8)
    assert SUMMARY_CHARACTERS == 2_000
    session_id = _desk(team)
    made = _checkpoint(session_id, "Pump 7 is repaired.")
    before = _texts(session_id, "episodic", NOW + MINUTE)
    for number in range(5):
        _checkpoint(session_id, f"{number}", now=NOW + MINUTE)
    made.refresh_from_db()
    assert made.tier == "archived"
    assert "Pump 7 i" in before
    assert "Pump 7 i" in _texts(session_id, "episodic", NOW + MINUTE)


def test_events_that_have_left_the_log_are_remembered_with_who_wrote_them(team):
    session_id = _desk(team, "ann", **SHORT_LOG)
    for number in range(20):
        _tell(session_id, number, NOW + number * MINUTE, agent="ann" if number == 2 else None)
    archive_log(session_id=session_id, now=NOW + 20 * MINUTE)
    left = Event.objects.filter(session=session_id, kind="proposal.made").count()
    assert left < 10
    now = NOW + 21 * MINUTE
    rows = recall.recall(session_of(session_id), MemoryKind.EPISODIC, now=now)
    shown = [row for row in rows if row.text.startswith("proposal")]
    assert [row.text for row in shown] == [f"proposal made: number {number}" for number in reversed(range(20))]
    assert [row.agent for row in shown if row.agent] == ["ann"]
    assert shown[-1].until == NOW + 30 * DAY
    assert not any(row.text.startswith("state changed") for row in rows)


def test_archived_events_leave_when_their_time_is_over(team):
    session_id = _desk(team, **SHORT_LOG, **KEPT)
    for number in range(20):
        _tell(session_id, number, NOW + number * DAY / 4)
    archive_log(session_id=session_id, now=NOW + 5 * DAY)
    shown = [text for text in _texts(session_id, "episodic", NOW + 5 * DAY + MINUTE) if text.startswith("proposal")]
    assert shown == [f"proposal made: number {number}" for number in range(19, 8, -1)]
    assert Event.objects.filter(session=session_id, kind="proposal.made").count() < len(shown)


def test_pages_go_on_in_the_archive_and_miss_and_repeat_nothing(team):
    session_id, now = _desk(team, **SHORT_LOG), timezone.now()
    for number in range(120):
        _tell(session_id, number, now)
    archive_log(session_id=session_id, now=now)
    url = f"/api/v1/sessions/{session_id}/memory/?kind=episodic"
    shown: list[str] = []
    while url:
        answer = team.client.get(url).json()
        shown += [each["ref"] for each in answer["results"] if each["text"].startswith("proposal")]
        url = answer["next"]
    assert len(shown) == len(set(shown)) == 120
    assert [int(each) for each in shown] == sorted(map(int, shown), reverse=True)


def test_only_so_many_archives_are_read(team, monkeypatch):
    monkeypatch.setattr(recall, "MOST_ARCHIVES", 1)
    session_id = _desk(team, **SHORT_LOG)
    for number in range(40):
        _tell(session_id, number)
        if number % 10 == 9:
            archive_log(session_id=session_id, now=NOW)
    assert Archive.objects.filter(kind="events").count() > 2
    newest = Archive.objects.filter(kind="events").order_by("-seq_to").first()
    rows = recall.recall(session_of(session_id), MemoryKind.EPISODIC, now=NOW + MINUTE)
    assert min(int(row.ref) for row in rows if row.source == "event") == newest.seq_from


def test_archives_are_not_read_for_a_page_that_the_log_fills(team, monkeypatch):
    session_id = _desk(team, **SHORT_LOG)
    for number in range(20):
        _tell(session_id, number)
    archive_log(session_id=session_id, now=NOW)
    monkeypatch.setattr(events, "lines_of", lambda archive: pytest.fail("an archive was read"))
    assert len(_texts(session_id, "episodic", NOW + MINUTE, most=3)) == 3


def test_a_damaged_archive_is_told_of_and_not_passed_over(team):
    session_id = _desk(team, **SHORT_LOG)
    for number in range(20):
        _tell(session_id, number)
    archive_log(session_id=session_id, now=NOW)
    Archive.objects.update(body=b"x")
    with pytest.raises(Conflict, match="does not agree with its hash"):
        _texts(session_id, "episodic", NOW + MINUTE)


@pytest.mark.parametrize(
    ("kind", "text", "kept"),
    [
        ("working", 'focus: "gate 3"', 50 * MINUTE),
        ("working", "Words of plan.", 50 * MINUTE),
        ("episodic", "proposal made: number 1", 3 * DAY),
        ("episodic", "Pump 1 is repaired.", 3 * DAY),
        ("semantic", "Open gate 3.", 5 * DAY),
        ("semantic", "Words of manual.", 5 * DAY),
        ("collective", 'focus: "gate 3"', 7 * DAY),
        ("collective", "Sandbags go to Elm Street.", 7 * DAY),
    ],
)
def test_each_term_ends_what_it_says(team, kind, text, kept):
    past = _desk(team, name="Flood at the Elbe")
    add_fact(locked(past), kind="decision", text="Sandbags go to Elm Street.", actor="key test", now=NOW)
    refresh_likeness(locked(past), now=NOW)
    session_id = _desk(team, "ann", name="Flood at the Elbe again", **KEPT)
    _patch(team, session_id, {"focus": "gate 3"})
    _tell(session_id, 1)
    _checkpoint(session_id, "Pump 1 is repaired.")
    add_fact(locked(session_id), kind="decision", text="Open gate 3.", actor="key test", now=NOW)
    _load(team, session_id, "plan", Component.WORKING_MEMORY)
    _load(team, session_id, "manual", Component.KNOWLEDGE)
    second = timedelta(seconds=1)
    assert text in _texts(session_id, kind, NOW + kept - second)
    assert text not in _texts(session_id, kind, NOW + kept + second)


def test_what_is_pinned_or_still_open_does_not_end(team):
    session_id = _desk(team, "ann", **KEPT)
    add_fact(locked(session_id), kind="open", text="Who pays?", actor="key test", now=NOW)
    add_fact(locked(session_id), kind="constraint", text="At most 12 knots.", actor="key test", now=NOW, is_pinned=True)
    _load(team, session_id, "map", Component.KNOWLEDGE, is_pinned=True)
    later = NOW + 900 * DAY
    assert set(_texts(session_id, "working", later)) == {"Who pays?", "Words of map."}
    assert set(_texts(session_id, "semantic", later)) == {"At most 12 knots.", "Words of map."}


def test_knowledge_that_was_unloaded_is_known_on_and_not_in_use(team):
    session_id = _desk(team, "ann", **KEPT)
    row = _load(team, session_id, "manual", Component.KNOWLEDGE)
    told = {"session_id": session_id, "team_id": team.team_id, "agent": "ann", "epoch": 1, "actor": "key test"}
    unload_item(item_id=row.pk, now=NOW + MINUTE, **told)
    assert _texts(session_id, "semantic", NOW + 4 * DAY) == ["Words of manual."]
    assert _texts(session_id, "semantic", NOW + 6 * DAY) == []
    assert _texts(session_id, "working", NOW + 2 * MINUTE) == []


def test_what_of_the_state_was_written_before_its_event_left_the_log_keeps_its_time(team):
    session_id = _desk(team, **SHORT_LOG, **KEPT)
    _patch(team, session_id, {"focus": "gate 3"}, now=NOW + 8 * DAY)
    for number in range(20):
        _tell(session_id, number, NOW + 8 * DAY)
    archive_log(session_id=session_id, now=NOW + 8 * DAY + MINUTE)
    seq = StateItem.objects.get(session=session_id, key="/focus").changed_seq
    assert not Event.objects.filter(session=session_id, seq=seq).exists()
    assert _texts(session_id, "collective", NOW + 14 * DAY) == ['focus: "gate 3"']
    assert _texts(session_id, "collective", NOW + 16 * DAY) == []
    assert _texts(session_id, "working", NOW + 8 * DAY + 40 * MINUTE) == ['focus: "gate 3"']


def test_warm_items_stay_for_their_term_also_where_a_busy_log_has_been_archived(team):
    session_id = _desk(team, **SHORT_LOG, **KEPT)
    _patch(team, session_id, {"tasks": {"t1": "x" * 2000}})
    for number in range(20):
        _tell(session_id, number)
    archive_log(session_id=session_id, now=NOW + MINUTE)
    for minutes, tier in ((40, Tier.WARM), (51, Tier.COLD)):
        tend_tiers(locked(session_id), actor="cleanup", now=NOW + minutes * MINUTE)
        assert StateItem.objects.get(session=session_id, key="/tasks/t1").tier == tier
