"""Families of models, factors by kind of text, and what an image takes."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sessions_app
from sessions_app.domain.gateway.image_tokens import MOST_TOKENS, size_of, tokens_of
from sessions_app.domain.gateway.token_factors import FactorTable, TextKind, kind_of_text

SHIPPED = json.loads((Path(sessions_app.__file__).parent / "data" / "token_factors.json").read_text())
TABLE = FactorTable.read(SHIPPED)
PYTHON = "def rise(days):\n    total = 0\n    for each in days:\n        total += each\n    return total\n"


def data_url(raw: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(raw).decode()}"


def test_the_shipped_table_says_where_it_is_from_and_that_it_is_an_estimate():
    assert SHIPPED["mark"] == "estimate"
    assert TABLE.source
    assert TABLE.as_of.year == 2026
    exact = {name for name, family in TABLE.families.items() if family.is_exact}
    assert exact == {"o200k", "cl100k"}


@pytest.mark.parametrize(
    ("family", "kind", "expected"),
    [
        ("o200k", TextKind.JSON, 100),
        ("mistral", TextKind.JSON, 125),
        ("gemma3", TextKind.CODE, 121),
        ("claude", TextKind.PROSE, 116),
        ("claude-4.7", TextKind.PROSE, 154),
    ],
)
def test_a_hundred_public_tokens_become_what_the_table_says(family, kind, expected):
    assert TABLE.family(family).tokens(100, kind) == expected


@given(counted=st.integers(0, 10**7), kind=st.sampled_from(TextKind))
def test_an_unknown_family_is_never_counted_lower_than_a_known_one(counted, kind):
    unknown = TABLE.family("tomorrow's model")
    assert not unknown.is_exact
    assert all(unknown.tokens(counted, kind) >= each.tokens(counted, kind) for each in TABLE.families.values())


@pytest.mark.parametrize(
    "change", [{"as_of": "soon"}, {"families": {"o200k": {**SHIPPED["families"]["o200k"], "prose": 0}}}]
)
def test_a_table_that_is_not_whole_is_refused(change):
    with pytest.raises(ValueError):
        FactorTable.read({**SHIPPED, **change})


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Rain falls on the delta (again), and the dyke holds.", TextKind.PROSE),
        (PYTHON, TextKind.CODE),
        ("Look at this:\n```\nrise(3)\n```", TextKind.CODE),
        ('{"level": 3, "gauges": ["a", "b"]}', TextKind.JSON),
        ("[1] See the note of the ministry.", TextKind.PROSE),
        ("", TextKind.PROSE),
    ],
)
def test_the_kind_of_a_text_is_told_by_its_look(text, kind):
    assert kind_of_text(text) is kind


@pytest.mark.parametrize(
    ("size", "detail", "expected"),
    [
        ((1024, 1024), "high", 765),
        ((2048, 4096), "high", 1105),
        ((4096, 8192), "low", 85),
        ((512, 512), "auto", 255),
        ((513, 513), "auto", 765),
        (None, "low", 85),
        (None, "auto", MOST_TOKENS),
    ],
)
def test_an_image_takes_what_openai_has_published(size, detail, expected):
    assert tokens_of(size, detail=detail) == expected


@given(width=st.integers(1, 20_000), height=st.integers(1, 20_000))
def test_no_image_takes_more_than_one_of_unknown_size(width, height):
    assert 85 < tokens_of((width, height), detail="high") <= MOST_TOKENS


JPEG = b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xc0\x00\x11\x08" + struct.pack(">HH", 480, 640) + b"\x03" + bytes(10)
SIZED = [
    b"\x89PNG\r\n\x1a\n" + bytes(8) + struct.pack(">II", 640, 480),
    b"GIF89a" + struct.pack("<HH", 640, 480),
    JPEG,
    b"RIFF" + bytes(4) + b"WEBPVP8X" + bytes(8) + (639).to_bytes(3, "little") + (479).to_bytes(3, "little"),
    b"RIFF" + bytes(4) + b"WEBPVP8L" + bytes(5) + (639 | 479 << 14).to_bytes(4, "little") + bytes(8),
    b"RIFF" + bytes(4) + b"WEBPVP8 " + bytes(10) + struct.pack("<HH", 640, 480),
]


@pytest.mark.parametrize("raw", SIZED)
def test_the_size_of_an_inline_image_is_read_from_its_head(raw):
    assert size_of(data_url(raw)) == (640, 480)


@given(raw=st.binary(max_size=80), cut=st.integers(0, 40), which=st.sampled_from(SIZED))
def test_a_damaged_image_has_no_size_or_some_but_never_fails(raw, cut, which):
    for broken in (raw, which[:cut] + raw):
        found = size_of(data_url(broken))
        assert found is None or min(found) > 0


@pytest.mark.parametrize("address", ["https://example.org/a.png", "data:image/png;base64,%%%", "data:", ""])
def test_an_image_that_is_not_inside_has_no_known_size(address):
    assert size_of(address) is None
