"""Who is measured in benchmarks/gateway.py: each is started in front of the same upstream and stopped after it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import _gateway_peers as peers

from tests.servers.commonwatt import Client, Serve, environment, serving
from tests.servers.databases import fresh_database, migrated_environment
from tests.servers.deployments import REACHABLE, deployment, make_deployments
from tests.servers.postgres import DURABLE, running_postgres

REGION = "aws-eu-north-1"
MODEL = "instant"
PLENTY_TOKENS = 10**12
PAID = 50
BUDGETED = "with budgets"


@dataclass(frozen=True, kw_only=True)
class Running:
    """A gateway that is up. `pids` are its processes' roots, `database_pids` those of a database beside it.

    `with_budget` gives the headers of calls on a new budget of so many tokens, `granted_tokens` what a request got.
    """

    urls: list[str]
    pids: list[int]
    headers: dict[str, str] = field(default_factory=dict)
    database_pids: list[int] = field(default_factory=list)
    with_budget: Callable[[int], dict[str, str]] | None = None
    granted_tokens: Callable[[str], int] | None = None


@dataclass(frozen=True, kw_only=True)
class Side:
    """Who is measured: the name, what it keeps of money, and how it is started with an upstream's URL."""

    name: str
    budgets: str
    start: Callable[[str], contextlib.AbstractContextManager[Running]]


def bare() -> Side:
    """The upstream itself."""

    @contextlib.contextmanager
    def start(upstream: str) -> Iterator[Running]:
        yield Running(urls=[f"{upstream}/v1/chat/completions"], pids=[])

    return Side(name="upstream alone", budgets="none", start=start)


@contextlib.contextmanager
def durable_postgres(*, is_wanted: bool) -> Iterator[list[int]]:
    """A PostgreSQL whose commits survive a power cut, unless DATABASE_URL names one; its processes' roots."""
    if not is_wanted or os.environ.get("DATABASE_URL", "").startswith("postgres"):
        yield []
        return
    before = set(children(os.getpid()))
    with running_postgres(options=DURABLE) as url:
        os.environ["DATABASE_URL"] = url
        yield [pid for pid in children(os.getpid()) if pid not in before]
        del os.environ["DATABASE_URL"]


def ours(folder: Path, *, database_pids: list[int] | None = None, processes: int = 1) -> Side:
    """`manage.py serve` of a first run; every call is held, decided, priced and settled.

    On PostgreSQL where `database_pids` are its processes', which may be unknown; None: on SQLite.
    """

    @contextlib.contextmanager
    def start(upstream: str) -> Iterator[Running]:
        with contextlib.ExitStack() as stack:
            given = {"REQUEST_RATE_PER_MINUTE": str(10**9), "LOG_LEVEL": "WARNING", **REACHABLE}
            mine = Path(tempfile.mkdtemp(dir=folder))
            if database_pids is None:
                env = migrated_environment(mine, **given)
            else:
                env = environment(mine, DATABASE_URL=stack.enter_context(fresh_database()), **given)
            servers = stack.enter_context(serving(*[env] * processes))
            make_deployments(env, deployment("benchmark", upstream, REGION, served_name=MODEL))
            yield running(servers, database_pids or [])

    place = "SQLite" if database_pids is None else "PostgreSQL"
    more = f", {processes} processes" if processes > 1 else ""
    return Side(name=f"Commonwatt, {place}{more}", budgets="every call", start=start)


def running(servers: list[Serve], database_pids: list[int]) -> Running:
    """Ours, with a budget of a trillion tokens."""
    key = servers[0].printed("api key")
    client = Client(servers[0].url, key)

    def with_budget(limit_tokens: int) -> dict[str, str]:
        body = {"name": "Benchmark", "parent": None, "unit": "tokens", "limit": limit_tokens, "period": "one_off"}
        answer = client.post("budgets/", body)
        answer.raise_for_status()
        return {"Authorization": f"Bearer {key}", "X-Commonwatt-Budget": str(answer.json()["id"])}

    return Running(
        urls=[f"{server.url}/v1/chat/completions" for server in servers],
        pids=[server.process.pid for server in servers],
        database_pids=database_pids,
        headers=with_budget(PLENTY_TOKENS),
        with_budget=with_budget,
        granted_tokens=lambda request_id: int(client.get(f"requests/{request_id}/").json()["granted_tokens"]),
    )


def litellm(python: str, folder: Path, name: str, budgets: str, **how: Any) -> Side:
    """LiteLLM's proxy."""

    @contextlib.contextmanager
    def start(upstream: str) -> Iterator[Running]:
        with peers.litellm(python, folder / name.replace(" ", "-"), upstream, **how) as (url, pid):
            yield Running(urls=[url], pids=[pid], headers={"Authorization": f"Bearer {peers.KEY}"})

    return Side(name=name, budgets=budgets, start=start)


def portkey(folder: str) -> Side:
    """Portkey's gateway."""

    @contextlib.contextmanager
    def start(upstream: str) -> Iterator[Running]:
        with peers.portkey(folder, upstream) as (url, pid):
            headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"{upstream}/v1"}
            yield Running(urls=[url], pids=[pid], headers={**headers, "Authorization": "Bearer none"})

    return Side(name="Portkey", budgets="none", start=start)


def children(pid: int) -> list[int]:
    """All processes below one, itself left out."""
    below: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            below.setdefault(parent, []).append(int(stat.parent.name))
    found, queue = [], [pid]
    while queue:
        found += (mine := below.get(queue.pop(), []))
        queue += mine
    return found


def cpu_ms(roots: list[int]) -> float:
    """Processor time of processes and all below them so far, those that have ended included."""
    total = 0
    for pid in {each for root in roots for each in (root, *children(root))}:
        with contextlib.suppress(OSError):
            total += sum(int(each) for each in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15])
    return total * 1000 / os.sysconf("SC_CLK_TCK")


def memory_mb(roots: list[int]) -> float:
    """Resident memory of processes and all below them."""
    pages = 0
    for pid in {each for root in roots for each in (root, *children(root))}:
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def version_of(python: str, package: str) -> str:
    """The version that an environment has of a package; empty if it has none."""
    program = f"import importlib.metadata as m; print(m.version({package!r}))"
    done = subprocess.run([python, "-c", program], capture_output=True, text=True)
    return done.stdout.strip() if not done.returncode else ""


LOAD = [sys.executable, str(Path(__file__).with_name("_gateway_load.py"))]
