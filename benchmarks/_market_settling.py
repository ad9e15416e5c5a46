"""A whole call on a database: orders read, cleared, and every fill settled in one transaction."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

# Nothing of the person's own deployment is read or written: no `.env`, no `var/`, no broker.
folder = tempfile.mkdtemp(prefix="commonwatt_bench_")
atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ |= {"COMMONWATT_DATA_DIR": folder, "COMMONWATT_ENV_FILE": os.devnull, "COMMONWATT_ENV": "local"}
os.environ |= {"LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "config.settings"}
os.environ.pop("REDIS_URL", None)

import django  # noqa: E402

django.setup()

from django.db import connection  # noqa: E402
from django.db.models import F  # noqa: E402

from accounts.models import Organisation, Team  # noqa: E402
from budgets.domain.quota import NO_END, quota_reference  # noqa: E402
from budgets.models import Budget, Hold  # noqa: E402
from climate.services.reference import load_reference as load_places  # noqa: E402
from market import services  # noqa: E402
from market.models import OUTSIDE, Instrument, Journal, Order, Trade, team_account  # noqa: E402
from market.services.trading import deciding, settling  # noqa: E402
from market.services.trading.money import Line, post  # noqa: E402

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
START = NOW.replace(day=1, hour=0, minute=0)
END = START.replace(month=4)
CODE = "tokens-any-month-2026-03-01"
TEAMS = 200
LEAVES = 5
LOT = 100
LIMITS = {"buy": 420, "sell": 200}
COUNTRIES = ("DE", "BD", "KE", "US")
PHASES: tuple[tuple[str, Any, str], ...] = (
    ("orders read", deciding, "gather"),
    ("cleared", deciding, "clear"),
    ("trades", settling, "_write_trades"),
    ("orders", settling, "_write_orders"),
    ("money", settling, "post"),
    ("quota", settling, "_deliver"),
)


@dataclass(frozen=True, kw_only=True)
class Settled:
    """Wall and processor seconds of this process for a call, and of its parts."""

    database: str
    fills: int
    seconds: float
    cpu_seconds: float
    parts: dict[str, float]


@contextmanager
def temporary_database() -> Iterator[None]:
    """A fresh database of the configured kind; the configured one itself is not touched."""
    named = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(named, verbosity=0)


def measure_settling(fills: int) -> Settled:
    """Hold one call in which every order is filled: half of them buy, half sell, of 200 teams with 1,000 budgets."""
    with temporary_database():
        load_places(now=NOW)
        services.load_reference(now=NOW)
        _make_orders(_make_teams(), fills)
        parts: dict[str, float] = {}
        with _timed(parts):
            wall, cpu = time.perf_counter(), time.process_time()
            services.run_call(instrument_code=CODE, now=NOW + timedelta(minutes=1))
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        count = Trade.objects.count()
    return Settled(database=connection.vendor, fills=count, seconds=wall, cpu_seconds=cpu, parts=parts)


@contextmanager
def _timed(parts: dict[str, float]) -> Iterator[None]:
    originals = [(module, name, getattr(module, name)) for _, module, name in PHASES]
    for label, module, name in PHASES:
        setattr(module, name, _counted(label, getattr(module, name), parts))
    try:
        yield
    finally:
        for module, name, work in originals:
            setattr(module, name, work)


def _counted(label: str, work: Callable[..., Any], parts: dict[str, float]) -> Callable[..., Any]:
    def count(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            return work(*args, **kwargs)
        finally:
            parts[label] = parts.get(label, 0.0) + time.perf_counter() - began

    return count


def _make_teams() -> list[tuple[int, str, list[UUID]]]:
    """Each team: its id, its country, its leaves below one root."""
    made = []
    for index in range(TEAMS):
        country = COUNTRIES[index // 2 % len(COUNTRIES)]
        organisation = Organisation.objects.create(name=f"Bench {index}", country_code=country, type="ngo")
        team = Team.objects.create(organisation=organisation, name="Bench")
        made.append((team.pk, country, _make_tree(organisation.pk, team.pk)))
    return made


def _make_tree(organisation_id: int, team_id: int) -> list[UUID]:
    values: dict[str, Any] = {
        "organisation_id": organisation_id,
        "team_id": team_id,
        "unit": "tokens",
        "period": "month",
        "period_starts_at": START,
        "period_ends_at": END,
        "created_at": NOW,
    }
    root, leaves = uuid4(), [uuid4() for _ in range(LEAVES)]
    Budget.objects.create(pk=root, name="root", limit=10**12, path_ids=[str(root)], **values)
    Budget.objects.bulk_create(
        Budget(pk=leaf, name="leaf", parent_id=root, depth=1, limit=10**11, path_ids=[str(leaf), str(root)], **values)
        for leaf in leaves
    )
    return leaves


def _make_orders(teams: list[tuple[int, str, list[UUID]]], count: int) -> None:
    """Orders with what each keeps: buyers' money in escrow, sellers' quota in holds."""
    Instrument.objects.create(
        code=CODE,
        unit="tokens",
        period="month",
        period_starts_at=START,
        period_ends_at=END,
        lot_units=LOT,
        next_call_at=NOW + timedelta(hours=1),
        created_at=NOW,
    )
    orders = [_order(teams[index % TEAMS], index, "sell" if index % 2 else "buy") for index in range(count)]
    Order.objects.bulk_create(orders, batch_size=5_000)
    _keep_money(orders)
    _keep_quota(orders)


def _order(team: tuple[int, str, list[UUID]], index: int, side: str) -> Order:
    team_id, country, leaves = team
    lots, limit = 1 + index // 2 % 5, LIMITS[side]
    return Order(
        instrument_id=CODE,
        team_id=team_id,
        budget_id=leaves[index // TEAMS % LEAVES],
        side=side,
        lots=lots,
        limit_ticks=limit,
        escrow_micro_usd=lots * limit if side == "buy" else 0,
        origin_code=country,
        need_score={"DE": 0.1, "US": 0.0, "BD": 0.8, "KE": 0.7}[country],
        adder_ticks=0 if side == "buy" else index // 2 % 3,
        good_until=END,
        placed_at=NOW,
        actor="bench",
    )


def _keep_money(orders: list[Order]) -> None:
    sums: dict[str, int] = {}
    for each in orders:
        name = team_account(each.team_id)
        sums[name] = sums.get(name, 0) + each.escrow_micro_usd
    lines = [Line(account=name, delta_micro_usd=sum_, reserved_delta_micro_usd=sum_) for name, sum_ in sums.items()]
    lines.append(Line(account=OUTSIDE, delta_micro_usd=-sum(sums.values())))
    post(kind=Journal.Kind.DEPOSIT, lines=lines, actor="bench", reason="bench", now=NOW)


def _keep_quota(orders: list[Order]) -> None:
    sold = [each for each in orders if each.side == "sell"]
    Hold.objects.bulk_create(
        (
            Hold(
                budget_id=each.budget_id,
                reference=quota_reference("order", each.id),
                actor="bench",
                tokens=each.lots * LOT,
                carbon_ug=0,
                micro_usd=0,
                created_at=NOW,
                lease_expires_at=NO_END,
            )
            for each in sold
        ),
        batch_size=5_000,
    )
    kept: Counter[UUID] = Counter()
    for each in sold:
        kept[each.budget_id] += each.lots * LOT
    for budget in Budget.objects.filter(pk__in=kept):
        reserved = F("reserved") + kept[budget.pk]
        Budget.objects.filter(pk__in=[budget.pk, budget.parent_id]).update(reserved=reserved)
