"""A small world with two teams, one decision each, and people who see one, both or none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.core.cache import cache

from accounts.domain.principal import ANY
from accounts.domain.scopes import ALL_SCOPES, Role
from accounts.models import User
from accounts.selectors import find_principal_by_secret
from accounts.services.keys import create_api_key
from accounts.services.organisations import add_member, create_administrator, create_organisation, create_team
from budgets.domain.periods import Period
from budgets.domain.units import Unit
from budgets.services import create_budget
from budgets.services import load_reference as load_budget_reference
from climate.services.reference import load_reference as load_climate_reference
from market.domain.asks import Ask
from market.services import load_reference as load_market_reference
from market.services import submit

REGION = "aws-eu-north-1"


@dataclass(frozen=True)
class World:
    """Ids of what the tests look at."""

    delta_team_id: int
    delta_request_id: UUID
    coast_team_id: int
    coast_request_id: UUID


def ask_for_tokens(team_id: int, purpose: str = "climate_adaptation", **changes: Any) -> UUID:
    """A decided request of the team, through the services."""
    now = datetime.now(UTC)
    _, secret = create_api_key(team_id=team_id, name="test", scopes=ALL_SCOPES)
    found = find_principal_by_secret(secret, now=now)
    assert found
    stated = {"model_class": "L", "origin": "BD", "tokens": 2000, "eligible_regions": (REGION,), **changes}
    ask = Ask(purpose=purpose, **stated)
    return submit(ask=ask, principal=found[0], now=now).decision.request_id


def make_team(organisation: str, team: str) -> int:
    """A team of a new organisation with a default budget of 1,000,000 tokens a month."""
    now = datetime.now(UTC)
    organisation_id = create_organisation(name=organisation, country_code="BD", type="ngo")
    team_id = create_team(organisation_id=organisation_id, name=team, origins=[ANY], purposes=[ANY])
    create_budget(
        name=f"Budget of {team}",
        organisation_id=organisation_id,
        team_id=team_id,
        parent_id=None,
        unit=Unit.TOKENS,
        limit=Decimal(1_000_000),
        period=Period.MONTH,
        actor="test",
        now=now,
        is_default=True,
    )
    return team_id


def make_world() -> World:
    """Reference data, two teams, a decision of each."""
    now = datetime.now(UTC)
    cache.clear()
    load_climate_reference(now=now)
    load_budget_reference(now=now)
    load_market_reference(now=now)
    delta, coast = make_team("Delta Relief", "Floods"), make_team("Coast Watch", "Storms")
    return World(delta, ask_for_tokens(delta), coast, ask_for_tokens(coast, "disaster_response"))


def make_person(name: str, team_id: int | None = None) -> User:
    """A person who can log in, a member of the team if one is given."""
    user = User.objects.create_user(username=name, password="a long enough password")
    if team_id is not None:
        add_member(user_id=user.pk, team_id=team_id, role=Role.MEMBER)
    return user


@pytest.fixture
def world(db) -> World:
    return make_world()


@pytest.fixture
def member(world: World) -> User:
    return make_person("member", world.delta_team_id)


@pytest.fixture
def staff(world: World) -> User:
    return User.objects.get(pk=create_administrator(username="staff", password="a long enough password"))


@pytest.fixture
def visitors_see(settings):
    """Choose what visitors may see."""

    def choose(what: str) -> None:
        settings.VISITORS_MAY_SEE = what

    return choose
