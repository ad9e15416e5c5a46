"""The smallest deployment that can decide something: reference data, a team, a key, a budget."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from rest_framework.test import APIClient

from accounts.domain.principal import Principal
from accounts.domain.scopes import ALL_SCOPES
from accounts.selectors import find_principal_by_secret
from accounts.services.keys import create_api_key
from accounts.services.organisations import create_organisation, create_team
from budgets import services as budgets
from budgets.domain.periods import Period
from budgets.domain.units import Unit
from climate.services.reference import load_reference as load_places
from market import services as market
from sessions_app.services import reference as sessions
from tests.servers.rows import put_rows

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Team:
    """A team of an organisation, with a key."""

    organisation_id: int
    team_id: int
    secret: str
    principal: Principal

    @property
    def client(self) -> APIClient:
        """A client that sends the team's key."""
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.secret}")
        return client


def load_world() -> None:
    """Places, thresholds, purposes and policies as a first run has them."""
    put_rows("world", _load_world)


def _load_world() -> None:
    load_places(now=NOW)
    budgets.load_reference(now=NOW)
    market.load_reference(now=NOW)
    sessions.load_reference(now=NOW)


def make_team(
    name: str = "Flood desk",
    *,
    country_code: str = "DE",
    type: str = "ngo",
    origins: Collection[str] = ("*",),
    purposes: Collection[str] = ("*",),
    scopes: Collection[str] = ALL_SCOPES,
) -> Team:
    """A team in an organisation of its own."""
    organisation_id = create_organisation(name=f"{name} organisation", country_code=country_code, type=type)
    team_id = create_team(organisation_id=organisation_id, name=name, origins=origins, purposes=purposes)
    _, secret = create_api_key(team_id=team_id, name="test", scopes=[str(scope) for scope in scopes])
    found = find_principal_by_secret(secret, now=NOW)
    assert found is not None
    return Team(organisation_id=organisation_id, team_id=team_id, secret=secret, principal=found[0])


def make_budget(team: Team, limit: int | str = 10_000, **changes: Any) -> UUID:
    """A budget of the team; tokens, one-off and without a parent unless told otherwise."""
    values: dict[str, Any] = {
        "name": "budget",
        "organisation_id": team.organisation_id,
        "team_id": team.team_id,
        "parent_id": None,
        "unit": Unit.TOKENS,
        "limit": Decimal(limit),
        "period": Period.ONE_OFF,
        "actor": "test",
        "now": NOW,
    }
    return budgets.create_budget(**{**values, **changes})


class _Undone(Exception):
    pass


@contextmanager
def undone() -> Iterator[None]:
    """Everything inside is rolled back: each example of a property test begins from the same state."""
    try:
        with transaction.atomic():
            yield
            raise _Undone
    except _Undone:
        pass
