"""The continuity document."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as some

from sessions_app.domain.continuity import SECTIONS, Held, Known, Notes, Point, Seat, compose
from sessions_app.domain.words import FactKind

AT = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)


def count(text: str) -> int:
    """About what a tokeniser says."""
    return (len(text.encode()) + 2) // 3


def point(**changes) -> Point:
    values = {
        "session_id": "3f0c",
        "name": "Flood desk",
        "purpose": "",
        "mode": "council",
        "seq": 7,
        "at": AT,
        "digest": "00" * 32,
        "state": {},
    }
    return Point(**{**values, **changes})


def known(number, text="something", kind=FactKind.DECISION, is_pinned=False) -> Known:
    return Known(number=number, kind=kind, text=text, is_pinned=is_pinned)


def tokens_of(body) -> int:
    return count(json.dumps(body, ensure_ascii=False, separators=(",", ":")))


def test_each_thing_stands_in_its_section():
    body = compose(
        point(
            state={
                "focus": "tents",
                "coordination": ["depot at noon"],
                "decisions": {"d1": "by road"},
                "artefacts": {"map": "s3://maps/1"},
                "roles": {"a": "lead"},
                "other": "not told",
            },
            facts=[
                known(1, "Never at night.", FactKind.CONSTRAINT, is_pinned=True),
                known(2, "By road.", FactKind.DECISION),
                known(3, "Is Afgooye open?", FactKind.OPEN),
                known(4, "The ferry sank.", FactKind.FAILED),
                known(5, "Plan in /plans/1.", FactKind.ARTIFACT),
                known(6, "Only French.", FactKind.PREFERENCE),
            ],
            held=[
                Held(agent="a", key="count tents", is_task=True, is_finished=True, locator=""),
                Held(agent="a", key="call depot", is_task=True, is_finished=False, locator="/tasks/9"),
            ],
            seats=[Seat(agent="a", role="analyst", epoch=2, context_tokens=10, window_tokens=100)],
            notes=Notes(lines={"done": ["Read all reports."], "resume": ["Call Maria."]}),
        ),
        most_tokens=2000,
        count=count,
    ).body
    assert body["pinned"] == ["#1 constraint: Never at night."]
    assert body["done"] == ["count tents (a)", "Read all reports."]
    assert body["in_progress"] == ["tents", "call depot (a)"]
    assert body["next"] == ["#3 open: Is Afgooye open?", "depot at noon"]
    assert body["decisions"] == ["#2 decision: By road.", "d1: by road"]
    assert body["problems"] == ["#4 failed: The ferry sank."]
    assert body["constraints"] == ["#6 preference: Only French."]
    assert body["where"] == ["#5 artifact: Plan in /plans/1.", "map: s3://maps/1", "call depot: /tasks/9"]
    assert body["agents"] == [
        {"agent": "a", "role": "lead", "epoch": 2, "context_tokens": 10, "window_tokens": 100},
    ]
    assert body["resume"][0] == "Call Maria."
    assert "GET /api/v1/sessions/3f0c/state/?at=7" in body["resume"][1]
    assert body["left_out"] == {}


def test_what_does_not_fit_is_counted_and_the_newest_decisions_stay():
    facts = [known(number, f"Decision number {number} about something.") for number in range(1, 201)]
    document = compose(point(facts=facts), most_tokens=1000, count=count)
    told = document.body["decisions"]
    assert document.tokens <= 1000
    assert told[-1] == "#200 decision: Decision number 200 about something."
    assert document.body["left_out"]["decisions"] == 200 - len(told) > 0


def test_a_fact_stands_whole_or_not_at_all():
    long = "word " * 500
    body = compose(point(facts=[known(1, long), known(2, "short")]), most_tokens=600, count=count).body
    assert body["decisions"] == ["#2 decision: short"]
    assert body["left_out"] == {"decisions": 1}


def test_pinned_facts_go_before_everything_else():
    facts = [known(1, "p" * 900, is_pinned=True), known(2, "q" * 900, is_pinned=False)]
    held = [Held(agent="a", key=f"task {n}", is_task=True, is_finished=False, locator="") for n in range(50)]
    body = compose(point(facts=facts, held=held), most_tokens=700, count=count).body
    assert len(body["pinned"]) == 1
    assert body["decisions"] == []


@given(
    texts=some.lists(some.text(max_size=400), max_size=40),
    pinned=some.integers(0, 40),
    most_tokens=some.integers(1, 3000),
)
def test_it_is_never_larger_than_asked_and_loses_count_of_nothing(texts, pinned, most_tokens):
    kinds = list(FactKind)
    facts = [
        known(number, text or "-", kinds[number % len(kinds)], is_pinned=number < pinned)
        for number, text in enumerate(texts)
    ]
    wanted = point(facts=facts, state={"focus": texts, "roles": "odd", "artefacts": {"x": texts}})
    document = compose(wanted, most_tokens=most_tokens, count=count)
    frame = compose(wanted, most_tokens=0, count=count).tokens
    assert document.tokens == tokens_of(document.body) <= max(most_tokens, frame)
    everything = compose(wanted, most_tokens=10**9, count=count).body
    for name in SECTIONS:
        assert len(document.body[name]) + document.body["left_out"].get(name, 0) == len(everything[name])
    json.dumps(document.body, ensure_ascii=False).encode()
