"""A fresh database, and a Redis database number of its own, on the servers of this run.

Migrations take longer than most tests: they run once, into a template that fresh databases are copies of.
That they run from nothing is tested by whoever makes the template.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import environ
import psycopg

from tests.servers.commonwatt import ROOT, environment, manage
from tests.servers.redis import DATABASES_OF_A_WORKER, numbered

_numbers = itertools.count()


_TEMPLATE_LOCK = 7_205_110
MIGRATE_SECONDS = 900  # on a machine that has much else to do


@contextlib.contextmanager
def fresh_database() -> Iterator[str]:
    """Create a migrated, empty database beside the one that DATABASE_URL names; yield its URL; drop it."""
    name = f"commonwatt_{uuid.uuid4().hex[:12]}"
    template = migrated_template()
    with _owner() as owner:
        owner.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield _beside() + name
        finally:
            owner.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def migrated_template() -> str:
    """The name of a database beside the one that DATABASE_URL names that the migrations of now have made."""
    with _owner() as owner:
        owner.execute("SELECT pg_advisory_lock(%s)", [_TEMPLATE_LOCK])  # until this connection ends
        return _template(owner, _beside())


def _owner() -> psycopg.Connection[tuple[object, ...]]:
    known = environ.Env.db_url_config(os.environ["DATABASE_URL"])
    server = {"host": known["HOST"], "user": known["USER"], "password": known["PASSWORD"], "port": known["PORT"]}
    given = {name: value for name, value in server.items() if value}
    return psycopg.connect(dbname=known["NAME"], autocommit=True, **given)


def _beside() -> str:
    url = os.environ["DATABASE_URL"]
    return url[: url.rindex("/") + 1]


def _template(owner: psycopg.Connection[tuple[object, ...]], beside: str) -> str:
    """The name of a database that the migrations of now have made."""
    name = f"commonwatt_template_{_migrations_digest()}"
    if owner.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        return name
    draft = f"commonwatt_draft_{uuid.uuid4().hex[:12]}"
    owner.execute(f'CREATE DATABASE "{draft}"')
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder), DATABASE_URL=beside + draft)
        manage("migrate", "-v0", env=env, seconds=MIGRATE_SECONDS).check_returncode()
    owner.execute(f'ALTER DATABASE "{draft}" RENAME TO "{name}"')
    return name


def migrated_environment(data_dir: Path, **given: str) -> dict[str, str]:
    """`environment` of a first run on SQLite that finds its tables made."""
    put_migrated_file(data_dir / "commonwatt.sqlite3")
    return environment(data_dir, **given)


def put_migrated_file(path: Path) -> None:
    """Put an SQLite database that the migrations of now have made at a path, in place of what is there."""
    template = Path(tempfile.gettempdir()) / f"commonwatt-template-{_migrations_digest()}-{os.getuid()}"
    template.mkdir(mode=0o700, exist_ok=True)
    made = template / "commonwatt.sqlite3"
    with open(template / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            with tempfile.TemporaryDirectory(dir=template) as draft:
                manage("migrate", "-v0", env=environment(Path(draft)), seconds=MIGRATE_SECONDS).check_returncode()
                (Path(draft) / "commonwatt.sqlite3").rename(made)
    path.parent.mkdir(parents=True, exist_ok=True)
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
    shutil.copyfile(made, path)


def _migrations_digest() -> str:
    """What the migrations of all apps are, in short."""
    digest = hashlib.sha256((ROOT / "requirements" / "base.txt").read_bytes())
    for path in sorted(ROOT.glob("*/migrations/*")):
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def own_redis_number() -> str:
    """A URL of a numbered database that nothing else uses now: 1 to 7 of this worker in turn."""
    return numbered(os.environ["REDIS_URL"], 1 + next(_numbers) % (DATABASES_OF_A_WORKER - 1))
