"""Query parameters, or a refusal that names them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from django.utils.dateparse import parse_datetime
from rest_framework.request import Request

from config.kernel.errors import InvalidInput

FIRST_YEAR, LAST_YEAR = 2000, 2100
"""Nothing is known of other years, and at the ends of the calendar a day more or an offset is no date at all."""


def whole_number(request: Request, name: str, *, default: int, lowest: int, highest: int) -> int:
    """A whole number within bounds, or the default where it is not sent."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and lowest <= int(text) <= highest):
        raise InvalidInput(f"Send a whole number between {lowest} and {highest}.", field=name)
    return int(text)


def moment(request: Request, name: str, *, default: datetime) -> datetime:
    """A time in ISO 8601 as UTC (meant so where no offset is given), or the default where it is not sent."""
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        # A plus sign that was not escaped in the address arrives as a space.
        parsed = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        parsed = None
    if parsed is None:
        raise InvalidInput("Send a time in ISO 8601, for example 2026-03-01T10:00:00Z.", field=name)
    if not FIRST_YEAR <= parsed.year <= LAST_YEAR:
        raise InvalidInput(f"Send a time in the years {FIRST_YEAR} to {LAST_YEAR}.", field=name)
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def names(request: Request, name: str) -> list[str] | None:
    """A comma-separated list, or None where it is not sent."""
    text = request.query_params.get(name)
    return None if text is None else [each.strip() for each in text.split(",") if each.strip()]


def one_of(request: Request, name: str, allowed: Collection[str]) -> str | None:
    """One of the allowed words, or None where it is not sent."""
    text = request.query_params.get(name)
    if text is not None and text not in allowed:
        raise InvalidInput(f"Send one of {', '.join(allowed)}.", field=name)
    return text


def yes_or_no(request: Request, name: str) -> bool | None:
    """`true` or `false`, or None where it is not sent."""
    text = one_of(request, name, ("true", "false"))
    return None if text is None else text == "true"
