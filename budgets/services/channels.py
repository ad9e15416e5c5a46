"""Where alerts go: channels made, changed, tried and removed.

Who may is the door's question: an organisation's administrators all of its channels, a team those of the team.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from budgets.domain.alerts import DeliveryFacts, MadeChannel


def create_channel(
    *,
    name: str,
    organisation_id: int,
    team_id: int | None,
    kind: str,
    address: str,
    alert_kinds: Sequence[str] = (),
    least_percent: int = 0,
    is_active: bool = True,
    actor: str,
    now: datetime,
) -> MadeChannel:
    """Make a channel of an organisation, or of one of its teams; the secret of a webhook is returned this once.

    `kind` is email or webhook; `alert_kinds` empty means all. Raises InvalidInput naming the field.
    """
    raise NotImplementedError


def change_channel(*, channel_id: int, actor: str, now: datetime, reason: str = "", **changes: Any) -> None:
    """Change name, address, alert_kinds, least_percent or is_active. Raises InvalidInput naming the field, NotFound."""
    raise NotImplementedError


def rotate_secret(*, channel_id: int, actor: str, now: datetime) -> str:
    """Give a webhook another secret and return it, this once. Raises NotFound, Conflict for e-mail."""
    raise NotImplementedError


def remove_channel(*, channel_id: int, actor: str, now: datetime) -> None:
    """Remove a channel with its deliveries; the history keeps what it was. Raises NotFound."""
    raise NotImplementedError


def send_test(*, channel_id: int, actor: str, now: datetime) -> DeliveryFacts:
    """Send a test at once, once, outside of any transaction, and return what came of it. Raises NotFound."""
    raise NotImplementedError


def retry_delivery(*, delivery_id: UUID, actor: str, now: datetime) -> None:
    """Try a delivery that is waiting or has failed again at once. Raises NotFound, Conflict if it arrived."""
    raise NotImplementedError
