"""Lists in pages, newest first: the next page is of rows `before` the last one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol
from urllib.parse import urlencode
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

PAGE = 50
LARGEST_ID = 2**63 - 1


class HasId(Protocol):
    """A row of a list."""

    @property
    def id(self) -> int | UUID:
        """Falls from row to row."""


class PageIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of a list."""

    before = serializers.IntegerField(
        min_value=1, max_value=LARGEST_ID, required=False, default=None, help_text="Rows older than this one."
    )


def query_of(serializer_class: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The query's values; a ValidationError names each at fault."""
    query = serializer_class(data=request.query_params)
    query.is_valid(raise_exception=True)
    values: dict[str, Any] = query.validated_data
    return values


def page_of(request: Request, rows: Sequence[HasId], shown: Callable[[Any], Any], *, page: int = PAGE) -> Response:
    """An envelope `{next, previous, results}` of rows of which one more than a page was read."""
    here = request.build_absolute_uri(request.path)
    kept = {name: value for name, value in request.query_params.items() if name != "before"}
    first = f"{here}?{urlencode(kept)}" if kept else here
    following = None
    if len(rows) > page:
        following = f"{here}?{urlencode({**kept, 'before': rows[page - 1].id})}"
    previous = first if "before" in request.query_params else None
    return Response({"next": following, "previous": previous, "results": shown(rows[:page])})
