"""Which source's readings an own forecast was made from: a flag that people read, and that scoring goes by."""

from __future__ import annotations

from climate.domain.signal import OWN_FORECAST_SOURCE

WORDS = "made from readings of "


def made_from_flag(source: str) -> str:
    """What an own forecast says of its input."""
    return f"{WORDS}{source}"


def made_from_source(*, source: str, flag: str) -> str | None:
    """The source whose readings a forecast was made from; None: it is not an own one, or does not say."""
    is_said = source == OWN_FORECAST_SOURCE and flag.startswith(WORDS)
    return flag.removeprefix(WORDS) if is_said else None
