"""The gateway beside LiteLLM and Portkey: what a call costs over an upstream that answers at once, and who overspends.

One run, one machine, one after the other: the same non-streamed chat completion from 1, 16 and 64 clients, straight
to the upstream and through each gateway. Ours holds, decides, places, prices and settles every call, on SQLite and on
a durable PostgreSQL of its own. Then 200 calls at once on a budget that pays for exactly 50.

    uv venv PEERS && uv pip install --python PEERS/bin/python -r benchmarks/peers_gateway.txt        # optional
    npm install --prefix NODE @portkey-ai/gateway@1.15.2                                             # optional
    .venv/bin/python benchmarks/gateway.py --litellm PEERS/bin/python --portkey NODE
    .venv/bin/python benchmarks/gateway.py --quick                                                   # us alone, SQLite
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import _gateway_peers as peers  # noqa: E402
import _gateway_sides as sides  # noqa: E402
import requests  # noqa: E402
from _gateway_sides import Running, Side  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from tests.servers.upstream import upstream_process  # noqa: E402

WIDTH_CHARACTERS = 132
CLIENTS = (1, 16, 64)
WARM_UP_CALLS, WARM_UP_SECONDS = 30, 1.5
FIRED = 200
AIM_TIMES, AIM_OVERHEAD_MS = 5.0, 8.0
TEXT = "Tell me of the wind today, in few words"
BODY: dict[str, Any] = {
    "model": sides.MODEL,
    "messages": [{"role": "user", "content": TEXT}],
    "max_tokens": peers.OUTPUT_TOKENS,
}


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What one gateway did with so many clients. Milliseconds over the upstream alone; CPU for each answer."""

    side: Side
    clients: int
    rate: float
    percentiles_ms: dict[str, float]
    cpu_ms: float | None
    database_cpu_ms: float | None
    memory_mb: float | None
    odd: str = ""


