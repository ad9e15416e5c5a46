"""A team with a key, made through the services."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from accounts.domain.scopes import Scope
from accounts.services.keys import create_api_key
from accounts.services.organisations import create_organisation, create_team


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()


@pytest.fixture
def team_id():
    organisation_id = create_organisation(name="Delta Relief", country_code="BD", type="ngo")
    return create_team(organisation_id=organisation_id, name="Floods", origins=["KE"], purposes=["disaster_response"])


@pytest.fixture
def key_and_secret(team_id):
    return create_api_key(team_id=team_id, name="test", scopes=[Scope.REQUESTS_READ, Scope.REQUESTS_WRITE])
