"""What agents pay in benchmarks/sessions.py: the report of a call, a handoff of eight. In a process of its own.

A call is a hold on the agent's budget, the call itself, and its settlement. Tracked, the same hold is placed under the
agent's name and its settlement comes with a report: tokens, what the window holds, the ladder, an event of the log.
The handoff is that of another session, whose windows are as full as they can be before the ladder acts.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

import django

django.setup()

from _sessions_state import make_records, taken_ms  # noqa: E402
from _sessions_windows import full_window  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.services.organisations import create_organisation, create_team  # noqa: E402
from budgets import services as budgets  # noqa: E402
from budgets.domain.periods import Period  # noqa: E402
from budgets.domain.units import Amounts, Unit  # noqa: E402
from sessions_app.domain.words import Component, ItemKind, Phase, Protocol  # noqa: E402
from sessions_app.models import Instance  # noqa: E402
from sessions_app.services.handoffs import Ballot, carry_on, open_handoff, vote  # noqa: E402
from sessions_app.services.lives import AgentAsk, SessionAsk, join_agent, open_session  # noqa: E402
from sessions_app.services.reference import load_reference  # noqa: E402
from sessions_app.services.windows.holds import HoldAsk, reserve  # noqa: E402
from sessions_app.services.windows.items import ItemAsk, load_items  # noqa: E402
from sessions_app.services.windows.usage import UsageReport, record_usage  # noqa: E402

ACTOR = "benchmark"
AGENTS = 8
WINDOW_TOKENS = 200_000
HELD = Amounts(tokens=1_000, carbon_ug=0, micro_usd=0)
USED_INPUT, USED_OUTPUT = 700, 200
UPSTREAM_MS = 500.0
"""How long the upstream takes to answer: a very short answer of a language model."""
ITEMS = 20
OUTPUT_TOKENS = 4_000
FULL_TOKENS = WINDOW_TOKENS * 85 // 100 - OUTPUT_TOKENS - 200
"""With the next output just below the rung that cleans up."""


def main() -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("calls", type=int, help="Of each kind; 0: the handoff alone.")
    given = parser.parse_args()
    now = timezone.now()
    budgets.load_reference(now=now)
    load_reference(now=now)
    desk = Desk(now)
    told = {**desk.tracking(given.calls), "upstream": desk.upstream(3)} if given.calls else {}
    desk.handoff_ms()  # warms up: whoever serves has handed over before
    full = Desk(now, is_full=True)
    told["full_percent"] = full.occupancy_percent()
    print(json.dumps({**told, "handoff": full.handoff_ms() / 1000}), flush=True)


class Desk:
    """A session of eight agents with a budget; `is_full`: with full windows."""

    def __init__(self, now: datetime, *, is_full: bool = False):
        organisation_id = create_organisation(name=f"Bench {uuid4().hex}", country_code="DE", type="ngo")
        self.team_id = create_team(organisation_id=organisation_id, name="Bench", origins=["*"], purposes=["*"])
        self.budget_id = budgets.create_budget(
            name="agents",
            organisation_id=organisation_id,
            team_id=self.team_id,
            parent_id=None,
            unit=Unit.TOKENS,
            limit=Decimal(10**12),
            period=Period.MONTH,
            actor=ACTOR,
            now=now,
        )
        state = {"focus": "harbour", "tasks": make_records(20)}
        ask = SessionAsk(name="Bench", budget_id=self.budget_id, state=state)
        self.session_id = open_session(ask=ask, team_id=self.team_id, actor=ACTOR, now=now)
        self.agents = [f"agent-{number}" for number in range(AGENTS)]
        for number, agent in enumerate(self.agents):
            joins = AgentAsk(agent=agent, role="analyst", window_tokens=WINDOW_TOKENS, max_output_tokens=OUTPUT_TOKENS)
            join_agent(session_id=self.session_id, team_id=self.team_id, ask=joins, actor=ACTOR, now=now)
            if is_full:
                self._load(agent, full_window(number, AGENTS, FULL_TOKENS), now)
            else:
                self._fill(agent)

    def _load(self, agent: str, items: list[ItemAsk], now: datetime) -> None:
        told: dict[str, Any] = {"session_id": self.session_id, "team_id": self.team_id, "agent": agent, "epoch": 1}
        load_items(**told, items=items, actor=ACTOR, now=now)

    def occupancy_percent(self) -> float:
        """Of the emptiest window, with its next output."""
        rows = Instance.objects.filter(session=self.session_id, status=Instance.Status.ACTIVE)
        least = min(rows.values_list("context_tokens", flat=True))
        return 100 * (least + OUTPUT_TOKENS) / WINDOW_TOKENS

    def _fill(self, agent: str) -> None:
        """A window at the beginning of work: instructions, messages and files."""
        kinds = (ItemKind.INSTRUCTION, ItemKind.MESSAGE, ItemKind.FILE, ItemKind.TOOL_OUTPUT)
        items = [
            ItemAsk(
                key=f"item-{number}",
                kind=kinds[number % len(kinds)],
                component=Component.INTERACTION,
                text=f"Item {number} of {agent}: " + "the water rises at the harbour, gauge 4.2 m. " * 8,
                is_pinned=number == 0,
            )
            for number in range(ITEMS)
        ]
        self._report(agent, items=items)

    def plain(self, agent: str) -> None:
        """A call that only its budget knows."""
        now = timezone.now()
        placed = budgets.place_hold(
            budget_id=self.budget_id,
            amounts=HELD,
            reference=f"bench:{uuid4()}",
            lease_expires_at=now + timedelta(minutes=5),
            actor=ACTOR,
            now=now,
        )
        used = Amounts(tokens=USED_INPUT + USED_OUTPUT, carbon_ug=0, micro_usd=0)
        budgets.settle_hold(hold_id=placed.hold_id, amounts=used, actor=ACTOR, now=timezone.now())

    def tracked(self, agent: str) -> None:
        """The same call, known to its session."""
        now = timezone.now()
        ask = HoldAsk(agent=agent, epoch=1, amounts=HELD, lease_expires_at=now + timedelta(minutes=5))
        placed = reserve(session_id=self.session_id, team_id=self.team_id, ask=ask, actor=ACTOR, now=now)
        self._report(agent, hold_id=placed.hold_id)

    def reported(self, agent: str) -> None:
        """A call whose budget somebody else holds: the report alone."""
        self._report(agent)

    def _report(self, agent: str, *, items: list[ItemAsk] | None = None, hold_id: UUID | None = None) -> None:
        report = UsageReport(
            call_id=uuid4().hex,
            operation="analysis",
            input_tokens=USED_INPUT,
            output_tokens=USED_OUTPUT,
            components={Component.INTERACTION: 12_000},
            items=items or (),
            hold_id=hold_id,
        )
        record_usage(
            session_id=self.session_id,
            team_id=self.team_id,
            agent=agent,
            epoch=1,
            report=report,
            actor=ACTOR,
            now=timezone.now(),
        )

    def tracking(self, calls: int) -> dict[str, float]:
        """The median and the mean of each kind of call, in ms; they take turns."""
        kinds: dict[str, Callable[[str], None]] = {
            "plain": self.plain,
            "tracked": self.tracked,
            "reported": self.reported,
        }
        taken: dict[str, list[float]] = {name: [] for name in kinds}
        for number in range(calls + 5):
            for name, work in kinds.items():
                milliseconds = taken_ms(partial(work, self.agents[number % AGENTS]))
                if number >= 5:  # the first warm up
                    taken[name].append(milliseconds)
        medians = {name: statistics.median(those) for name, those in taken.items()}
        return {**medians, **{f"{name}_mean": statistics.fmean(those) for name, those in taken.items()}}

    def handoff_ms(self) -> float:
        """From the beginning of a coordinated handoff of all agents to its end, their votes included."""
        began = time.perf_counter()
        values: dict[str, Any] = {"session_id": self.session_id, "team_id": self.team_id, "actor": ACTOR}
        handoff = open_handoff(
            **values, protocol=Protocol.COORDINATED, reason="the windows are full", now=timezone.now()
        )
        carry_on(handoff_id=handoff.pk, now=timezone.now())
        for agent in self.agents:
            vote(**values, number=handoff.number, ballot=Ballot(agent=agent, epoch=1, vote="ready"), now=timezone.now())
        phase = carry_on(handoff_id=handoff.pk, now=timezone.now())
        milliseconds = (time.perf_counter() - began) * 1000
        active = Instance.objects.filter(session=self.session_id, status=Instance.Status.ACTIVE, epoch=2).count()
        if (phase, active) != (Phase.COMPLETE, AGENTS):
            raise SystemExit(f"The handoff is {phase}; {active} successors are active.")
        return milliseconds

    def upstream(self, times: int) -> float:
        """The median of a call to an upstream on this machine that takes its time, in ms."""
        server = HTTPServer(("127.0.0.1", 0), _Upstream)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        try:
            return statistics.median(taken_ms(lambda: urllib.request.urlopen(url).read()) for _ in range(times))
        finally:
            server.shutdown()


class _Upstream(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer after a while."""
        time.sleep(UPSTREAM_MS / 1000)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    main()
