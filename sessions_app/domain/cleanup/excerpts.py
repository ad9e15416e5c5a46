"""Excerpts: whole lines of a text, with a mark where lines were left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

TELLING = re.compile(
    r"^\s*(?:#+ |(?:async )?def |class |func |fn |function |export |import |from |package |\[|=+ |-+ )"
    r"|\b(?:error|exception|traceback|fail(?:ed|ure)?|warning|total|passed|result|summary|todo|fixme)\b",
    re.IGNORECASE,
)
LONGEST_LINE = 300
MOST_PASSES = 6


def excerpt(text: str, most_tokens: int, count: Callable[[str], int]) -> str:
    """Beginning and end of a text and its telling lines, in their order, in at most so many tokens; else nothing.

    Room is kept for a mark at every line; what neighbours did not need of it is filled again.
    """
    lines = text.splitlines()
    order, cost = _by_worth(lines), lru_cache(None)(lambda at: count(lines[at][:LONGEST_LINE]) + 1 + _MARK_TOKENS)
    chosen: frozenset[int] = frozenset()
    shown, left = "", most_tokens
    for _ in range(MOST_PASSES):
        more = _fitting((at for at in order if at not in chosen), cost, left)
        if not more:
            break
        chosen |= more
        tried = _with_marks(lines, chosen)
        tokens = count(tried)
        if tokens > most_tokens:
            break
        shown, left = tried, most_tokens - tokens
    return shown


def _fitting(order: Iterable[int], cost: Callable[[int], int], left: int) -> set[int]:
    """Of these lines those that fit, the worthiest first."""
    found: set[int] = set()
    for at in order:
        if left <= _MARK_TOKENS:
            break
        if (tokens := cost(at)) <= left:
            found.add(at)
            left -= tokens
    return found


_MARK_TOKENS = 8
"""What a mark takes at most; every chosen line may have one before it."""


def _by_worth(lines: list[str]) -> list[int]:
    """The first and the last line, then telling ones, then the rest from both ends inwards."""
    telling = [at for at, line in enumerate(lines) if TELLING.search(line)]
    middle = len(lines) / 2
    rest = sorted(range(len(lines)), key=lambda at: (-abs(at + 0.5 - middle), at))
    return list(dict.fromkeys((*rest[:2], *telling, *rest)))


def _with_marks(lines: list[str], chosen: frozenset[int]) -> str:
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
