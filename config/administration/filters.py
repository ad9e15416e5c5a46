"""Filters of lists that take what somebody types, whole: an index answers them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.contrib.filters.admin import TextFilter


def exact_filter(title: str, lookup: str) -> Any:
    """A filter by the whole value of `lookup`; what cannot be such a value finds nothing."""

    class ExactFilter(TextFilter):  # type: ignore[misc]  # the library carries no types
        parameter_name = lookup

        def queryset(self, request: HttpRequest, queryset: Any) -> Any:
            """The rows with exactly this value."""
            value = (self.value() or "").strip()
            try:
                return queryset.filter(**{lookup: value}) if value else queryset
            except (ValueError, ValidationError):
                return queryset.none()

    ExactFilter.title = title
    return ExactFilter
