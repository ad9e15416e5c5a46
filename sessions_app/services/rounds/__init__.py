"""Rounds: one matter put to several agents, first blind to each other. Agents speak for themselves, or the gateway
drives them."""

from sessions_app.services.rounds.closing import close_round
from sessions_app.services.rounds.pruning import archive_old_turns
from sessions_app.services.rounds.speaking import TurnAsk, begin_round, take_turn

__all__ = ["TurnAsk", "archive_old_turns", "begin_round", "close_round", "take_turn"]
