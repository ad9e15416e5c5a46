"""Events are the same however their bytes are cut."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions_app.domain.gateway.sse import LONGEST_EVENT_BYTES, EventParser, ServerEvent, TooLong

ANSWERS = Path(__file__).parents[3] / "integration" / "sessions_app" / "answers"
STREAMS = [path.read_bytes() for path in sorted(ANSWERS.glob("*.sse"))]


def _events(*chunks: bytes) -> list[ServerEvent]:
    parser = EventParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


@pytest.mark.parametrize(
    ("text", "events"),
    [
        (b"data: a\n\n", [("message", b"a")]),
        (b"data:a\r\n\r\n", [("message", b"a")]),
        (b"data: a\r\r", []),  # the last CR may be the half of a CRLF
        (b"data: a\r\rdata: b", [("message", b"a")]),
        (b"\xef\xbb\xbfdata: a\n\n", [("message", b"a")]),
        (b"event: x\ndata: a\ndata: b\n\n", [("x", b"a\nb")]),
        (b": comment\n\ndata:  two blanks\n\n", [("message", b" two blanks")]),
        (b"event: x\n\ndata: a\n\n", [("message", b"a")]),
        (b"data\n\n", [("message", b"")]),
        (b"id: 1\nretry: 5\nother: x\n\n", []),
        (b"data: unfinished\n", []),
    ],
)
def test_events_are_read_by_the_specification(text, events):
    assert _events(text) == [ServerEvent(kind, data) for kind, data in events]


@given(
    text=st.sampled_from(STREAMS),
    end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    cuts=st.lists(st.integers(0, 3000), max_size=12),
    mark=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_any_cut_gives_the_same_events(text, end, cuts, mark):
    wire = (b"\xef\xbb\xbf" if mark else b"") + text.replace(b"\n", end) + b": end\n"
    places = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]

    found = _events(*(wire[start:stop] for start, stop in pairwise(places)))

    assert found == _events(text)


@given(
    text=st.lists(st.sampled_from([b"data: x", b"event: y", b":", b"", b"\n", b"\r", b"\r\n", b"\xff"])).map(b"".join)
)
@settings(max_examples=100, deadline=None)
def test_byte_by_byte_is_the_same_as_at_once(text):
    assert _events(*(bytes([each]) for each in text)) == _events(text)


@pytest.mark.parametrize("line", [b"data: " + b"x" * 9_993 + b"\n", b"x" * 10_000])
def test_an_event_without_an_end_is_too_long(line):
    with pytest.raises(TooLong):
        _events(*[line] * (LONGEST_EVENT_BYTES // 10_000 + 2))
