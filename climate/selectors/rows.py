"""A list of facts that is read a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, overload

from django.db.models import QuerySet

Fact = TypeVar("Fact")


class LazyRows(Sequence[Fact]):
    """The rows of `found` as `fact` writes them. Its length is one query, each slice of it one more."""

    def __init__(self, found: QuerySet[Any], fact: Callable[[Any], Fact]):
        self._found = found
        self._fact = fact

    def __iter__(self) -> Iterator[Fact]:
        return map(self._fact, self._found)

    def __len__(self) -> int:
        return self._found.count()

    @overload
    def __getitem__(self, index: int) -> Fact: ...
    @overload
    def __getitem__(self, index: slice) -> list[Fact]: ...
    def __getitem__(self, index: int | slice) -> Fact | list[Fact]:
        if isinstance(index, int):
            return self._fact(self._found[index])
        return [self._fact(each) for each in self._found[index]]
