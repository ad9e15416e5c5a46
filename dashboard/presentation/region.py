"""Words for the page of one region."""

from __future__ import annotations

from typing import Any

from climate.domain.signal import Signal
from dashboard.domain import figures
from dashboard.selectors.region import Room

Row = dict[str, Any]

_PROVIDERS = {"aws": "Amazon Web Services", "azure": "Microsoft Azure", "gcp": "Google Cloud"}


def provider_name(provider: str) -> str:
    """What people call a provider; its own code where an administrator added another."""
    return _PROVIDERS.get(provider, provider)


def room_row(room: Room) -> Row:
    """Capacity of one model class in this hour."""
    share = 100.0 * room.promised_tokens / room.capacity_tokens if room.capacity_tokens else 100.0
    return {
        "model_class": room.model_class,
        "capacity": figures.whole(room.capacity_tokens),
        "promised": figures.whole(room.promised_tokens),
        "free": figures.whole(room.free_tokens),
        "source": room.source or "no source given",
        "width": f"{min(100.0, share):.2f}",
    }


def signal_notes(signal: Signal | None) -> list[str]:
    """What a doubter should know of a figure: its kind, its shares, its flags, and why nothing better was taken."""
    if signal is None:
        return ["Nothing is known of this grid in this hour."]
    notes = [f"{signal.kind.capitalize()} intensity, {signal.scope} scope, period of {signal.period_minutes} minutes."]
    if signal.low_g_per_kwh is not None and signal.high_g_per_kwh is not None:
        low, high = figures.two_digits(signal.low_g_per_kwh), figures.two_digits(signal.high_g_per_kwh)
        notes.append(f"Between {low} and {high} g CO₂e/kWh.")
    if signal.renewable_share is not None:
        notes.append(f"{figures.percent(signal.renewable_share)} renewable.")
    if signal.carbon_free_share is not None:
        notes.append(f"{figures.percent(signal.carbon_free_share)} carbon-free.")
    return [*notes, *signal.flags, *(_not_taken(reason) for reason in signal.skipped)]


def _not_taken(reason: str) -> str:
    """`live: no reading` as a sentence."""
    what, colon, why = reason.partition(": ")
    return f"{what.capitalize()} not taken: {why}." if colon else f"Not taken: {reason}."
