"""Which tests run where, and the servers that tests may ask for.

Plain `pytest` runs on SQLite. `python -m tests.servers -- pytest` runs on PostgreSQL and Redis.
A test marked `postgres` or `redis` runs only there, one marked `sqlite` only on SQLite;
`make test` does both, and the header says which of the two this is.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import pytest_django
from django.conf import settings
from django.db import connection


def _servers() -> set[str]:
    """Markers of the servers that this run has."""
    on_sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    has_redis = bool(settings.ENVIRONMENT.redis_url)
    return {"sqlite" if on_sqlite else "postgres"} | ({"redis"} if has_redis else set())


def pytest_report_header() -> str:
    """Say which servers this run uses."""
    return f"servers: {', '.join(sorted(_servers()))}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, visibly, what belongs to the other half of `make test`."""
    elsewhere = {"sqlite", "postgres", "redis"} - _servers()
    left_out = [item for item in items if elsewhere & {mark.name for mark in item.iter_markers()}]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[None]:
    """At the end, part from connections that threads of tests left open: PostgreSQL drops no database in use."""
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
