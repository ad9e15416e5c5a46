"""Everybody who may touch a plan, each a loop of one process: passes, people, administrators, the clock.

Times run SPEED times as fast as the wall, so that hours begin, windows close and budgets turn meanwhile.
A refusal (DomainError) is an answer; anything else is written down and fails the soak.
"""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from django.db import connections

from budgets import services as budgets
from climate.models import RegionCapacity
from climate.services import emergencies, outages
from config.kernel.errors import DomainError
from market.models import AllocationRequest
from market.services import cancel, dispatch, expire_overdue, release, settle, take_up_due
from tests.integration.market.planned_work import ask, run
from tests.integration.world import Team

SPEED = 60
REGIONS = ("aws-eu-north-1", "aws-eu-west-3", "aws-eu-central-1")
ROOM = 6000
OPEN = ("queued", "granted", "partial")
PURPOSES = ("luxury_applications", "general_ai_research", "climate_adaptation", "disaster_response")


@dataclass(frozen=True, kw_only=True)
class Soak:
    """What all of them share."""

    team: Team
    leaves: tuple[UUID, ...]
    starts_at: datetime
    wall: float
    seconds: float
    folder: Path

    def now(self) -> datetime:
        """The soak's own time."""
        return self.starts_at + timedelta(seconds=(time.time() - self.wall) * SPEED)

    @property
    def is_over(self) -> bool:
        return time.time() - self.wall > self.seconds

    def note(self, name: str, line: str) -> None:
        """Append a line at once: who writes may be killed the next moment."""
        with (self.folder / name).open("a") as file:
            file.write(line + "\n")

    def noted(self, name: str) -> list[str]:
        file = self.folder / name
        return file.read_text().splitlines() if file.exists() else []


def loop(soak: Soak, name: str, seed: int) -> None:
    """Do one thing again and again until the soak is over."""
    connections.close_all()
    chance, work = random.Random(seed), WORKS[name]
    while not soak.is_over:
        try:
            work(soak, chance)
            soak.note("done", name)
        except DomainError as refusal:
            soak.note("refused", f"{name} {refusal.code}")
        except Exception:
            soak.note("errors", f"{name}: {traceback.format_exc()}")
        time.sleep(chance.uniform(0, 0.02))


def _plan(soak: Soak, chance: random.Random) -> None:
    run(now=soak.now())


def _ask(soak: Soak, chance: random.Random) -> None:
    now = soak.now()
    earliest = now + timedelta(minutes=chance.choice((0, 0, 30, 70)))
    latest = chance.choice((None, earliest + timedelta(minutes=chance.randint(20, 300))))
    request = ask(
        soak.team.principal,
        now=now,
        tokens=chance.randint(50, 1500),
        purpose=chance.choice(PURPOSES),
        origin=chance.choice(("DE", "BD")),
        policy=chance.choice((None, "seed-2025")),
        budget_id=chance.choice(soak.leaves),
        earliest=earliest,
        latest=latest,
        may_split=chance.random() < 0.3,
    )
    soak.note("asked", str(request.pk))


def _act(soak: Soak, chance: random.Random) -> None:
    """An owner's move with any open request."""
    rows = AllocationRequest.objects.filter(status__in=OPEN)
    if not (ids := list(rows.values_list("pk", flat=True))):
        return
    who = {"request_id": chance.choice(ids), "actor": "owner", "now": soak.now()}
    move = chance.choice(("cancel", "release", "dispatch", "settle", "settle"))
    if move == "cancel":
        cancel(**who)
    elif move == "release":
        release(**who)
    elif move == "dispatch":
        dispatch(fence=None, **who)
    else:
        settle(used_tokens=chance.randint(0, 900), quality=None, collaboration=None, **who)


def _tend(soak: Soak, chance: random.Random) -> None:
    take_up_due(now=soak.now())
    expire_overdue(now=soak.now())
    budgets.begin_due_periods(now=soak.now())


def _administer(soak: Soak, chance: random.Random) -> None:
    """Limits, capacities, outages and emergencies come and go."""
    now = soak.now()
    move = chance.choice(("limit", "capacity", "outage", "emergency"))
    if move == "limit":
        limit = Decimal(chance.choice((8_000, 15_000, 40_000)))
        budgets.allot(budget_id=chance.choice(soak.leaves), limit=limit, actor="admin", reason="soak", now=now)
    elif move == "capacity":
        rows = RegionCapacity.objects.filter(region=chance.choice(REGIONS), model_class="L")
        rows.update(tokens_per_hour=chance.choice((0, ROOM // 3, ROOM)))
    elif move == "outage":
        new = outages.NewOutage(region=chance.choice(REGIONS), kind="outage", capacity_share=0.3, reason="soak")
        outage_id = outages.add_outage(new, by="admin", now=now)
        time.sleep(0.3)
        outages.end_outage(outage_id=outage_id, reason="soak", by="admin", now=soak.now())
    else:
        new = emergencies.NewEmergency(
            kind="flood",
            title="Brahmaputra",
            country_codes=["BD"],
            purposes=["disaster_response"],
            multiplier=5.0,
            reason="soak",
        )
        emergency_id = emergencies.declare_emergency(new, by="admin", now=now)
        time.sleep(0.5)
        emergencies.lift_emergency(emergency_id=emergency_id, reason="soak", by="admin", now=soak.now())


WORKS: dict[str, Callable[[Soak, random.Random], None]] = {
    "plan": _plan,
    "ask": _ask,
    "act": _act,
    "tend": _tend,
    "administer": _administer,
}
