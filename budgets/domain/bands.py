"""The bands of a budget: ok, warn, critical, emergency."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """Percentages of the limit at which a budget is noticed; rising."""

    warn: int = 75
    critical: int = 85
    emergency: int = 95

    @property
    def percentages(self) -> tuple[int, int, int]:
        """The three, rising."""
        return (self.warn, self.critical, self.emergency)


def used_percent(*, used: int, limit: int) -> float:
    """How much of a limit is spent or reserved, in percent; an empty limit is used up."""
    return 100.0 * used / limit if limit else 100.0


def percentages_passed(*, used: int, limit: int, bands: Bands) -> list[int]:
    """The percentages that `used` of `limit` has reached, rising. Exact: no rounding before comparing."""
    return [percent for percent in bands.percentages if limit and used * 100 >= percent * limit]


def status_of(*, used: int, limit: int, bands: Bands) -> str:
    """The name of the band: ok, warn, critical or emergency."""
    names = ("ok", "warn", "critical", "emergency")
    return names[len(percentages_passed(used=used, limit=limit, bands=bands))]


@dataclass(frozen=True, slots=True, kw_only=True)
class UtilisationSteps:
    """Percentages of the limit at which utilisation gets another name; rising."""

    moderate: float = 50
    high: float = 75
    critical: float = 90


def utilisation_of(*, used: int, limit: int, steps: UtilisationSteps) -> str:
    """What utilisation is called: low, moderate, high or critical."""
    percent = used_percent(used=used, limit=limit)
    if percent >= steps.critical:
        return "critical"
    if percent >= steps.high:
        return "high"
    return "moderate" if percent >= steps.moderate else "low"
