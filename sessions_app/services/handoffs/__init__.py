"""Handoffs of all agents of a session to successors."""

from sessions_app.services.handoffs.beginning import begin_handoff, open_handoff
from sessions_app.services.handoffs.carrying import advance, carry_on
from sessions_app.services.handoffs.ending import abort_handoff, abort_open
from sessions_app.services.handoffs.history import score_due
from sessions_app.services.handoffs.retrying import arm_due
from sessions_app.services.handoffs.voting import Ballot, vote

__all__ = [
    "Ballot",
    "abort_handoff",
    "abort_open",
    "advance",
    "arm_due",
    "begin_handoff",
    "carry_on",
    "open_handoff",
    "score_due",
    "vote",
]
