"""Commonwatt itself as a process of its own, as a person starts it."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 90
STOP_SECONDS = 20
CLOSED = "http://127.0.0.1:9"
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "SYSTEMROOT")


def environment(data_dir: Path, **given: str) -> dict[str, str]:
    """The environment of a first run in `data_dir`, closed to the outside, with `given` on top."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {
        **inherited,
        "COMMONWATT_DATA_DIR": str(data_dir),
        "COMMONWATT_ENV_FILE": os.devnull,
        "GB_CARBON_INTENSITY_URL": CLOSED,
        "ENERGY_CHARTS_URL": CLOSED,
        "GDACS_URL": CLOSED,
        "NWS_URL": CLOSED,
        "PYTHONUNBUFFERED": "1",
        **given,
    }


def manage(*arguments: str, env: dict[str, str], seconds: int = 120) -> subprocess.CompletedProcess[str]:
    """Run a management command to its end."""
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=seconds)


class Serve:
    """One `manage.py serve` on a free port. `lines` is what it printed, `log` what it logged."""

    def __init__(self, env: dict[str, str], *, port: int = 0):
        self.env = env
        self.lines: list[str] = []
        self._printed: queue.Queue[str | None] = queue.Queue()
        self._log_path = Path(env["COMMONWATT_DATA_DIR"]) / f"serve-{id(self)}.log"
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(ROOT / "manage.py"), "serve", "--port", str(port)]
        with open(self._log_path, "wb") as log:
            self.process = subprocess.Popen(
                command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def log(self) -> str:
        """Everything on standard error so far."""
        return self._log_path.read_text()

    def wait_until_up(self) -> Serve:
        """Wait until it has printed all its lines and answers; raise with its log if it does not."""
        while not any(line.startswith(("Keep them", "The password")) for line in self.lines):
            try:
                line = self._printed.get(timeout=START_SECONDS)
            except queue.Empty:
                line = None
            if line is None:
                raise RuntimeError(f"serve did not start; it printed {self.lines} and logged:\n{self.log}")
            self.lines.append(line.rstrip("\n"))
        requests.get(f"{self.url}/healthz", timeout=START_SECONDS).raise_for_status()
        return self

    def printed(self, name: str) -> str:
        """What it printed after `name: `."""
        return next(line.partition(": ")[2] for line in self.lines if line.startswith(f"{name}: "))

    @property
    def url(self) -> str:
        """Where it answers."""
        return self.printed("url")

    def stop(self, with_signal: signal.Signals = signal.SIGINT) -> int:
        """Ask it to end; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        try:
            return self.process.wait(STOP_SECONDS)
        finally:
            self.kill()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._printed.put(line)
        self._printed.put(None)


class Client:
    """A program that holds an API key."""

    def __init__(self, url: str, api_key: str):
        self.url = url
        self._headers = {"Authorization": f"Bearer {api_key}"}

    def post(self, path: str, body: dict[str, Any], **headers: str) -> requests.Response:
        """POST JSON to a path below /api/v1/."""
        return requests.post(f"{self.url}/api/v1/{path}", json=body, headers={**self._headers, **headers}, timeout=120)

    def patch(self, path: str, body: dict[str, Any]) -> requests.Response:
        """PATCH JSON to a path below /api/v1/."""
        return requests.patch(f"{self.url}/api/v1/{path}", json=body, headers=self._headers, timeout=60)

    def get(self, path: str, **query: Any) -> requests.Response:
        """GET a path below /api/v1/."""
        return requests.get(f"{self.url}/api/v1/{path}", params=query, headers=self._headers, timeout=60)


def all_at_once(calls: list[Any]) -> list[Any]:
    """Call every one of them in a thread of its own, released together; their results in order."""
    barrier = threading.Barrier(len(calls))

    def released(call: Any) -> Any:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(max_workers=len(calls)) as threads:
        return list(threads.map(released, calls))


@contextlib.contextmanager
def serving(*envs: dict[str, str]) -> Iterator[list[Serve]]:
    """One serve per environment, all up; stopped at the end."""
    servers: list[Serve] = []
    try:
        for env in envs:
            servers.append(Serve(env))
            servers[-1].wait_until_up()
        yield servers
    finally:
        for server in servers:
            server.kill()
