"""What must not be lost, and what a session is found by."""

from sessions_app.services.memory.facts import add_fact, pin_fact, record_fact, supersede_fact
from sessions_app.services.memory.likeness import ask_for_vector, refresh_likeness

__all__ = ["add_fact", "ask_for_vector", "pin_fact", "record_fact", "refresh_likeness", "supersede_fact"]
