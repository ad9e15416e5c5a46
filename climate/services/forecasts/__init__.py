"""Forecasts: kept as they are issued, made from readings, and scored once their hours are measured."""

from climate.services.forecasts.keep import keep_forecasts

__all__ = ["keep_forecasts"]
