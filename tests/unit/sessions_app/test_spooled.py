"""A checkpoint that waits outside of the database."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest import mock
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sessions_app.domain import spooled
from sessions_app.domain.spooled import Damaged, Spooled, hash_of_agent, read, shortened, written
from sessions_app.domain.words import Reason

TEXTS = some.text(max_size=3000) | some.just("\N{SNOWMAN}\0\ud800" * 900) | some.just('"\\' * 1500)
ENTRIES = some.builds(
    Spooled,
    key=some.just("checkpoint:" + "f" * 64),
    session_id=some.uuids(),
    team_id=some.integers(1, 2**63 - 1),
    reason=some.sampled_from(Reason),
    actor=some.text(max_size=120) | some.just("\N{GRINNING FACE}" * 120),
    at=some.datetimes(timezones=some.just(UTC)),
    agent_hash=some.none() | some.text(max_size=80).map(hash_of_agent) | some.just(hash_of_agent("\ud800" * 80)),
    epoch=some.none() | some.integers(1, 2**31 - 1),
    seq=some.none() | some.integers(0, 2**63 - 1),
    summary=some.none() | TEXTS,
    source=some.none() | TEXTS,
    notes=some.dictionaries(some.sampled_from(["done", "next"]), some.lists(TEXTS, max_size=2)),
)


ENTRY = Spooled(
    key="k",
    session_id=UUID(int=1),
    team_id=1,
    reason=Reason.MANUAL,
    actor="key test",
    at=datetime(2026, 3, 4, tzinfo=UTC),
    summary="40 tents",
)


@given(entry=ENTRIES)
def test_what_is_written_is_read_again(entry):
    again = read(written(entry))
    assert written(again) == written(entry)
    assert (again.key, again.summary, again.source, again.at) == (entry.key, entry.summary, entry.source, entry.at)


@given(entry=ENTRIES)
def test_the_emergency_record_of_any_entry_is_under_a_kilobyte_and_keeps_the_point(entry):
    short = written(shortened(entry))
    assert len(short.encode()) < 1024
    again = read(short)
    assert again.is_short
    for name in ("key", "session_id", "at", "seq", "agent_hash", "epoch"):
        assert getattr(again, name) == getattr(entry, name)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: text.replace("tents", "tants"),
        lambda text: "[]",
        lambda text: "null",
        lambda text: '{"entry": {}, "sha256": ""}',
        lambda text: "",
    ],
)
def test_a_file_that_is_not_what_was_written_is_told(damage):
    with pytest.raises(Damaged):
        read(damage(written(ENTRY)))


def test_a_file_of_another_version_is_not_guessed_at():
    with mock.patch.object(spooled, "VERSION", spooled.VERSION + 1):
        newer = written(ENTRY)
    with pytest.raises(Damaged):
        read(newer)
