"""Addresses of channels for those who may not change them: of a webhook, what follows the host may hold a key."""

from __future__ import annotations

import hashlib
from typing import Any

from simple_history.template_utils import HistoricalRecordContextHelper

from budgets.domain.addresses import masked
from budgets.domain.alerts import ChannelKind

MARK_CHARACTERS = 6


def marked(kind: str, address: str) -> str:
    """A webhook's address up to its host, and a mark that tells it from another; of e-mail all of it."""
    if kind != ChannelKind.WEBHOOK:
        return address
    return f"{masked(address)} (mark {hashlib.sha256(address.encode()).hexdigest()[:MARK_CHARACTERS]})"


class MaskedHistory(HistoricalRecordContextHelper):  # type: ignore[misc]  # simple-history has no types
    """What changed from version to version, without keys in addresses."""

    def prepare_delta_change_value(self, change: Any, value: Any) -> Any:
        """The value to show, of an address as it is marked."""
        if change.field == "address":
            return marked(self.record.kind, value)
        return super().prepare_delta_change_value(change, value)
