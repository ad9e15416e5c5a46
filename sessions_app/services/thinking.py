"""Long texts are shortened and judged while no session is locked: thinking about a full window takes seconds.

Inside of a lock a short text is thought about at once. For a long one the transaction is undone, the same plan is
thought out without a lock, and the work begins anew: what was thought is remembered. Of calls within each other the
outermost thinks: whoever opens a transaction around others has to be it.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial, wraps
from hashlib import sha256
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from django.db import connection

from budgets.services import count_tokens
from sessions_app.domain.cleanup.excerpts import excerpt
from sessions_app.domain.summary import summarise

MOST_LOCKED_CHARACTERS = 8_000
"""What one transaction thinks about at most: some 30 ms. Later ones wait for it."""
MOST_TRIES = 4
MOST_REMEMBERED = 256

P = ParamSpec("P")
T = TypeVar("T")


class Unthought(Exception):
    """Something long has to be thought out before a session is locked: call `think`, then begin anew."""

    def __init__(self, think: Callable[[], object]):
        super().__init__("a long text is to be shortened outside of the lock")
        self.think = think


@dataclass(slots=True)
class _Patience:
    """Characters that may still be thought about inside of the lock."""

    left: int = MOST_LOCKED_CHARACTERS


_patience: ContextVar[_Patience | None] = ContextVar("patience", default=None)
_known: OrderedDict[Hashable, Any] = OrderedDict()
_knowing = Lock()


def shortened(text: str, most_tokens: int, pinned: Sequence[str] = ()) -> str:
    """Clauses of a text, word for word, in so many tokens, after every pinned line. Raises as `thought` does."""

    def think() -> str:
        return summarise(text, most_tokens=most_tokens, count=count_tokens, pinned=pinned).text

    return thought(("shortened", hash_of(text), most_tokens, tuple(pinned)), think, characters=len(text))


def excerpted(text: str, most_tokens: int) -> str:
    """Whole lines of a text in so many tokens. Raises as `thought` does."""
    think = partial(excerpt, text, most_tokens, count_tokens)
    return thought(("excerpted", hash_of(text), most_tokens), think, characters=len(text))


def thought(key: Hashable, think: Callable[[], T], *, characters: int) -> T:
    """What `think` makes of so many characters, remembered under a key that says all that it depends on.

    Raises Unthought in a transaction of `thinking_first` that has thought enough.
    """
    with _knowing:
        if key in _known:
            _known.move_to_end(key)
            known: T = _known[key]
            return known
    if (patience := _patience.get()) is not None and connection.in_atomic_block:
        if characters > patience.left:
            raise Unthought(lambda: thought(key, think, characters=characters))
        patience.left -= characters
    token = _patience.set(None)  # what is thought on the way is part of this
    try:
        found = think()
    finally:
        _patience.reset(token)
    with _knowing:
        _known[key] = found
        while len(_known) > MOST_REMEMBERED:
            _known.popitem(last=False)
    return found


def hash_of(text: str) -> bytes:
    """What stands for a text in a key."""
    return sha256(text.encode()).digest()


@contextmanager
def thought_out_by(think: Callable[[], object]) -> Iterator[None]:
    """If something in this block is too long to be thought out here, `think` does that, and all that comes after it."""
    try:
        yield
    except Unthought as missing:
        raise Unthought(think) from missing


def thinking_first(function: Callable[P, T]) -> Callable[P, T]:
    """`function`, which locks a session in a transaction of its own, without long thoughts in it.

    Around functions of the same kind it is the one that thinks. What comes newly in the way again and again, because
    others change the same window, is in the end thought out inside after all.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if _patience.get() is not None and connection.in_atomic_block:  # that of another one, who thinks
            return function(*args, **kwargs)
        for _ in range(MOST_TRIES):
            token = _patience.set(_Patience())
            try:
                return function(*args, **kwargs)
            except Unthought as missing:
                think = missing.think
            finally:
                _patience.reset(token)
            think()
        token = _patience.set(_Patience(left=sys.maxsize))
        try:
            return function(*args, **kwargs)
        finally:
            _patience.reset(token)

    return call
