"""A deployment with many requests that wait, written straight into PostgreSQL: for measuring whole passes.

Regions of one model class, budgets of one parent, and requests as allocation.py generates them: 20
origins, three purposes, latency classes, sizes lognormal with a long tail, windows up to two days.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
from django.db import connection, transaction

from accounts.models import Organisation, Team
from budgets.models import Budget
from budgets.services import load_reference as load_thresholds
from climate.models import RegionCapacity
from climate.services.reference import load_reference as load_places
from market.models import Policy
from market.services import load_reference as load_policies

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
ORIGINS = (
    *("US", "IN", "DE", "GB", "BR", "JP", "FR", "NG", "KE", "BD"),
    *("ID", "MX", "ZA", "PK", "PH", "EG", "CO", "PL", "VN", "CA"),
)
PURPOSES = ("climate_adaptation", "general_ai_research", "luxury_applications")
LATENCIES = (("interactive", 1, 3), ("regional", 2, 9), ("anywhere", 8, 47))
"""Latency class with the shortest and longest window in hours."""
MEDIAN_TOKENS = 1200
TOKENS_EACH = 2200
"""The mean size of a request, by which room is measured out."""
MODEL_CLASS = "L"
COLUMNS = (
    *("id", "organisation_id", "team_id", "budget_id", "policy_id", "purpose_id", "actor", "origin_code"),
    *("scored_code", "model_class", "tokens", "input_tokens", "tokens_basis", "mode", "earliest_at", "latest_at"),
    *("latency_class", "may_split", "is_simulated", "status", "created_at"),
)


def fill(*, requests: int, regions: int, budgets: int = 1000, room: float = 1.15, seed: int = 5) -> None:
    """Reference data, `regions` with room for `room` times all that is asked, budgets and requests.

    A tenth of the requests may be split; budgets can pay about all of it, some a little less.
    """
    load_places(now=NOW)
    load_thresholds(now=NOW)
    load_policies(now=NOW)
    _keep_regions(regions, tokens_per_hour=int(requests * TOKENS_EACH * room / regions / 48))
    team = _team()
    payers = _budgets(team, budgets, limit=int(requests * TOKENS_EACH * 1.2 / budgets))
    rng = np.random.default_rng(seed)
    policy = Policy.objects.get(is_default=True).pk
    statement = f"COPY market_allocationrequest ({', '.join(COLUMNS)}) FROM STDIN"
    with transaction.atomic(), connection.cursor() as cursor, cursor.copy(statement) as copy:
        for start in range(0, requests, 50_000):
            copy.write(_lines(rng, min(50_000, requests - start), team, payers, policy))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _keep_regions(count: int, *, tokens_per_hour: int) -> None:
    rows = RegionCapacity.objects.filter(model_class=MODEL_CLASS)
    codes = list(rows.order_by("region").values_list("region", flat=True))
    kept = codes[:: max(1, len(codes) // count)][:count]
    rows.exclude(region__in=kept).update(tokens_per_hour=0)
    rows.filter(region__in=kept).update(tokens_per_hour=tokens_per_hour)


def _team() -> Team:
    organisation = Organisation.objects.create(name="Bench", country_code="DE", type="ngo")
    return Team.objects.create(organisation=organisation, name="Bench")


def _budgets(team: Team, count: int, *, limit: int) -> list[UUID]:
    """Budgets in tokens below one that counts grams."""
    values = {"organisation_id": team.organisation_id, "period_starts_at": NOW, "created_at": NOW}
    top = UUID(int=1)
    rows = [
        Budget(pk=top, name="all", unit="carbon_g", limit=10**17, level="organisation", path_ids=[str(top)], **values)
    ]
    for number in range(count):
        pk = UUID(int=number + 2)
        path = [str(pk), str(top)]
        rows.append(
            Budget(
                pk=pk, name=f"b{number}", team=team, parent_id=top, depth=1, unit="tokens", limit=limit, path_ids=path,
                **values,
            )
        )  # fmt: skip
    return [row.pk for row in Budget.objects.bulk_create(rows)][1:]


def _lines(rng: np.random.Generator, count: int, team: Team, payers: list[UUID], policy: int) -> str:
    weights = 1 / np.arange(1, len(ORIGINS) + 1)
    origin = rng.choice(len(ORIGINS), count, p=weights / weights.sum()).tolist()
    purpose = rng.integers(0, len(PURPOSES), count).tolist()
    latency = rng.choice(len(LATENCIES), count, p=(0.35, 0.4, 0.25)).tolist()
    tokens = np.maximum(rng.lognormal(np.log(MEDIAN_TOKENS), 1.1, count), 16).astype(int).tolist()
    payer = rng.integers(0, len(payers), count).tolist()
    begins = rng.integers(0, 45 * 60, count).tolist()
    slack = rng.random(count).tolist()
    split = (rng.random(count) < 0.1).tolist()
    age = rng.integers(1, 3600, count).tolist()
    ids = rng.bytes(16 * count)
    lines = []
    for n in range(count):
        name, shortest, longest = LATENCIES[latency[n]]
        earliest = NOW + timedelta(minutes=begins[n])
        latest = earliest + timedelta(hours=shortest + (longest - shortest) * slack[n])
        code = ORIGINS[origin[n]]
        lines.append(
            f"{UUID(bytes=ids[16 * n : 16 * n + 16], version=4)}\t{team.organisation_id}\t{team.pk}\t{payers[payer[n]]}"
            f"\t{policy}\t{PURPOSES[purpose[n]]}\tkey bench\t{code}\t{code}\t{MODEL_CLASS}\t{tokens[n]}"
            f"\t{tokens[n] // 4}\tstated\tstandard\t{earliest.isoformat()}\t{latest.isoformat()}\t{name}"
            f"\t{'t' if split[n] else 'f'}\tf\tqueued\t{(NOW - timedelta(seconds=age[n])).isoformat()}\n"
        )
    return "".join(lines)
