"""The weights that every zone's forecast starts from, as they are shipped."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from climate.domain.forecast import Prior

PATH = Path(__file__).resolve().parent.parent.parent / "data" / "forecast_prior.json"


@cache
def load_prior() -> Prior:
    """Read once. Raises ValueError if the file belongs to another method."""
    return Prior.of(json.loads(PATH.read_text(encoding="utf-8")))
