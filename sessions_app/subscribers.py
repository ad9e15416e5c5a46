"""A handoff that can go on does so at once, and a round that the gateway is to drive begins: this only asks for it.
The schedule makes up for what is lost."""

from __future__ import annotations

from config.kernel.events import subscribe
from sessions_app.events import RoundRunChanged, SessionChanged

GOES_ON_AFTER = frozenset({"handoff.begun", "handoff.voted"})
EXPIRES_SECONDS = 60


def connect() -> None:
    """Listen, once per process."""
    subscribe(SessionChanged, _session_changed)
    subscribe(RoundRunChanged, _round_changed)


def _session_changed(event: SessionChanged) -> None:
    if event.kind not in GOES_ON_AFTER:
        return
    from sessions_app.tasks import carry_on_handoffs

    carry_on_handoffs.apply_async(kwargs={"session_id": str(event.session_id)}, expires=EXPIRES_SECONDS)


def _round_changed(event: RoundRunChanged) -> None:
    if event.status != "queued":
        return
    from sessions_app.tasks import drive_round

    drive_round.apply_async(kwargs={"round_id": str(event.round_id)}, expires=EXPIRES_SECONDS)
