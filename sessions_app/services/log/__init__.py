"""The one way to change a session: lock it, append to its log."""

from sessions_app.services.log.patching import Patched, Writer, patch_from_outside, patch_state
from sessions_app.services.log.writing import Draft, active_instance, append, find_event, locked

__all__ = [
    "Draft",
    "Patched",
    "Writer",
    "active_instance",
    "append",
    "find_event",
    "locked",
    "patch_from_outside",
    "patch_state",
]
