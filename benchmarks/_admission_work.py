"""The parts of `benchmarks/admission.py` that run as processes of their own. Each prints one line of JSON.

_admission_work.py prepare
_admission_work.py service CLIENTS SECONDS LEAF...
_admission_work.py http URL KEY CLIENTS SECONDS LEAF...
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

TOKENS = 10  # of each piece of work; small, so that no budget fills up
LEAVES = 16
WARM_UP_SECONDS = 1.0


def prepare() -> dict[str, Any]:
    """Budgets to reserve on, by gear: one alone, and sixteen leaves of a tree of four levels."""
    import django

    django.setup()
    from accounts.domain.scopes import ALL_SCOPES
    from accounts.models import Team
    from accounts.services.keys import create_api_key
    from budgets.domain.gears import GearChoice
    from budgets.domain.periods import Period
    from budgets.domain.units import Unit
    from budgets.services import create_budget
    from config.server import first_run
    from config.server.reference import load_reference

    now = datetime.now(UTC)
    if not Team.objects.exists():
        load_reference(now=now)
        first_run.create_demo(now=now)
    team = Team.objects.select_related("organisation").order_by("pk")[0]

    def budget(gear: GearChoice, parent_id: UUID | None = None) -> UUID:
        return create_budget(
            name="benchmark",
            organisation_id=team.organisation_id,
            team_id=team.pk,
            parent_id=parent_id,
            unit=Unit.TOKENS,
            limit=Decimal(10**12),
            period=Period.MONTH,
            actor="benchmark",
            now=now,
            gear=gear,
        )

    made: dict[str, Any] = {}
    for gear in GearChoice:
        session = budget(gear, budget(gear, budget(gear)))
        made[f"hot {gear}"] = [str(budget(gear))]
        made[f"tree {gear}"] = [str(budget(gear, session)) for _ in range(LEAVES)]
    from budgets.models import Budget

    made["path"] = Budget.objects.get(pk=made["tree direct"][0]).path_ids[1:]
    _, secret = create_api_key(team_id=team.pk, name="benchmark", scopes=[str(scope) for scope in ALL_SCOPES])
    return {**made, "secret": secret}


def service(clients: int, seconds: float, leaves: list[str]) -> dict[str, Any]:
    """Threads of one process that call `place_hold`, each on a leaf of its own as far as there are so many."""
    import django

    django.setup()
    from budgets.domain.units import Amounts
    from budgets.services import place_hold

    counts = [0] * clients
    gears: dict[str, int] = {}
    begin, end = threading.Event(), [0.0]

    def work(index: int, leaf: UUID) -> None:
        begin.wait()
        while time.perf_counter() < end[0]:
            now = datetime.now(UTC)
            placed = place_hold(
                budget_id=leaf,
                amounts=Amounts(tokens=TOKENS, carbon_ug=0, micro_usd=0),
                reference=f"benchmark:{uuid4()}",
                lease_expires_at=now + timedelta(hours=1),
                actor="benchmark",
                now=now,
            )
            counts[index] += 1
            gears[placed.gear.value] = gears.get(placed.gear.value, 0) + 1

    named = zip(range(clients), cycle(map(UUID, leaves)), strict=False)
    threads = [threading.Thread(target=work, args=each) for each in named]
    for thread in threads:
        thread.start()
    end[0] = time.perf_counter() + WARM_UP_SECONDS + seconds
    begin.set()
    time.sleep(WARM_UP_SECONDS)  # connections are made, gears chosen, blocks opened
    started, cpu, before = time.perf_counter(), time.process_time(), sum(counts)
    gears.clear()
    for thread in threads:
        thread.join()
    done = sum(counts) - before
    took = time.perf_counter() - started
    return {"rate": done / took, "cpu_ms": (time.process_time() - cpu) * 1000 / done, "gears": gears}


def http(url: str, key: str, clients: int, seconds: float, leaves: list[str]) -> dict[str, Any]:
    """Connections that each send their next request when the answer has come, in one thread without a library.

    Anything but 201 ends the measurement: what is refused is no admission.
    """
    host, _, port = url.removeprefix("http://").partition(":")
    waiting = selectors.DefaultSelector()
    for _, leaf in zip(range(clients), cycle(leaves), strict=False):
        body = json.dumps({"amount": TOKENS})
        head = (
            f"POST /api/v1/budgets/{leaf}/reserve/ HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {key}\r\n"
        )
        request = f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        caller = socket.create_connection((host, int(port)))
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        caller.sendall(request)
        waiting.register(caller, selectors.EVENT_READ, (caller, request, bytearray()))
    done, started = 0, time.perf_counter()
    while (now := time.perf_counter()) < started + seconds:
        for key_, _ in waiting.select(1.0):
            caller, request, answer = key_.data
            answer += caller.recv(65536)
            if not _is_whole(answer):
                continue
            if answer[9:12] != b"201":
                raise RuntimeError(answer.decode())
            done += 1
            answer.clear()
            caller.sendall(request)
    return {"rate": done / (now - started), "done": done}


def _is_whole(answer: bytearray) -> bool:
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return False
    at = answer.find(b"content-length:")
    return len(answer) >= head + 4 + int(answer[at + 15 : answer.find(b"\r\n", at)])


def main(name: str, *given: str) -> dict[str, Any]:
    """Run one part."""
    if name == "prepare":
        return prepare()
    if name == "service":
        return service(int(given[0]), float(given[1]), list(given[2:]))
    return http(given[0], given[1], int(given[2]), float(given[3]), list(given[4:]))


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
