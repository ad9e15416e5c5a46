"""What the connectors of disaster feeds share: careful reading of fields that a feed may leave out or write oddly."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from climate.connectors.asking import UNEXPECTED
from climate.domain.alerts import CollectedAlert
from climate.domain.collected import Collected

T = TypeVar("T")
CLOCKS_DIFFER_BY = timedelta(minutes=15)
EARLIEST_YEAR, LATEST_YEAR = 1900, 2200
MOST_PROBLEMS = 20


def collected_alerts(
    items: Iterable[T],
    read: Callable[[T], CollectedAlert],
    *,
    name: Callable[[T], str],
    is_complete: bool,
    now: datetime,
) -> Collected:
    """Every item that can be read; each that cannot is named among the problems.

    One unreadable item makes the list incomplete, so that no event ends because we failed to read it. A
    version that is yet to come is not believed: until then every other one would be taken for older.
    """
    alerts: list[CollectedAlert] = []
    problems: list[str] = []
    for item in items:
        try:
            alert = read(item)
            if alert.version_at > now + CLOCKS_DIFFER_BY:
                raise ValueError("a version that is yet to come")
            alerts.append(alert)
        except UNEXPECTED as error:
            problems.append(f"{name(item)[:60]} could not be read ({type(error).__name__})")
    is_complete = is_complete and not problems
    return Collected(alerts=tuple(alerts), is_complete_alert_list=is_complete, problems=_shortened(problems))


def _shortened(problems: list[str]) -> tuple[str, ...]:
    more = len(problems) - MOST_PROBLEMS
    return tuple(problems) if more <= 0 else (*problems[:MOST_PROBLEMS], f"and {more} more")


def moment(text: str) -> datetime:
    """An ISO 8601 time as UTC, which is meant where no offset is given. Raises ValueError."""
    return _sane(datetime.fromisoformat(text.strip().replace("Z", "+00:00")))


def mail_moment(text: str) -> datetime:
    """A time as RSS writes it (`Sat, 21 Jun 2025 21:42:31 GMT`), as UTC. Raises ValueError."""
    return _sane(parsedate_to_datetime(text.strip()))


def _sane(found: datetime) -> datetime:
    if not EARLIEST_YEAR <= found.year <= LATEST_YEAR:
        raise ValueError("a time outside of the calendar")
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def is_true(value: Any) -> bool:
    """A boolean, which some feeds write as text. Raises ValueError for anything else."""
    text = str(value).strip().casefold()
    if text not in ("true", "false"):
        raise ValueError("neither true nor false")
    return text == "true"


def text_of(value: Any) -> str:
    """The text of a field; what is no text is none."""
    return value.strip() if isinstance(value, str) else ""


def web_address(value: Any) -> str:
    """An address that a person may follow; empty for anything else, such as `javascript:`."""
    text = text_of(value)
    is_web = text.startswith(("https://", "http://")) and not any(each.isspace() or each in "<>\"'" for each in text)
    return text if is_web and len(text) <= 500 else ""


def coordinates(latitude: Any, longitude: Any) -> tuple[float | None, float | None]:
    """A place on earth, or None twice."""
    try:
        north, east = float(latitude), float(longitude)
    except (TypeError, ValueError, OverflowError):
        return None, None
    return (north, east) if abs(north) <= 90 and abs(east) <= 180 else (None, None)
