"""A small tree of budgets, and people who may change it."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.core.cache import cache

from accounts.domain.scopes import Role
from accounts.models import Membership
from budgets.services import load_reference as load_budget_reference
from tests.integration.dashboard.budgets.doing import (
    STARTED,
    budget,
)
from tests.integration.dashboard.conftest import World, make_person, make_team


@pytest.fixture
def world(db) -> World:
    """Two teams with a budget each; nothing of the climate, which these pages do not show."""
    cache.clear()
    load_budget_reference(now=STARTED)
    return World(make_team("Delta Relief", "Floods"), uuid4(), make_team("Coast Watch", "Storms"), uuid4())


@pytest.fixture
def tree(world) -> dict[str, UUID]:
    pool = budget(world, "Pool", team_id=0, limit=10_000, warning_amounts=[7500, 9000])
    team = budget(world, "Model team", parent=pool, limit=8000)
    session = budget(world, "Flood session", parent=team, limit=4000)
    agent = budget(world, "Writer", parent=session, limit=1000)
    return {"pool": pool, "team": team, "session": session, "agent": agent}


@pytest.fixture
def operator(world):
    person = make_person("operator")
    Membership.objects.create(user=person, team_id=world.delta_team_id, role=Role.OPERATOR)
    return person


@pytest.fixture
def colleague(world):
    person = make_person("colleague")
    Membership.objects.create(user=person, team_id=world.delta_team_id, role=Role.OPERATOR)
    return person
