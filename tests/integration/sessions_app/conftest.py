from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from sessions_app.selectors.gateway import policies
from sessions_app.services.gateway import knowledge, registry
from tests.integration.world import load_world


@pytest.fixture(scope="module")
def loaded_world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Reference data, loaded once for all tests of a module that undo what they do; gone after the last of them.

    Not for tests whose transactions are committed.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        load_world()
        yield
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _forgotten_gateway() -> Iterator[None]:
    """Deployments of one test are unknown to the next, although the process is the same."""
    registry.forget()
    yield
    registry.forget()


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """What the gateway keeps in the process belongs to one test's database."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    registry.forget()
    knowledge.forget()
    policies._terms.cache_clear()  # versions are never changed, but the next test may have another of the same id
