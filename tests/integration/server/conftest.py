"""Deployments that a test may ask for. They are slow to start, so a module shares one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.commonwatt import Client, Serve, environment, serving
from tests.servers.databases import fresh_database, migrated_environment, own_redis_number


@dataclass(frozen=True, slots=True)
class Deployment:
    """Running web processes over one database, and the environment to run commands in."""

    servers: list[Serve]
    env: dict[str, str]

    @property
    def api_key(self) -> str:
        """The demo key, printed by the process that ran first."""
        return self.servers[0].printed("api key")

    def clients(self) -> list[Client]:
        """One for each process."""
        return [Client(server.url, self.api_key) for server in self.servers]

    @property
    def client(self) -> Client:
        """That of the first process."""
        return self.clients()[0]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Everything in one process on SQLite, as `make run` starts it."""
    env = migrated_environment(tmp_path_factory.mktemp("embedded"))
    with serving(env) as servers:
        yield Deployment(servers, env)


@pytest.fixture(scope="module")
def spread(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Two web processes on one PostgreSQL and one Redis."""
    with fresh_database() as database_url:
        env = spread_environment(tmp_path_factory.mktemp("spread"), database_url)
        with serving(env, env) as servers:
            yield Deployment(servers, env)


def spread_environment(folder: Path, database_url: str) -> dict[str, str]:
    """The environment of web processes that share a database and a broker."""
    return environment(folder, DATABASE_URL=database_url, REDIS_URL=own_redis_number())
