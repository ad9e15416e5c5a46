"""Which tests run where, and the servers that tests may ask for.

Plain `pytest` runs on SQLite. `python -m tests.servers -- pytest` runs on PostgreSQL and Redis.
A test marked `postgres` or `redis` runs only there, one marked `sqlite` only on SQLite;
`make test` does both, and the header says which of the two this is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_django
from django.conf import settings
from django.db import connection

from tests.servers.databases import migrated_template, put_migrated_file
from tests.servers.flushing import flush_quickly


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
def django_db_keepdb(django_db_keepdb: bool, django_db_use_migrations: bool) -> bool:
    """On SQLite the file that was put in place is taken as it is; it goes with its folder."""
    return django_db_keepdb or (connection.vendor == "sqlite" and django_db_use_migrations)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, django_db_use_migrations: bool) -> None:
    """Each worker's database is a copy of one that is migrated once."""
    if connection.vendor == "postgresql":
        connection.settings_dict["TEST"]["TEMPLATE"] = migrated_template()
    elif django_db_use_migrations:
        put_migrated_file(Path(connection.settings_dict["TEST"]["NAME"]))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[None]:
    """At the end, part from connections that threads of tests left open: PostgreSQL drops no database in use."""
    with django_db_blocker.unblock():
        flush_quickly()
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.fixture(autouse=True)
def _nothing_of_another_test() -> None:
    """What a process remembers for a second or two belongs to one test: the world, and news of deployments."""
    if scenes := sys.modules.get("market.selectors.scenes"):
        scenes.forget_scene()
    if health := sys.modules.get("sessions_app.services.gateway.health"):
        health.forget_gathered()
