"""Forecasts: kept as they are issued, made from readings, and scored once their hours are measured."""

from climate.services.forecasts.keep import keep_forecasts
from climate.services.forecasts.own import fit_own_forecasts, make_own_forecasts
from climate.services.forecasts.scoring import score_forecasts

__all__ = ["fit_own_forecasts", "keep_forecasts", "make_own_forecasts", "score_forecasts"]
