"""Emergencies are declared and changed on their admin page; here they are lifted and told."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from climate.events import EmergencyChanged
from climate.models import Emergency
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import publish


@transaction.atomic
def lift_emergency(*, emergency_id: int, reason: str, now: datetime) -> None:
    """End an emergency now. Raises NotFound, and Conflict if it is not in force."""
    emergency = Emergency.objects.select_for_update().filter(pk=emergency_id).first()
    if emergency is None:
        raise NotFound("There is no such emergency.")
    if emergency.starts_at >= now:
        raise Conflict("This emergency has not begun. Delete it, or change its start.")
    if emergency.ends_at is not None and emergency.ends_at <= now:
        raise Conflict(f"This emergency ended at {emergency.ends_at:%Y-%m-%d %H:%M} UTC.")
    emergency.ends_at = now
    emergency._change_reason = f"lifted: {reason}"[:100]  # type: ignore[attr-defined]  # read by simple-history
    emergency.save(update_fields=["ends_at"])
    tell_emergency_changed(emergency_id=emergency_id, now=now)


def tell_emergency_changed(*, emergency_id: int, now: datetime) -> None:
    """Let the apps above know, once the change has been committed."""
    publish(EmergencyChanged(emergency_id=emergency_id, at=now))
