"""Sentences of a transcript: prose, lists, lines of logs and code, each with who said it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST_WORDS = 60
LEAST_WRAPPED_CHARACTERS = 60
LONGEST_JOINED_CHARACTERS = 2_000
"""What was broken into lines, or at full stops that end no sentence, is put together no further."""
LONGEST_PIECE_CHARACTERS = 1_000
"""A line without spaces is no sentence. The signs of facts are looked for in so much at once."""
TAIL_CHARACTERS = 20
"""Longer than every abbreviation: only the end of a text tells whether it ends with one."""
_STOPS = tuple(".!?:;…{}[]|")
_ENDS = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"')\]]))\s+(?=[\"'(\[¿¡`]*\w)|(?<=[。！？])")
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|dr|mr|mrs|ms|prof|st|inc|ltd|z\.b|d\.h|bzw|ca|usw|sr|sra)"
    r"|\b[A-Z]|\.\.)\.$",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\b(?:no|nr|art|sec|fig)\.$", re.IGNORECASE)
_DAY_OF_MONTH = re.compile(r"\b\d{1,2}\.$")
_MONTH = re.compile(r"(?:jan|feb|mär|apr|mai|jun|jul|aug|sep|okt|nov|dez)[a-zä]*\b", re.IGNORECASE)
_SPEAKER = re.compile(r"^\s*(?:\[[^\]\n]{1,40}\]\s*)?([\w@][\w .@/#()-]{0,38}?)\s*:\s+(?=\S)")
_MARKER = re.compile(r"^\s*(?:[-*•–>|]|\d{1,2}[.)])\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A piece of a text. `line` and `at` say where it stood; `speaker` is who said it, if the line tells."""

    text: str
    line: int
    at: int
    speaker: str = ""
    is_item: bool = False


def sentences_of(text: str) -> list[Sentence]:
    """The sentences of a text in their order; a line without an end of sentence is one."""
    found: list[Sentence] = []
    speaker = ""
    for number, line in _lines(text):
        if not line.strip():
            speaker = ""
            continue
        body, is_item = line.strip(), bool(_MARKER.match(line))
        body = _MARKER.sub("", body) if is_item else body
        if said := _SPEAKER.match(body):
            speaker, body = said.group(1), body[said.end() :]
        for piece in _pieces(body):
            found.append(Sentence(text=piece, line=number, at=len(found), speaker=speaker, is_item=is_item))
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers; prose that was broken into lines is one line again."""
    begun, first = "", 0
    for number, line in enumerate(text.splitlines()):
        if begun and _goes_on(begun, line):
            begun = f"{begun.rstrip()} {line.strip()}"
            continue
        if begun:
            yield first, begun
        if not line.strip():
            yield number, ""
        begun, first = line, number
    if begun:
        yield first, begun


def _goes_on(line: str, following: str) -> bool:
    """Whether the second line is in the middle of a sentence of the first, which is about as long as lines get."""
    is_open = LEAST_WRAPPED_CHARACTERS <= len(line) < LONGEST_JOINED_CHARACTERS and line.rstrip()[-1:] not in _STOPS
    return is_open and following[:1].islower() and not _SPEAKER.match(following)


def _pieces(line: str) -> Iterator[str]:
    begun = ""
    for part in _ENDS.split(line):
        if begun and not _is_one(begun, part):
            yield from _cut(begun)
            begun = ""
        begun = f"{begun} {part}".strip()
    if begun:
        yield from _cut(begun)


def _is_one(begun: str, part: str) -> bool:
    """Whether the full stop between the two ends an abbreviation or an ordinal, not a sentence."""
    if len(begun) > LONGEST_JOINED_CHARACTERS:
        return False
    begun = begun[-TAIL_CHARACTERS:]
    is_date = _DAY_OF_MONTH.search(begun) and _MONTH.match(part)
    is_number = _NUMBERED.search(begun) and part[:1].isdigit()
    return bool(is_date or is_number or _ABBREVIATED.search(begun))


def _cut(sentence: str) -> Iterator[str]:
    """A sentence, in parts where it is longer than a summary can take."""
    words = sentence.split()
    if len(words) <= MOST_WORDS and len(sentence) <= LONGEST_PIECE_CHARACTERS:
        if sentence.strip():
            yield sentence.strip()
        return
    for at in range(0, len(words), MOST_WORDS):
        part = " ".join(words[at : at + MOST_WORDS])
        for start in range(0, len(part), LONGEST_PIECE_CHARACTERS):
            yield part[start : start + LONGEST_PIECE_CHARACTERS].strip()
