"""Asking one source several questions, so that one that fails does not lose the answers to the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from climate.connectors.http import SourceError, SourceLimitReached, SourceMisbehaved, SourceRefused, SourceUnavailable
from climate.domain.collected import Collected

MOST_UNAVAILABLE = 2
"""Like questions in a row without an answer; then the source is down and the rest would only wait."""

UNEXPECTED = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
"""What reading an answer raises that is not made as it was promised."""
WORDS = "the answer is not in the promised format"
T = TypeVar("T")


def ask_each(
    names: Sequence[str],
    ask_one: Callable[[str], Collected],
    *,
    refusal_ends: bool = True,
    most_unavailable: int = MOST_UNAVAILABLE,
) -> Collected:
    """What each question brought, together; a question that fails is a problem in words.

    `refusal_ends` False: the source may refuse one question and answer another, as where a key
    reaches some zones only; if it refuses all, it refuses us. Raises SourceError when no question
    was answered at all.
    """
    collected, errors, unavailable, answered = Collected(), list[SourceError](), 0, False
    for name in names:
        try:
            collected = collected.plus(_asked(ask_one, name))
            answered, unavailable = True, 0
            continue
        except SourceError as error:
            if isinstance(error, SourceRefused) and refusal_ends:
                raise
            errors.append(error)
            collected = collected.plus(Collected(problems=(f"{name}: {error}",)))
            unavailable = unavailable + 1 if isinstance(error, SourceUnavailable) else 0
        if unavailable == most_unavailable or isinstance(errors[-1], SourceLimitReached):
            break
    if errors and not answered:
        raise next((error for error in errors if not isinstance(error, SourceRefused)), errors[0])
    return collected


def tried(what: str, ask: Callable[[], T]) -> tuple[T | None, tuple[str, ...]]:
    """A part without which the rest still stands: what `ask` gives, or None and the problem in words."""
    try:
        return ask(), ()
    except SourceError as error:
        return None, (f"{what}: {error}",)
    except UNEXPECTED:
        return None, (f"{what}: {WORDS}",)


def _asked(ask_one: Callable[[str], Collected], name: str) -> Collected:
    try:
        return ask_one(name)
    except UNEXPECTED as error:
        raise SourceMisbehaved(WORDS) from error
