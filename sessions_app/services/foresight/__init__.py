"""Forecasts of full windows: noted, acted on once, scored afterwards."""

from sessions_app.services.foresight.noting import foresee_session, note_forecasts
from sessions_app.services.foresight.scoring import score_forecasts

__all__ = ["foresee_session", "note_forecasts", "score_forecasts"]
