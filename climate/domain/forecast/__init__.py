"""Commonwatt's own forecast of a grid's intensity, and how forecasts are kept and scored.

Everything is computed on logarithms: errors are then relative, and a grid of 30 g/kWh and one of
700 g/kWh can share what was learnt.
"""

from climate.domain.forecast.blend import Forecast, Prior, ZoneFit, forecast_zone
from climate.domain.forecast.features import MINIMUM_HOURS, is_long_enough
from climate.domain.forecast.issues import LEADS, SLOT_HOURS, first_of_slots, lead_of, slot_of
from climate.domain.forecast.learner import Replay, replay
from climate.domain.forecast.trace import HORIZON_HOURS, REACH_HOURS, Place, Trace

__all__ = [
    "HORIZON_HOURS",
    "LEADS",
    "MINIMUM_HOURS",
    "REACH_HOURS",
    "SLOT_HOURS",
    "Forecast",
    "Place",
    "Prior",
    "Replay",
    "Trace",
    "ZoneFit",
    "first_of_slots",
    "forecast_zone",
    "is_long_enough",
    "lead_of",
    "replay",
    "slot_of",
]
