"""Cleanup of context windows: archive first, then free."""

from sessions_app.services.cleanup.compacting import Done, Freed, compact
from sessions_app.services.cleanup.leaving import leave
from sessions_app.services.cleanup.restoring import restore_item

__all__ = ["Done", "Freed", "compact", "leave", "restore_item"]
