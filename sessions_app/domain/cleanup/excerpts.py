"""Excerpts: whole lines of a text, with a mark where lines were left out."""

from __future__ import annotations

import re
from collections.abc import Callable

TELLING = re.compile(
    r"^\s*(?:#+ |(?:async )?def |class |func |fn |function |export |import |from |package |\[|=+ |-+ )"
    r"|\b(?:error|exception|traceback|fail(?:ed|ure)?|warning|total|passed|result|summary|todo|fixme)\b",
    re.IGNORECASE,
)
LONGEST_LINE = 300


def excerpt(text: str, most_tokens: int, count: Callable[[str], int]) -> str:
    """Beginning and end of a text and its telling lines, in their order, in at most so many tokens; else nothing."""
    lines = text.splitlines()
    chosen: set[int] = set()
    left = most_tokens
    for at in _by_worth(lines):
        if left <= _MARK_TOKENS:
            break
        cost = count(lines[at][:LONGEST_LINE]) + 1 + _MARK_TOKENS
        if cost <= left:
            chosen.add(at)
            left -= cost
    shown = _with_marks(lines, chosen) if chosen else ""
    return shown if count(shown) <= most_tokens else ""


_MARK_TOKENS = 8
"""What a mark takes at most; every chosen line may have one before it."""


def _by_worth(lines: list[str]) -> list[int]:
    """The first and the last line, then telling ones, then the rest from both ends inwards."""
    telling = [at for at, line in enumerate(lines) if TELLING.search(line)]
    middle = len(lines) / 2
    rest = sorted(range(len(lines)), key=lambda at: (-abs(at + 0.5 - middle), at))
    return list(dict.fromkeys((*rest[:2], *telling, *rest)))


def _with_marks(lines: list[str], chosen: set[int]) -> str:
    shown: list[str] = []
    left_out = 0
    for at, line in enumerate(lines):
        if at in chosen:
            shown += _mark(left_out)
            shown.append(line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + " ...")
        left_out = 0 if at in chosen else left_out + 1
    return "\n".join(shown + _mark(left_out))


def _mark(left_out: int) -> list[str]:
    return [f"[... {left_out} lines]"] if left_out else []
