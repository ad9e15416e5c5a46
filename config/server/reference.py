"""Reference data of all apps, lowest stair first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import accounts.services.reference
import budgets.services.reference
import climate.services.reference
import market.services.reference
import sessions_app.services.reference

Loader = Callable[..., dict[str, int]]

LOADERS: tuple[tuple[str, Loader], ...] = (
    ("accounts", accounts.services.reference.load_reference),
    ("climate", climate.services.reference.load_reference),
    ("budgets", budgets.services.reference.load_reference),
    ("market", market.services.reference.load_reference),
    ("sessions", sessions_app.services.reference.load_reference),
)


def load_reference(*, now: datetime) -> dict[str, int]:
    """Add every reference row that is missing; how many of each kind were added. Existing rows stay as they are."""
    added: dict[str, int] = {}
    for app, load in LOADERS:
        added |= {f"{app} {kind}": count for kind, count in load(now=now).items()}
    return added
