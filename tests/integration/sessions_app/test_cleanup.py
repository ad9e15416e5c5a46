"""Cleanup of windows: archive first, free, and get everything back."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.kernel.errors import Conflict, NotFound
from sessions_app.domain.words import Component, ItemKind
from sessions_app.models import Archive, ContextItem, Event, Fact, Session
from sessions_app.selectors.archives import list_archives, read_body
from sessions_app.services.archiving import keep
from sessions_app.services.cleanup import compact
from sessions_app.services.cleanup.cleaning import CleanupAsk, clean_up, restore
from sessions_app.services.cleanup.tending import tend_cleanup, tend_session
from sessions_app.services.lives import end_session
from sessions_app.services.log import locked
from sessions_app.services.reference import load_reference
from sessions_app.services.windows.items import ItemAsk, load_items
from tests.integration.budgets.twin_trees import Crash, crashing_at
from tests.integration.sessions_app.desk import instance_of, open_desk, session_of
from tests.integration.sessions_app.test_usage import tell
from tests.integration.world import NOW, make_team, undone

pytestmark = pytest.mark.django_db
PROSE = " ".join(
    f"On day {n} the team at site {n} found {n * 3} broken pumps and decided to send {n + 2} engineers by road."
    for n in range(30)
)


@pytest.fixture
def team():
    load_reference(now=NOW)
    return make_team()


def put(team, session_id, *items, agent="ann", idle=0, **changes):
    """Load items of (key, text), unused for so many minutes."""
    asks = [
        ItemAsk(**{"key": key, "component": Component.WORKING_MEMORY, "kind": ItemKind.OTHER, "text": text, **changes})
        for key, text in items
    ]
    at = NOW - timedelta(minutes=idle)
    told = {"session_id": session_id, "team_id": team.team_id, "agent": agent, "epoch": 1, "actor": "key test"}
    return load_items(items=asks, now=at, **told)


def clean(team, session_id, now=NOW, **ask):
    """Ask for a cleanup of the one agent."""
    told = {"session_id": session_id, "team_id": team.team_id, "actor": "key test", "now": now}
    return clean_up(ask=CleanupAsk(**ask), **told)


def back(team, session_id, archive_id, now=NOW):
    """Restore from an archive."""
    return restore(session_id=session_id, team_id=team.team_id, archive_id=archive_id, actor="key test", now=now)


def rows_of(session_id):
    """Everything that a cleanup may change, as it is."""
    items = ContextItem.objects.filter(instance__session=session_id).order_by("pk")
    instance = instance_of(session_id, "ann")
    return (
        list(items.values_list("key", "text", "tokens", "status", "archive_id")),
        (instance.context_tokens, instance.component_tokens, instance.fired_rungs),
        list(Archive.objects.filter(session=session_id).values_list("pk", "title")),
        session_of(session_id).head_seq,
    )


def test_what_leaves_a_window_is_archived_whole_and_comes_back(team):
    session_id = open_desk(team, "ann")
    put(team, session_id, ("log", "DEBUG pump 7 started"), ("log 2", "DEBUG pump 8"), kind=ItemKind.DEBUG, idle=130)
    put(team, session_id, ("plan", "Send two trucks"))
    before = instance_of(session_id, "ann").context_tokens
    (done,) = clean(team, session_id)
    assert [each.strategy for each in done.freed.steps] == ["drop_debug", "drop_debug"]
    instance = instance_of(session_id, "ann")
    assert instance.context_tokens == before - sum(each.tokens_before for each in done.freed.steps)
    row = ContextItem.objects.get(key="log")
    assert (row.status, row.text, row.tokens) == ("unloaded", "", 0)
    assert read_body(row.archive) == "DEBUG pump 7 started"
    back(team, session_id, row.archive_id)
    row.refresh_from_db()
    assert (row.status, row.text, row.tokens) == ("live", "DEBUG pump 7 started", row.original_tokens)
    other = next(each for each in done.freed.steps if each.keys == ("log 2",))
    assert instance_of(session_id, "ann").context_tokens == before - other.tokens_before
    assert Archive.objects.get(title="log").restored_at == NOW


def test_the_log_tells_what_was_freed_by_which_strategy(team):
    session_id = open_desk(team, "ann")
    put(team, session_id, ("log", "DEBUG pump 7 started"), kind=ItemKind.DEBUG, idle=130)
    (done,) = clean(team, session_id)
    event = Event.objects.get(session=session_id, kind="cleanup.done")
    archive = Archive.objects.get()
    assert (event.seq, event.facts["agent"], event.facts["reason"]) == (done.freed.seq, "ann", "asked")
    assert event.facts["freed_by_strategy"] == {"drop_debug": done.freed.tokens_before}
    assert event.facts["steps"] == [["drop_debug", "log", done.freed.tokens_before, archive.pk]]


def test_where_nothing_is_due_nothing_is_told(team):
    session_id = open_desk(team, "ann")
    put(team, session_id, ("plan", "Send two trucks"))
    before = rows_of(session_id)
    (done,) = clean(team, session_id)
    assert (done.freed.steps, done.freed.seq) == ((), None)
    assert rows_of(session_id) == before


def test_a_dry_run_says_the_same_and_changes_nothing(team):
    session_id = open_desk(team, "ann")
    put(team, session_id, ("doc", PROSE), kind=ItemKind.DOCUMENTATION, idle=45)
    before = rows_of(session_id)
    (foreseen,) = clean(team, session_id, is_dry_run=True)
    assert rows_of(session_id) == before
    (done,) = clean(team, session_id)
    assert [(each.keys, each.tokens_after, each.text) for each in done.freed.steps] == [
        (each.keys, each.tokens_after, each.text) for each in foreseen.freed.steps
    ]
    assert done.freed.tokens_after == foreseen.freed.tokens_after


def test_a_shortened_item_keeps_one_archive_of_the_whole(team):
    session_id = open_desk(team, "ann")
    put(team, session_id, ("doc", PROSE), kind=ItemKind.DOCUMENTATION, component=Component.KNOWLEDGE, idle=45)
    clean(team, session_id, target_tokens=0)
    row = ContextItem.objects.get(key="doc")
    assert row.status == "compressed"
    assert 0 < row.tokens <= row.original_tokens * 30 // 100
    clean(team, session_id, now=NOW + timedelta(hours=3))
    row.refresh_from_db()
    assert row.status == "unloaded"
    assert read_body(Archive.objects.get()) == PROSE
    assert bytes(row.text_sha256) == sha256(PROSE.encode()).digest()
    restored = back(team, session_id, row.archive_id, now=NOW + timedelta(hours=3))
    assert (restored.text, restored.tokens) == (PROSE, row.original_tokens)


def test_the_tender_cuts_files_and_documentation_only_by_their_age_or_for_room(team):
    session_id = open_desk(team, "ann")
    Session.objects.filter(pk=session_id).update(overrides={"cleanup.large_tokens": 500})
    lines = "\n".join(f"Pump {n} moves {n * 7} litres." for n in range(80))
    put(team, session_id, ("file", lines), kind=ItemKind.FILE, idle=45)
    put(team, session_id, ("answer", lines[:600]), kind=ItemKind.TOOL_OUTPUT, idle=170)
    put(team, session_id, ("manual", PROSE), kind=ItemKind.DOCUMENTATION, idle=170)
    assert tend_session(session_id=session_id, now=NOW) == 0
    file, answer, manual = (ContextItem.objects.get(key=key) for key in ("file", "answer", "manual"))
    assert tend_session(session_id=session_id, now=NOW + timedelta(minutes=15)) > 0
    file.refresh_from_db()
    assert file.original_tokens * 35 // 100 < file.tokens <= file.original_tokens * 40 // 100
    assert {row.status for row in ContextItem.objects.exclude(key="file")} == {"live"}
    put(
        team, session_id, ("more", ""), kind=ItemKind.TASK, tokens=7_200 - instance_of(session_id, "ann").context_tokens
    )
    tend_session(session_id=session_id, now=NOW + timedelta(minutes=15))
    for row, percent in ((manual, 30), (answer, 20)):
        row.refresh_from_db()
        assert row.tokens <= row.original_tokens * percent // 100


def test_an_old_conversation_becomes_a_summary_that_can_be_taken_apart(team):
    session_id = open_desk(team, "ann")
    talk = [(f"m{n}", PROSE[n * 90 : n * 90 + 500]) for n in range(4)]
    put(team, session_id, *talk, kind=ItemKind.MESSAGE, component=Component.INTERACTION, idle=130)
    (done,) = clean(team, session_id)
    (step,) = done.freed.steps
    summary = ContextItem.objects.get(instance__session=session_id, status="live")
    assert (summary.kind, summary.text, summary.tokens) == ("summary", step.text, step.tokens_after)
    assert instance_of(session_id, "ann").component_tokens["interaction"] == summary.tokens
    assert [read_body(each) for each in Archive.objects.order_by("pk")] == [text for _, text in talk]
    back(team, session_id, step.archives[1])
    assert ContextItem.objects.get(key="m1").text == talk[1][1]


def test_an_item_of_which_only_the_size_is_known_is_archived_as_where_it_lies(team):
    session_id = open_desk(team, "ann")
    put(
        team, session_id, ("map", ""), tokens=500, locator="file:///maps/north", component=Component.KNOWLEDGE, idle=200
    )
    clean(team, session_id)
    archive = Archive.objects.get()
    assert '"locator":"file:///maps/north"' in read_body(archive)
    assert list_archives(session_id, query="maps north")[0].id == archive.pk
    restored = back(team, session_id, archive.pk)
    assert (restored.text, restored.tokens, restored.locator) == ("", 500, "file:///maps/north")


def test_above_three_quarters_what_was_used_the_longest_ago_goes_until_the_target(team):
    session_id = open_desk(team, "ann")
    for minutes in (25, 20, 15, 10):
        put(team, session_id, (f"file {minutes}", ""), tokens=1_500, locator="x", idle=minutes)
    session, instance = locked(session_id), instance_of(session_id, "ann")
    told = {"reason": "test", "actor": "key test", "now": NOW}
    assert compact(session, instance, target_tokens=3_000, **told).steps == ()  # 70 % with the next output
    freed = compact(session, instance, target_tokens=3_000, coming_tokens=2_000, **told)
    assert [each.keys for each in freed.steps] == [("file 25",), ("file 20",)]
    assert instance_of(session_id, "ann").context_tokens == freed.tokens_after == 3_000


def test_a_component_is_cleaned_up_for_itself(team):
    session_id = open_desk(team, "ann")
    put(team, session_id, ("k", "DEBUG a"), component=Component.KNOWLEDGE, kind=ItemKind.DEBUG, idle=130)
    put(team, session_id, ("w", "DEBUG b"), kind=ItemKind.DEBUG, idle=130)
    (done,) = clean(team, session_id, component=Component.KNOWLEDGE, target_tokens=0)
    assert [each.keys for each in done.freed.steps] == [("k",)]
    assert done.missing_tokens == 0


def test_room_is_made_before_a_task_begins_and_what_is_missing_is_said(team):
    session_id = open_desk(team, "ann")
    put(team, session_id, ("old", ""), tokens=3_000, locator="x", idle=40)
    (done,) = clean(team, session_id, task={"files": 1})
    assert [each.strategy for each in done.freed.steps] == ["evict_least_recent"]
    assert (done.freed.tokens_after, done.missing_tokens) == (0, 0)


def test_what_does_not_fit_is_not_restored(team):
    session_id = open_desk(team, "ann")
    put(team, session_id, ("map", ""), tokens=5_000, locator="x", component=Component.KNOWLEDGE, idle=200)
    clean(team, session_id)
    put(team, session_id, ("new", ""), tokens=5_000, locator="y")
    before = rows_of(session_id)
    with pytest.raises(Conflict) as refused:
        back(team, session_id, Archive.objects.get().pk)
    assert (refused.value.code, refused.value.facts["needed_tokens"]) == ("window_full", 5_000)
    assert rows_of(session_id) == before


def test_restoring_again_changes_nothing(team):
    session_id = open_desk(team, "ann")
    put(team, session_id, ("log", "DEBUG a"), kind=ItemKind.DEBUG, idle=130)
    clean(team, session_id)
    back(team, session_id, Archive.objects.get().pk)
    before = rows_of(session_id)
    back(team, session_id, Archive.objects.get().pk)
    assert rows_of(session_id) == before


def test_what_came_back_is_not_archived_twice(team):
    session_id = open_desk(team, "ann")
    put(team, session_id, ("log", "DEBUG a"), kind=ItemKind.DEBUG, idle=130)
    for hours in (0, 3, 6):
        clean(team, session_id, now=NOW + timedelta(hours=hours))
        back(team, session_id, Archive.objects.get().pk, now=NOW + timedelta(hours=hours))
    assert Archive.objects.count() == 1


def test_a_damaged_archive_is_told_and_never_relied_on(team):
    session_id = open_desk(team, "ann")
    put(team, session_id, ("doc", PROSE), kind=ItemKind.DOCUMENTATION, component=Component.KNOWLEDGE, idle=45)
    clean(team, session_id, target_tokens=0)
    short = ContextItem.objects.get(key="doc").text
    Archive.objects.update(body=b"not what it was")
    with pytest.raises(Conflict) as refused:
        back(team, session_id, Archive.objects.get().pk)
    assert refused.value.code == "archive_damaged"
    assert ContextItem.objects.get(key="doc").status == "compressed"
    clean(team, session_id, now=NOW + timedelta(hours=3))
    row = ContextItem.objects.get(key="doc")
    assert (row.status, read_body(row.archive)) == ("unloaded", short)  # what was left of it


def test_a_pinned_fact_stays_in_the_window_where_its_message_goes(team):
    session_id = open_desk(team, "ann")
    said = "Meet at gate 4 at noon. " + PROSE
    put(team, session_id, ("m", said), kind=ItemKind.MESSAGE, component=Component.INTERACTION, idle=300)
    Fact.objects.create(
        session_id=session_id,
        number=1,
        kind="decision",
        text="Meet at gate 4 at noon.",
        is_pinned=True,
        from_seq=1,
        at=NOW,
    )
    clean(team, session_id)
    assert ContextItem.objects.get(key="m").text == "Meet at gate 4 at noon."


def test_an_archive_of_another_kind_or_session_is_not_restored(team):
    session_id, other_id = open_desk(team, "ann"), open_desk(team, "bob")
    told = {"title": "t", "body": "[]", "text": "", "tokens": 0, "now": NOW}
    archive = keep(session_of(session_id), kind=Archive.Kind.TURN, **told)
    with pytest.raises(Conflict) as refused:
        back(team, session_id, archive.pk)
    assert refused.value.code == "not_restorable"
    with pytest.raises(NotFound):
        back(team, other_id, archive.pk)
    assert Archive.objects.get().restored_at is None


def test_an_ended_session_is_not_cleaned_up(team):
    session_id = open_desk(team, "ann")
    put(team, session_id, ("log", "DEBUG a"), kind=ItemKind.DEBUG, idle=130)
    end_session(session_id=session_id, team_id=team.team_id, actor="key test", now=NOW)
    with pytest.raises(Conflict) as refused:
        clean(team, session_id)
    assert refused.value.code == "session_ended"
    assert tend_cleanup(now=NOW) == 0
    assert ContextItem.objects.get(key="log").status == "live"


def test_the_tender_cleans_up_what_is_due_once(team):
    session_id, quiet_id = open_desk(team, "ann"), open_desk(team, "bob")
    put(team, session_id, ("log", "DEBUG pump 7"), kind=ItemKind.DEBUG, idle=130)
    head = session_of(quiet_id).head_seq
    assert tend_cleanup(now=NOW) > 0
    seq = session_of(session_id).head_seq
    assert tend_cleanup(now=NOW + timedelta(minutes=1)) == 0
    assert (session_of(session_id).head_seq, session_of(quiet_id).head_seq) == (seq, head)


def test_the_tender_makes_room_before_a_growing_window_is_full(team):
    session_id = open_desk(team, "ann")
    put(team, session_id, ("old", ""), tokens=2_000, locator="x", idle=25)
    tell(team, session_id, "c1", components={Component.INTERACTION: 1_000})
    tell(team, session_id, "c2", components={Component.INTERACTION: 3_200})
    assert instance_of(session_id, "ann").context_tokens == 5_200  # 62 %
    assert tend_cleanup(now=NOW) == 2_000
    assert ContextItem.objects.get(key="old").status == "unloaded"


def test_a_crash_at_any_statement_leaves_all_or_nothing(team):
    session_id = open_desk(team, "ann")
    put(team, session_id, ("log", "DEBUG a"), kind=ItemKind.DEBUG, idle=130)
    put(team, session_id, ("doc", PROSE), kind=ItemKind.DOCUMENTATION, idle=45)
    talk = [(f"m{n}", PROSE[:400] + str(n)) for n in range(3)]
    put(team, session_id, *talk, kind=ItemKind.MESSAGE, component=Component.INTERACTION, idle=130)
    before = rows_of(session_id)
    with undone():
        clean(team, session_id)
        after = rows_of(session_id)
    statement = 0
    while True:
        statement += 1
        try:
            with undone(), crashing_at(statement):
                clean(team, session_id)
                done = True
                break
        except Crash:
            done = False
        assert rows_of(session_id) == before
    assert done
    assert statement > 20
    clean(team, session_id)
    told = rows_of(session_id)
    assert [row[:4] for row in told[0]] == [row[:4] for row in after[0]]
    assert told[1] == after[1]


steps = st.lists(
    st.tuples(st.sampled_from(["clean", "squeeze", "restore", "put", "wait"]), st.integers(0, 9)), max_size=14
)


@pytest.fixture
def desk(team):
    session_id = open_desk(team, "ann")
    put(team, session_id, ("pinned", "The dam holds 40 m"), is_pinned=True)
    return team, session_id


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_nothing_leaves_a_window_without_a_whole_copy_of_it(desk, plan):
    team, session_id = desk
    with undone():
        now, told = NOW, {"pinned": "The dam holds 40 m"}
        for what, number in plan:
            held = instance_of(session_id, "ann").context_tokens
            if what == "put":
                kind = list(ItemKind)[number]
                text = f"{kind} number {len(told)}: " + PROSE[: 300 + 40 * number]
                told[f"i{number}"] = text
                load = {"session_id": session_id, "team_id": team.team_id, "agent": "ann", "epoch": 1, "actor": "t"}
                ask = ItemAsk(key=f"i{number}", component=list(Component)[number % 5], kind=kind, text=text)
                load_items(items=[ask], now=now, **load)
            elif what == "wait":
                now += timedelta(minutes=30 * number)
            elif what == "restore":
                found = Archive.objects.filter(session=session_id, title=f"i{number}").last()
                if found and ContextItem.objects.filter(archive=found).exists():
                    back(team, session_id, found.pk, now=now)
            else:
                target = 0 if what == "squeeze" else None
                clean(team, session_id, now=now, target_tokens=target, task=None)
                assert instance_of(session_id, "ann").context_tokens <= held
            instance = instance_of(session_id, "ann")
            rows = {row.key: row for row in ContextItem.objects.filter(instance=instance).select_related("archive")}
            assert (
                instance.context_tokens
                == sum(instance.component_tokens.values())
                == sum(r.tokens for r in rows.values())
            )
            for key, text in told.items():
                row = rows[key]
                assert (row.text if row.status == "live" else read_body(row.archive)) == text
            assert rows["pinned"].status == "live"
