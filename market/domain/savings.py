"""What settled work saved against "run now at home region", by what was expected and by what was measured since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from market.domain.plan_views import WorkSavings

ZoneHour = tuple[str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeHour:
    """A region's hour that work would have run in at home, and its room in tokens."""

    region: str
    model_class: str
    hour: datetime
    capacity_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledWork:
    """Settled work of one kind: where and when it ran, and where and when it would have run at home.

    `location_g` and `home_g` by the intensities that its decisions used, `intensity_g_per_kwh` and
    `home_intensity_g_per_kwh`. `ran` None: it ran in several hours.
    """

    tokens: int
    location_g: float
    home_g: float
    ran: ZoneHour | None
    intensity_g_per_kwh: float
    home: HomeHour
    at_home: ZoneHour
    home_intensity_g_per_kwh: float


def room_at_home(work: Iterable[SettledWork]) -> dict[HomeHour, float]:
    """Of each home hour the share 0..1 of its work that would have had room."""
    tokens: dict[HomeHour, int] = defaultdict(int)
    for each in work:
        tokens[each.home] += each.tokens
    return {home: min(1.0, home.capacity_tokens / asked) if asked else 1.0 for home, asked in tokens.items()}


def expected_savings(work: Iterable[SettledWork], room: Mapping[HomeHour, float]) -> WorkSavings:
    """By the signals that decisions used."""
    return _savings([(each, each.location_g, each.home_g) for each in work], room)


def measured_savings(
    work: Iterable[SettledWork], room: Mapping[HomeHour, float], measured: Mapping[ZoneHour, float]
) -> WorkSavings:
    """The same energy at the intensities that were measured in the hours themselves, g CO2e/kWh."""
    rows = []
    for each in work:
        if each.ran is not None:
            ran = each.location_g / each.intensity_g_per_kwh * measured[each.ran]
            at_home = each.home_g / each.home_intensity_g_per_kwh * measured[each.at_home]
            rows.append((each, ran, at_home))
    return _savings(rows, room)


def is_measured(work: SettledWork, measured: Mapping[ZoneHour, float]) -> bool:
    """Whether both hours have been measured, so that the work can be counted again."""
    known = work.ran in measured and work.at_home in measured
    return known and work.intensity_g_per_kwh > 0 and work.home_intensity_g_per_kwh > 0


def _savings(rows: Sequence[tuple[SettledWork, float, float]], room: Mapping[HomeHour, float]) -> WorkSavings:
    compared = sum(ran * room[work.home] for work, ran, _ in rows)
    reference = sum(at_home * room[work.home] for work, _, at_home in rows)
    return WorkSavings(
        tokens=sum(work.tokens for work, _, _ in rows),
        location_g=sum(ran for _, ran, _ in rows),
        compared_g=compared,
        reference_g=reference,
        saved_g=reference - compared,
        saved_share=(reference - compared) / reference if reference > 0 else None,
        reference_missed_tokens=round(sum(work.tokens * (1 - room[work.home]) for work, _, _ in rows)),
    )
