"""Cleanup of a context window: what goes, what stays of it, and how much that frees."""

from sessions_app.domain.cleanup.items import Action, Item, Kit, Room, Step
from sessions_app.domain.cleanup.plans import steps_of

__all__ = ["Action", "Item", "Kit", "Room", "Step", "steps_of"]
