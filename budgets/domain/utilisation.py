"""How busy a budget is: low, moderate, high, critical. Not to be mixed up with its bands, which warn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Utilisation:
    """Percentages of the limit from which use is called moderate, high and critical (founding documents)."""

    moderate: float = 50
    high: float = 75
    critical: float = 90

    def name_of(self, percent: float) -> str:
        """The word for so many percent of a limit spent or reserved."""
        if percent >= self.critical:
            return "critical"
        if percent >= self.high:
            return "high"
        return "moderate" if percent >= self.moderate else "low"
