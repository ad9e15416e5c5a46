"""Every test here has the toy source, and pauses between tries that are noted instead of slept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from climate.models import GridZone
from tests.integration.climate.collect.toy import World, toy_world


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds of each pause between two tries."""
    pauses: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", pauses.append)
    return pauses


@pytest.fixture
def toy(db: None, monkeypatch: pytest.MonkeyPatch, settings: Any, waited: list[float]) -> Iterator[World]:
    GridZone.objects.bulk_create(GridZone(code=code, name=code) for code in ("DE", "FR", "PL"))
    with toy_world(monkeypatch, settings) as world:
        yield world
