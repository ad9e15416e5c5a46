"""What several tests of the climate app begin with."""

from __future__ import annotations

import pytest

from accounts.domain.scopes import Scope
from climate.models import Emergency, GridZone, RetentionPolicy
from climate.services.alerts import keep_alerts
from tests.integration.climate.alert_examples import ORANGE
from tests.integration.world import NOW, make_team


@pytest.fixture
def folder(db, settings, tmp_path):
    """An archive of its own, a policy and two zones."""
    settings.ARCHIVE_DIR = tmp_path / "archive"
    RetentionPolicy.objects.create(pk=1)
    for code in ("DE", "FR"):
        GridZone.objects.create(code=code, name=code)
    return settings.ARCHIVE_DIR


@pytest.fixture
def owner():
    """A key with all that a team can hold."""
    return make_team("Owners").client


@pytest.fixture
def trusted():
    """A key that an administrator gave the platform-wide scope."""
    return make_team("Trusted", scopes=[Scope.CLIMATE_READ, Scope.EMERGENCIES_WRITE]).client


@pytest.fixture
def proposed():
    """The number of an emergency that an orange alert proposes."""
    keep_alerts(source="gdacs", alerts=[ORANGE], is_complete=True, now=NOW)
    return Emergency.objects.get().pk
