"""The simulated week that is shipped: a SIMULATION, no trades of anybody."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from market.domain.trading.simulation.shown import SimulatedWeek, read_week

FILE = Path(__file__).resolve().parent.parent.parent / "data" / "simulated_week.json"


@cache
def get_simulated_week() -> SimulatedWeek:
    """The week that `benchmarks/economy.py` wrote; `market.domain.trading.simulation.shown` tells its shape."""
    return read_week(json.loads(FILE.read_text(encoding="utf-8")))
