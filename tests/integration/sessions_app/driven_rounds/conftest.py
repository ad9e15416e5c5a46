"""A team whose models a panel plays, and a session of it."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.integration.sessions_app.desk import open_desk
from tests.integration.sessions_app.driven_rounds.panel import serve
from tests.integration.world import Team, make_team


@pytest.fixture
def team(loaded_world: None) -> Team:
    serve()
    return make_team()


@pytest.fixture
def session_id(team: Team) -> UUID:
    return open_desk(team)
