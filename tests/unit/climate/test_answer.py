"""Reading the body of an answer: what it may hold, whatever its encoding."""

from __future__ import annotations

import pytest

from climate.connectors.http import Answer, SourceMisbehaved

DECLARED = '<?xml version="1.0" encoding="{encoding}"?>'
ENTITIES = '<!DOCTYPE r [<!ENTITY a "ha">]><r>&a;&a;</r>'
ENCODINGS = ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1"]


def answer(text: str, encoding: str) -> Answer:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    declared = DECLARED.format(encoding=encoding[:6] if mark else encoding)
    return Answer(status=200, headers={}, content=mark + (declared + text).encode(encoding))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("text", [ENTITIES, '<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>', "<!doctype html><html/>"])
def test_xml_with_a_document_type_is_refused_in_every_encoding(text, encoding):
    forgotten = []
    given = answer(text, encoding)
    bad = Answer(status=200, headers={}, content=given.content, disown=lambda: forgotten.append(True))

    with pytest.raises(SourceMisbehaved, match="the answer is not XML"):
        bad.xml()

    assert forgotten == [True]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_xml_without_one_is_read_in_every_encoding(encoding):
    assert answer("<r>é &amp; ü &#228;</r>", encoding).xml().text == "é & ü ä"


@pytest.mark.parametrize(
    "content", [b"", b"<r>", b"{}", b'<?xml version="1.0" encoding="no-such"?><r/>', b"\xff\xfe\0"]
)
def test_what_is_no_xml_is_refused(content):
    with pytest.raises(SourceMisbehaved, match="the answer is not XML"):
        Answer(status=200, headers={}, content=content).xml()
