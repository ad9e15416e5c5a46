"""What several tests of the climate app begin with."""

from __future__ import annotations

import pytest

from climate.models import GridZone, RetentionPolicy


@pytest.fixture
def folder(db, settings, tmp_path):
    """An archive of its own, a policy and two zones."""
    settings.ARCHIVE_DIR = tmp_path / "archive"
    RetentionPolicy.objects.create(pk=1)
    for code in ("DE", "FR"):
        GridZone.objects.create(code=code, name=code)
    return settings.ARCHIVE_DIR
