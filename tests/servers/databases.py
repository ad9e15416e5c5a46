"""A fresh database, and a Redis database number of its own, on the servers of this run."""

from __future__ import annotations

import contextlib
import itertools
import os
import uuid
from collections.abc import Iterator

import environ
import psycopg

from tests.servers.redis import DATABASES_OF_A_WORKER, numbered

_numbers = itertools.count()


@contextlib.contextmanager
def fresh_database() -> Iterator[str]:
    """Create an empty database beside the one that DATABASE_URL names; yield its URL; drop it."""
    url = os.environ["DATABASE_URL"]
    known = environ.Env.db_url_config(url)
    server = {"host": known["HOST"], "user": known["USER"], "password": known["PASSWORD"], "port": known["PORT"]}
    name = f"commonwatt_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(dbname=known["NAME"], autocommit=True, **{k: v for k, v in server.items() if v}) as owner:
        owner.execute(f'CREATE DATABASE "{name}"')
        try:
            yield url[: url.rindex("/") + 1] + name
        finally:
            owner.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def own_redis_number() -> str:
    """A URL of a numbered database that nothing else uses now: 1 to 7 of this worker in turn."""
    return numbered(os.environ["REDIS_URL"], 1 + next(_numbers) % (DATABASES_OF_A_WORKER - 1))
