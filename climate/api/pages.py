"""A list a page at a time, in the API's envelope."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from drf_spectacular.utils import OpenApiParameter
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

PAGING = [OpenApiParameter("page", int), OpenApiParameter("page_size", int, description="At most 500, default 100.")]


def paged_answer(request: Request, view: APIView, rows: Sequence[Any], write: Callable[[Any], Any]) -> Response:
    """The page of `rows` that `request` asks for, as `write` writes it; links to its neighbours."""
    pages: Any = cast(type[BasePagination], api_settings.DEFAULT_PAGINATION_CLASS)()
    answer: Response = pages.get_paginated_response(write(pages.paginate_queryset(rows, request, view=view)))
    return answer


def page(rows: Any) -> Response:
    """A whole list in the API's envelope: these lists are short."""
    return Response({"next": None, "previous": None, "results": rows})
