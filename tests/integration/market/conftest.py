from __future__ import annotations

import pytest

from tests.integration.world import Team, load_world, make_team


@pytest.fixture
def team(db) -> Team:
    """A team that may claim anything, in a deployment with its reference data."""
    load_world()
    return make_team()
