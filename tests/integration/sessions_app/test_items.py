"""Things in a window, and asks for room."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from config.kernel.errors import Conflict, InvalidInput, NotFound
from sessions_app.domain.words import Component, ItemKind
from sessions_app.models import Archive, ContextItem, Event, Session
from sessions_app.selectors.archives import read_body
from sessions_app.services.windows.allocations import Decided, RoomAsk, allocate
from sessions_app.services.windows.items import ItemAsk, ItemChange, change_item, load_items, unload_item
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.sessions_app.test_ladder import fill
from tests.integration.world import NOW, Team, load_world, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    load_world()
    return make_team()


def load(team: Team, session_id: Any, *items: ItemAsk, epoch: int = 1, now: Any = NOW) -> list[ContextItem]:
    return load_items(
        session_id=session_id,
        team_id=team.team_id,
        agent="ann",
        epoch=epoch,
        items=items,
        actor="key test",
        now=now,
    )


def item(key: str = "a.py", **changes: Any) -> ItemAsk:
    return ItemAsk(**{"key": key, "component": Component.KNOWLEDGE, "kind": ItemKind.FILE, **changes})


def change(team: Team, session_id: Any, row: ContextItem, **changes: Any) -> ContextItem:
    values = {"session_id": session_id, "team_id": team.team_id, "agent": "ann", "epoch": 1, "item_id": row.pk}
    return change_item(**values, change=ItemChange(**changes), actor="key test", now=NOW + timedelta(hours=1))


def unload(team: Team, session_id: Any, row: ContextItem) -> ContextItem:
    values = {"session_id": session_id, "team_id": team.team_id, "agent": "ann", "epoch": 1, "item_id": row.pk}
    return unload_item(**values, actor="key test", now=NOW)


def ask(team: Team, session_id: Any, tokens: int, *, now: Any = NOW, **changes: Any) -> Decided:
    values = {"agent": "ann", "epoch": 1, "component": Component.KNOWLEDGE, "tokens": tokens, **changes}
    return allocate(session_id=session_id, team_id=team.team_id, ask=RoomAsk(**values), actor="key test", now=now)


def verdicts(session_id: Any) -> list[tuple[str, int]]:
    events = Event.objects.filter(session=session_id, kind="allocation.decided").order_by("seq")
    return [(event.facts["verdict"], event.facts["granted_tokens"]) for event in events]


def test_what_is_loaded_counts_in_its_component_by_its_text(team):
    session_id = open_desk(team, "ann")
    (row,) = load(team, session_id, item(text="one two three"))
    assert (row.tokens, row.original_tokens, row.status) == (3, 3, "live")
    assert instance_of(session_id, "ann").component_tokens["knowledge"] == 3
    event = Event.objects.get(kind="item.loaded")
    assert event.facts["items"] == [{"id": row.pk, "key": "a.py", "component": "knowledge", "tokens": 3}]


def test_the_same_thing_again_is_used_and_changes_nothing_else(team):
    session_id = open_desk(team, "ann")
    load(team, session_id, item(text="one two three"))
    head = session_of(session_id).head_seq
    (row,) = load(team, session_id, item(text="one two three"), now=NOW + timedelta(hours=1))
    assert row.last_access_at == NOW + timedelta(hours=1)
    assert session_of(session_id).head_seq == head
    assert instance_of(session_id, "ann").context_tokens == 3


def test_a_thing_that_is_replaced_is_archived_and_counts_as_it_is_now(team):
    session_id = open_desk(team, "ann")
    (first,) = load(team, session_id, item(text="one two three"))
    (again,) = load(team, session_id, item(text="four", component=Component.AGENT))
    assert (again.pk, again.tokens) == (first.pk, 1)
    assert read_body(Archive.objects.get()) == "one two three"
    held = instance_of(session_id, "ann").component_tokens
    assert (held["knowledge"], held["agent"]) == (0, 1)


def test_what_was_counted_before_is_itemised_without_counting_it_twice(team):
    session_id = open_desk(team, "ann")
    ask(team, session_id, 1_000)
    load(team, session_id, item("a", tokens=600, is_counted=True), item("b", tokens=300, is_counted=True))
    assert instance_of(session_id, "ann").component_tokens["knowledge"] == 1_000
    load(team, session_id, item("c", tokens=200, is_counted=True))
    assert instance_of(session_id, "ann").component_tokens["knowledge"] == 1_100


def test_what_is_dropped_is_archived_first_and_once(team):
    session_id = open_desk(team, "ann")
    told, sized = load(team, session_id, item(text="one two three"), item("b.bin", tokens=40, locator="disk/b.bin"))
    for row in (told, told, sized):
        unload(team, session_id, row)
    assert instance_of(session_id, "ann").context_tokens == 0
    assert Archive.objects.count() == 2
    assert read_body(ContextItem.objects.get(key="a.py").archive) == "one two three"
    assert "disk/b.bin" in read_body(ContextItem.objects.get(key="b.bin").archive)
    assert Event.objects.filter(kind="item.removed").count() == 2
    (back,) = load(team, session_id, item(text="one two three"))
    assert (back.pk, back.status, back.tokens) == (told.pk, "live", 3)


def test_a_pinned_item_is_not_dropped_before_it_is_unpinned(team):
    session_id = open_desk(team, "ann")
    (row,) = load(team, session_id, item(text="one two three", is_pinned=True))
    with pytest.raises(Conflict) as refused:
        unload(team, session_id, row)
    assert refused.value.code == "pinned"
    assert not Archive.objects.exists()
    change(team, session_id, row, is_pinned=False)
    assert unload(team, session_id, row).status == "unloaded"
    with pytest.raises(Conflict) as refused:
        change(team, session_id, row, is_pinned=True)
    assert refused.value.code == "not_whole"


def test_using_an_item_is_no_event_and_finishing_its_task_is_one(team):
    session_id = open_desk(team, "ann")
    (row,) = load(team, session_id, item(text="one two three"))
    head = session_of(session_id).head_seq
    assert change(team, session_id, row, was_used=True).last_access_at == NOW + timedelta(hours=1)
    assert session_of(session_id).head_seq == head
    assert change(team, session_id, row, is_finished=True).is_finished
    assert Event.objects.get(seq=head + 1).kind == "item.changed"


def test_an_item_of_another_window_is_not_there(team):
    session_id = open_desk(team, "ann", "bob")
    (row,) = load(team, session_id, item(text="one"))
    values = {"session_id": session_id, "team_id": team.team_id, "agent": "bob", "epoch": 1, "item_id": row.pk}
    with pytest.raises(NotFound):
        unload_item(**values, actor="key test", now=NOW)


def test_nothing_more_is_loaded_than_the_window_holds(team):
    session_id = open_desk(team, "ann")
    with pytest.raises(Conflict) as refused:
        load(team, session_id, item("a", tokens=5_000), item("b", tokens=4_001))
    assert refused.value.code == "window_full"
    assert not ContextItem.objects.exists()
    assert instance_of(session_id, "ann").context_tokens == 0


def test_a_full_window_takes_nothing_new_but_what_it_has_may_be_told_and_dropped(team):
    session_id = open_desk(team, "ann")
    (row,) = load(team, session_id, item("a", tokens=500, kind=ItemKind.INSTRUCTION))
    fill(session_id, 7_600)
    for refusable in (lambda: load(team, session_id, item("b", tokens=1)), lambda: ask(team, session_id, 10)):
        with pytest.raises(Conflict) as refused:
            refusable()
        assert refused.value.code == "window_full"
    assert not ContextItem.objects.filter(key="b").exists()
    assert verdicts(session_id) == [("denied", 0)]
    load(team, session_id, item("c", tokens=5, component=Component.WORKING_MEMORY, is_counted=True))
    unload(team, session_id, row)
    assert instance_of(session_id, "ann").context_tokens == 7_600


def test_a_pin_that_a_perpetual_window_cannot_keep_is_refused(team):
    session_id = open_desk(team, "ann", profile=Session.Profile.PERPETUAL)
    with pytest.raises(Conflict) as refused:
        load(team, session_id, item(tokens=1_000, is_pinned=True))
    assert (refused.value.code, refused.value.facts["floor_tokens"]) == ("pinned_exceed_perpetual", 1_000)
    load(team, session_id, item(tokens=900, is_pinned=True))
    (other,) = load(team, session_id, item("b", tokens=99))
    change(team, session_id, other, is_pinned=True)
    assert ContextItem.objects.filter(is_pinned=True).count() == 2
    assert instance_of(session_id, "ann").context_tokens == 999


def test_the_wrong_epoch_loads_nothing(team):
    session_id = open_desk(team, "ann")
    with pytest.raises(Conflict) as refused:
        load(team, session_id, item(tokens=1), epoch=7)
    assert refused.value.code == "stale_epoch"
    assert not ContextItem.objects.exists()


def test_room_is_granted_within_the_share_of_a_component_and_counts_at_once(team):
    session_id = open_desk(team, "ann")
    decided = ask(team, session_id, 1_800)
    assert (decided.facts["verdict"], decided.facts["component_tokens"]) == ("granted", 1_800)
    assert instance_of(session_id, "ann").context_tokens == 1_800
    assert ask(team, session_id, 1).facts["reason"] == "component_full"
    assert verdicts(session_id) == [("granted", 1_800), ("denied", 0)]


def test_a_part_is_granted_where_a_part_is_of_use(team):
    session_id = open_desk(team, "ann")
    assert ask(team, session_id, 2_000, least_tokens=1_900).facts["verdict"] == "denied"
    decided = ask(team, session_id, 2_000, least_tokens=1_000)
    assert (decided.facts["verdict"], decided.facts["granted_tokens"]) == ("partial", 1_800)


def test_nothing_leaves_other_components_for_what_cannot_be_granted(team):
    session_id = open_desk(team, "ann")
    load(team, session_id, item("a.py", tokens=2_500, component=Component.WORKING_MEMORY))
    assert ask(team, session_id, 9_000, least_tokens=5_000).facts["reason"] == "component_full"
    assert ask(team, session_id, 9_000, least_tokens=100).facts["verdict"] == "partial"
    assert instance_of(session_id, "ann").context_tokens == 2_500 + 1_800
    assert not Archive.objects.exists()


def test_what_is_old_makes_room_in_its_component(team):
    session_id = open_desk(team, "ann")
    load(
        team, session_id, item("log-1", tokens=900, kind=ItemKind.DEBUG), item("log-2", tokens=800, kind=ItemKind.DEBUG)
    )
    decided = ask(team, session_id, 1_000, now=NOW + timedelta(hours=3))
    assert (decided.facts["verdict"], decided.facts["granted_tokens"]) == ("after_cleanup", 1_000)
    assert Archive.objects.count() == 1
    assert instance_of(session_id, "ann").component_tokens["knowledge"] <= 1_800


def test_no_more_than_the_window_takes_is_granted(team):
    session_id = open_desk(team, "ann")
    fill(session_id, 7_400)
    decided = ask(team, session_id, 1_000)
    assert (decided.facts["verdict"], decided.facts["granted_tokens"]) == ("partial", 599)
    assert "refuse" not in instance_of(session_id, "ann").fired_rungs


def test_the_same_key_is_decided_once(team):
    session_id = open_desk(team, "ann")
    first = ask(team, session_id, 1_000, key="k" * 250)
    again = ask(team, session_id, 1_000, key="k" * 250)
    assert (again.seq, again.was_replayed) == (first.seq, True)
    assert instance_of(session_id, "ann").context_tokens == 1_000
    with pytest.raises(InvalidInput) as refused:
        ask(team, session_id, 999, key="k" * 250)
    assert refused.value.code == "key_reused"


def test_less_asked_for_than_is_of_use_is_refused(team):
    session_id = open_desk(team, "ann")
    with pytest.raises(InvalidInput) as refused:
        ask(team, session_id, 10, least_tokens=11)
    assert refused.value.field == "least_tokens"
    assert verdicts(session_id) == []