def main() -> int:
    """Measure and print; 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--litellm", metavar="PYTHON", help="A Python that has benchmarks/peers_gateway.txt installed.")
    parser.add_argument("--portkey", metavar="FOLDER", help="Where npm has installed @portkey-ai/gateway.")
    parser.add_argument("--quick", action="store_true", help="SQLite only, 1 and 16 clients, two seconds each.")
    parser.add_argument("--seconds", type=float, default=6.0, help="How long each is measured.")
    given = parser.parse_args()
    clients, seconds = (CLIENTS[:2], 2.0) if given.quick else (CLIENTS, given.seconds)
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH_CHARACTERS
    if given.litellm is None:
        console.print("Nobody to compare with: --litellm and --portkey name those that are installed.")
    with (
        tempfile.TemporaryDirectory(prefix="commonwatt_bench_") as folder,
        upstream_process() as (upstream, _),
        sides.durable_postgres(is_wanted=not given.quick) as database_pids,
    ):
        measured = [
            speed
            for side in compared(Path(folder), given, database_pids)
            for speed in measure(side, f"{upstream}/speed", clients, seconds)
        ]
        console.print(as_table(measured, clients))
        spent = [
            (side, *overspend(side, upstream, number))
            for number, side in enumerate(bursts(Path(folder), given, database_pids))
        ]
    console.print(as_spent(spent))
    return 0 if judge(console, measured, spent) else 1


def compared(folder: Path, given: argparse.Namespace, database_pids: list[int]) -> Iterator[Side]:
    """Everybody whose speed is measured; the upstream first."""
    yield sides.bare()
    yield sides.ours(folder)
    if not given.quick:
        yield sides.ours(folder, database_pids=database_pids)
    if given.litellm:
        name = f"LiteLLM {sides.version_of(given.litellm, 'litellm')}"
        yield sides.litellm(given.litellm, folder, name, "none")
        yield sides.litellm(given.litellm, folder, f"{name}, key", "of the key, in memory", key_budget_usd=10.0**9)
    if given.portkey:
        yield sides.portkey(given.portkey)


def bursts(folder: Path, given: argparse.Namespace, database_pids: list[int]) -> Iterator[Side]:
    """Everybody who is asked for more than a budget pays."""
    folder = folder / "bursts"
    folder.mkdir()
    yield sides.ours(folder)
    if not given.quick:
        yield sides.ours(folder, database_pids=database_pids, processes=2)
    if given.litellm:
        usd = sides.PAID * peers.OUTPUT_TOKENS * peers.USD_PER_TOKEN
        name = f"LiteLLM {sides.version_of(given.litellm, 'litellm')}"
        for workers in (1, 2):
            how = {"key_budget_usd": usd, "workers": workers}
            yield sides.litellm(given.litellm, folder, f"{name}, key, {workers} workers", "of the key", **how)
        yield sides.litellm(given.litellm, folder, f"{name}, provider", "of the provider", provider_budget_usd=usd)


def measure(side: Side, upstream: str, clients: tuple[int, ...], seconds: float) -> Iterator[Speed]:
    """The speed with each number of clients."""
    with side.start(upstream) as up:
        for _ in range(WARM_UP_CALLS):
            requests.post(up.urls[0], headers=up.headers, json=BODY, timeout=60).raise_for_status()
        for count in clients:
            asked = {"url": up.urls[0], "headers": up.headers, "body": BODY, "clients": count, "seconds": seconds}
            yield _speed(side, up, count, asked)


def _speed(side: Side, up: Running, clients: int, asked: dict[str, Any]) -> Speed:
    given = json.dumps({**asked, "warm_up_seconds": WARM_UP_SECONDS})
    with subprocess.Popen([*sides.LOAD, given], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        before = sides.cpu_ms(up.pids), sides.cpu_ms(up.database_pids)
        told = json.loads(process.stdout.readline())
        after = sides.cpu_ms(up.pids), sides.cpu_ms(up.database_pids)
    answered = max(1, told["answered"])
    return Speed(
        side=side,
        clients=clients,
        rate=told["rate"],
        percentiles_ms={name: told[name] for name in ("p50", "p95", "p99")},
        cpu_ms=(after[0] - before[0]) / answered if up.pids else None,
        database_cpu_ms=(after[1] - before[1]) / answered if up.database_pids else None,
        memory_mb=sides.memory_mb(up.pids) if up.pids else None,
        odd="; ".join(f"{status}: {body}" for status, body in told["first"].items() if status != "200"),
    )


def overspend(side: Side, upstream: str, number: int) -> tuple[dict[str, int], int, int]:
    """Fire on a budget for fifty calls: the statuses, what the upstream answered; without `max_tokens` as well."""
    lane, found = f"{upstream}/burst{number}", []
    for body in (BODY, {name: value for name, value in BODY.items() if name != "max_tokens"}):
        with side.start(lane) as up:  # anew: a budget that peers keep in memory is spent
            headers = _priced(up, lane)
            before = _seen(lane)
            asked = {"urls": up.urls, "url": up.urls[0], "headers": headers, "body": body, "burst": FIRED}
            done = subprocess.run([*sides.LOAD, json.dumps(asked)], capture_output=True, text=True, check=True)
            found.append((json.loads(done.stdout)["statuses"], _seen(lane) - before))
    return found[0][0], found[0][1], found[1][1]


def _priced(up: Running, lane: str) -> dict[str, str]:
    """The headers of a budget that pays for fifty such calls: where tokens are budgeted, one call tells how many.

    The upstream is told to report as many tokens as were granted, so that nothing comes back to the budget.
    """
    if up.with_budget is None or up.granted_tokens is None:
        return up.headers
    answer = requests.post(up.urls[0], json=BODY, headers=up.headers, timeout=60)
    answer.raise_for_status()
    tokens = up.granted_tokens(answer.headers["X-Commonwatt-Request"])
    base, _, name = lane.rpartition("/")
    usage = {"usage": {"input": tokens - peers.OUTPUT_TOKENS}}
    requests.post(f"{base}/_behave/{name}", json=usage, timeout=30).raise_for_status()
    return up.with_budget(sides.PAID * tokens)


def _seen(lane: str) -> int:
    base, _, name = lane.rpartition("/")
    return int(requests.get(f"{base}/_seen/{name}", timeout=30).json()["answered"])


def as_table(measured: list[Speed], clients: tuple[int, ...]) -> Table:
    """One line for each number of clients and gateway; times are those over the upstream alone."""
    table = Table(title="Chat completions over an upstream that answers at once")
    for name in (
        "clients",
        "gateway",
        "budgets",
        "requests/s",
        "p50 ms +",
        "p95 ms +",
        "p99 ms +",
        "CPU-ms",
        "of its database",
        "MB",
    ):
        table.add_column(name, justify="left" if name in ("gateway", "budgets") else "right")
    for count in clients:
        those = [each for each in measured if each.clients == count]
        floor = those[0].percentiles_ms
        for each in those:
            over = [each.percentiles_ms[name] - (0 if each is those[0] else floor[name]) for name in floor]
            cells = (f"{value:,.1f}" for value in over)
            used = ("" if value is None else f"{value:.2f}" for value in (each.cpu_ms, each.database_cpu_ms))
            memory = "" if each.memory_mb is None else f"{each.memory_mb:,.0f}"
            name = each.side.name + (f" ({each.odd})" if each.odd else "")
            table.add_row(
                str(count),
                name,
                each.side.budgets,
                f"{each.rate:,.0f}",
                *cells,
                *used,
                memory,
                end_section=each is those[-1],
            )
    return table


def as_spent(spent: list[tuple[Side, dict[str, int], int, int]]) -> Table:
    """How many of the fired calls the upstream answered."""
    table = Table(title=f"{FIRED} calls at once on a budget that pays for {sides.PAID}")
    for name in ("gateway", "budgets", "answered", "statuses", "answered without max_tokens"):
        table.add_column(name, justify="right" if name.startswith("answered") else "left")
    for side, statuses, answered, without in spent:
        words = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
        table.add_row(side.name, side.budgets, str(answered), words, str(without))
    return table


def judge(console: Console, measured: list[Speed], spent: list[tuple[Side, dict[str, int], int, int]]) -> bool:
    """Say which aims are missed."""
    missed = list(_missed(console, measured))
    missed += [
        f"{side.name} answered {answered} calls of {sides.PAID}"
        for side, _, answered, _ in spent
        if side.name.startswith("Commonwatt") and answered != sides.PAID
    ]
    console.print("All aims reached." if not missed else "NOT reached: " + "; ".join(missed) + ".", highlight=False)
    return not missed


def _missed(console: Console, measured: list[Speed]) -> Iterator[str]:
    floor = {each.clients: each.percentiles_ms["p50"] for each in measured if each.side.name == "upstream alone"}
    rivals = {each.clients: each for each in measured if each.side.name.endswith(", key")}
    for each in measured:
        if not each.side.name.startswith("Commonwatt"):
            continue
        over_ms = each.percentiles_ms["p50"] - floor[each.clients]
        if each.clients == 1 and over_ms > AIM_OVERHEAD_MS:
            yield f"{each.side.name} adds {over_ms:.1f} ms at one client, aim {AIM_OVERHEAD_MS:g}"
        if (rival := rivals.get(each.clients)) is None:
            continue
        times = each.rate / rival.rate
        console.print(f"{each.side.name}, {each.clients} clients: {times:.1f} times {rival.side.name}", highlight=False)
        if times < AIM_TIMES:
            yield f"{each.side.name} at {each.clients} clients: {times:.1f} times, aim {AIM_TIMES:g}"


if __name__ == "__main__":
    raise SystemExit(main())
