"""What each strategy of cleanup does, and what none does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions_app.domain.cleanup import Action
from sessions_app.domain.terms import STRATEGIES
from sessions_app.domain.words import Component, ItemKind
from tests.unit.sessions_app.cleaning import BODY, NOW, item, message, steps, terms_with, told

LONG = " ".join(f"word{n}" for n in range(200))


def test_of_the_same_text_the_copy_that_was_used_last_stays():
    assert told([item(1, "a b c", idle=9), item(2, "a b c", idle=3), item(3, "a b")], "drop_duplicates") == [
        ("drop_duplicates", "i1", 0)
    ]


def test_of_the_same_text_the_pinned_copy_stays_and_is_named():
    (step,) = steps([item(1, "a b c", idle=9, is_pinned=True), item(2, "a b c")], "drop_duplicates")
    assert (step.items[0].key, step.kept) == ("i2", "The same text stays in the window as i1.")


def test_things_of_unknown_text_are_never_the_same():
    assert told([item(1, tokens=10), item(2, tokens=10)], "drop_duplicates") == []


def test_debug_output_goes_after_two_hours():
    items = [item(n, "a", idle=minutes, kind=ItemKind.DEBUG) for n, minutes in ((1, 119), (2, 120), (3, 500))]
    assert told([*items, item(4, "a b", idle=500)], "drop_debug") == [("drop_debug", "i3", 0), ("drop_debug", "i2", 0)]


def test_finished_tasks_go_at_once():
    task = item(1, "a b", kind=ItemKind.TASK, is_finished=True)
    assert told([task, item(2, "c", kind=ItemKind.TASK)], "archive_finished") == [("archive_finished", "i1", 0)]


def test_a_message_that_a_later_one_repeats_goes():
    one = "the convoy of Bihar leaves the depot with 40 trucks at noon"
    items = [message(1, one, idle=50), message(2, one + " sharp", idle=40), message(3, "thanks a lot", idle=35)]
    (step,) = steps(items, "drop_redundant")
    assert (step.items[0].key, step.kept) == ("i1", "i2 says it again.")


@pytest.mark.parametrize(
    "other",
    [
        "the convoy of Bihar leaves the depot with 45 trucks at noon",
        "the convoy of Bihar never leaves the depot with 40 trucks at noon",
        "the convoy of Assam leaves the depot with 40 trucks at noon",
    ],
)
def test_a_message_that_differs_in_a_number_a_negation_or_a_name_is_no_repeat(other):
    one = "the convoy of Bihar leaves the depot with 40 trucks at noon"
    assert told([message(1, one, idle=50), message(2, other, idle=40)], "drop_redundant") == []


def test_large_things_shrink_to_forty_percent_after_an_hour():
    terms = terms_with("compress_large", large_tokens=100)
    items = [item(1, LONG, idle=60), item(2, LONG, idle=59), item(3, "a b c", idle=600)]
    assert told(items, terms=terms) == [("compress_large", "i1", 80)]


def test_documentation_that_is_not_in_use_shrinks_to_thirty_percent():
    items = [item(n, LONG, idle=idle, kind=ItemKind.DOCUMENTATION) for n, idle in ((1, 29), (2, 30))]
    assert told(items, "compress_documentation") == [("compress_documentation", "i2", 60)]


def test_of_files_and_answers_of_tools_beginning_end_and_telling_lines_stay():
    lines = [f"line {n} is of no use to anybody" for n in range(60)]
    lines[30] = "ERROR: pump 7 does not answer"
    (step,) = steps([item(1, "\n".join(lines), idle=45, kind=ItemKind.TOOL_OUTPUT)], "keep_excerpts")
    kept = step.text.splitlines()
    assert kept[0] == lines[0]
    assert kept[-1] == lines[-1]
    assert lines[30] in kept
    assert any(line.startswith("[... ") for line in kept)
    assert step.tokens_before * 17 // 100 < step.tokens_after <= step.tokens_before * 20 // 100


def test_what_was_shortened_enough_is_not_shortened_again():
    short = item(1, "a b", idle=600, kind=ItemKind.DOCUMENTATION, tokens=2, original_tokens=10, is_shortened=True)
    assert told([short], "compress_documentation") == []


def test_the_older_conversation_is_gathered_into_one_summary():
    items = [message(n, LONG, idle=200 - n) for n in range(1, 6)]
    (step,) = steps([*items, message(9, LONG + " new", idle=60)], "summarise_interactions")
    assert (step.action, [each.key for each in step.items]) == (Action.GATHER, ["i1", "i2", "i3", "i4", "i5"])
    assert step.tokens_after <= 100
    assert step.text.startswith("Summary of 5 earlier messages, i1 to i5:")


def test_the_oldest_conversation_goes_with_its_summaries():
    summary = item(2, "a b", idle=240, component=Component.INTERACTION, kind=ItemKind.SUMMARY)
    items = [message(1, "x", idle=241), summary, message(3, "y", idle=239)]
    assert [key for _, key, _ in told(items, "archive_interactions")] == ["i1", "i2"]


def test_knowledge_that_nobody_asks_for_is_unloaded_after_three_hours():
    items = [item(n, "a", idle=idle, component=Component.KNOWLEDGE) for n, idle in ((1, 179), (2, 180))]
    assert told(items, "unload_knowledge") == [("unload_knowledge", "i2", 0)]


def test_what_was_used_the_longest_ago_is_evicted_only_as_far_as_needed():
    items = [item(n, "a b c", idle=10 - n) for n in range(1, 6)]
    assert [key for _, key, _ in told(items, "evict_least_recent", evict_to=8)] == ["i1", "i2", "i3"]
    assert told(items, "evict_least_recent", evict_to=15) == []
    assert told(items, "evict_least_recent") == []


def test_instructions_are_never_evicted():
    items = [item(1, "a", idle=900, component=Component.SYSTEM), item(2, "b", idle=800, kind=ItemKind.INSTRUCTION)]
    assert told(items, "evict_least_recent", evict_to=0) == []


def test_the_last_half_hour_of_the_conversation_stays_whole():
    items = [message(n, LONG, idle=600, age=29) for n in range(3)]
    kept = told(items, evict_to=0, terms=terms_with())
    assert [name for name, _, _ in kept] == ["drop_duplicates", "drop_duplicates"]


def test_it_stops_where_enough_is_free():
    items = [item(n, "a b c", idle=500 + n, kind=ItemKind.DEBUG) for n in range(5)]
    assert len(told(items, "drop_debug", target=8)) == 3
    assert told(items, "drop_debug", target=15) == []


def test_strategies_run_in_the_order_of_the_policy():
    debug = item(1, "a", idle=200, kind=ItemKind.DEBUG)
    done = item(2, "b", kind=ItemKind.TASK, is_finished=True)
    assert [name for name, _, _ in told([debug, done], "archive_finished", "drop_debug")] == [
        "archive_finished",
        "drop_debug",
    ]


def test_a_pinned_fact_stays_where_its_item_goes():
    said = "Meet at gate 4. Then we had tea and talked about many other things for a long while"
    (step,) = steps([item(1, said, idle=500, kind=ItemKind.DEBUG)], "drop_debug", pinned=("Meet at gate 4.",))
    assert (step.action, step.text) == (Action.SHORTEN, "Meet at gate 4.")
    other = item(2, "We said: Meet at gate 4. Yes")
    (step,) = steps([item(1, said, idle=500, kind=ItemKind.DEBUG), other], "drop_debug", pinned=("Meet at gate 4.",))
    assert step.action == Action.UNLOAD


def _lines(count):
    """A text of so many lines of ten words, no two the same."""
    return "\n".join(f"line {n} tells of what pump {n} did at noon" for n in range(count))


def _window(*, large_idle, idle):
    """A large file, and a small one, an answer of a tool and documentation: together 15,600 tokens."""
    return [
        item(1, _lines(1_200), idle=large_idle, kind=ItemKind.FILE),
        item(2, _lines(100) + " a", idle=idle, kind=ItemKind.FILE),
        item(3, _lines(100) + " b", idle=idle, kind=ItemKind.TOOL_OUTPUT),
        item(4, _lines(160), idle=idle, kind=ItemKind.DOCUMENTATION),
    ]


DEFAULT = terms_with()


@pytest.mark.parametrize("idle", [31, 59])
def test_in_the_default_order_nothing_is_cut_in_a_window_with_room_before_its_time(idle):
    assert told(_window(large_idle=idle, idle=170), terms=DEFAULT, target=None, evict_to=100_000) == []


def test_in_the_default_order_a_large_file_shrinks_to_forty_percent_after_an_hour_and_no_further():
    (step,) = steps(_window(large_idle=60, idle=170), terms=DEFAULT, target=None, evict_to=100_000)
    assert (step.strategy, step.items[0].key) == ("compress_large", "i1")
    assert 12_000 * 38 // 100 < step.tokens_after <= 12_000 * 40 // 100
    shrunk = [replace(step.items[0], text=step.text, tokens=step.tokens_after, is_shortened=True)]
    assert told(shrunk, terms=DEFAULT, target=None, evict_to=100_000) == []


def test_in_the_default_order_a_tight_window_is_cut_where_it_hurts_least_and_only_until_it_is_not():
    window = _window(large_idle=60, idle=40)
    held = sum(each.tokens for each in window)
    names = [name for name, _, _ in told(window, terms=DEFAULT, target=None, evict_to=held - 7_000)]
    assert names == ["compress_large"]
    names = [name for name, _, _ in told(window, terms=DEFAULT, target=None, evict_to=held - 8_000)]
    assert names == ["compress_large", "compress_documentation"]
    names = [name for name, _, _ in told(window, terms=DEFAULT, target=None, evict_to=held - 8_500)]
    assert names == ["compress_large", "compress_documentation", "keep_excerpts"]
    names = [name for name, _, _ in told(window, terms=DEFAULT, target=None, evict_to=1_000)]
    assert names == ["compress_large", "compress_documentation", *["keep_excerpts"] * 3, "evict_least_recent"]


def test_in_the_default_order_excerpts_are_kept_where_somebody_asks_for_room():
    window = _window(large_idle=40, idle=40)
    names = [name for name, _, _ in told(window, terms=DEFAULT, target=5_000, evict_to=None)]
    assert names == ["compress_documentation", "keep_excerpts"]
    assert told(window, terms=DEFAULT, target=sum(each.tokens for each in window), evict_to=None) == []


SAID = ["the", "dam", "holds", "40", "50", "not", "never", "Bihar", "Assam", "water", "at", "pump"]
words = st.lists(st.sampled_from(SAID), max_size=60)
windows = st.lists(
    st.builds(
        lambda said, idle, age, component, kind, pinned, finished, unknown: item(
            0,
            "" if unknown else " ".join(said),
            idle=idle,
            age=max(idle, age),
            component=component,
            kind=kind,
            is_pinned=pinned,
            is_finished=finished,
            tokens=unknown or len(said),
        ),
        words,
        st.integers(0, 400),
        st.integers(0, 400),
        st.sampled_from(Component),
        st.sampled_from(ItemKind),
        st.booleans(),
        st.booleans(),
        st.sampled_from([0, 0, 0, 30]),
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(windows, st.none() | st.integers(0, 200), st.none() | st.integers(0, 200), st.permutations(STRATEGIES))
def test_cleanup_only_ever_frees_and_keeps_what_is_pinned(items, target, evict_to, order):
    items = [replace(each, id=number, key=f"i{number}") for number, each in enumerate(items, 1)]
    pinned = ("the dam holds", "pump 40")
    body = {**BODY["cleanup"], "large_tokens": 20, "order": order}
    plan = steps(items, target=target, evict_to=evict_to, pinned=pinned, terms=terms_with(**body))
    held = sum(each.tokens for each in items)
    window = {each.id: each.text for each in items}
    gathered = []
    for step in plan:
        assert target is None or held > target  # none too many
        is_needed = target is not None or (evict_to is not None and held > evict_to)
        assert is_needed or step.strategy not in ("compress_documentation", "keep_excerpts")
        assert step.freed > 0
        held -= step.freed
        for each in step.items:
            assert not each.is_pinned
            is_recent = each.component == Component.INTERACTION and NOW - each.created_at < timedelta(minutes=30)
            assert not is_recent or step.strategy in (
                "drop_duplicates",
                "drop_debug",
                "archive_finished",
                "unload_knowledge",
            )
            window[each.id] = step.text if step.action == Action.SHORTEN else ""
        gathered += [step.text] * (step.action == Action.GATHER)
    for fact in pinned:
        if any(fact in each.text for each in items):
            assert any(fact in text for text in (*window.values(), *gathered))
