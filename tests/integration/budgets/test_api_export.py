"""A ledger leaves as CSV or Parquet: whole, exact, harmless, and only as long as somebody reads it."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from decimal import Decimal
from threading import BoundedSemaphore
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from budgets import services
from budgets.api import export as export_door
from budgets.api.export import MOST_AT_ONCE, Parts
from budgets.domain.units import Amounts, Unit
from budgets.models import Budget, LedgerEntry
from budgets.selectors import exports
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    services.load_reference(now=NOW)
    return make_team()


def work(budget, times, *, reference="work"):
    """Hold and settle a little, several times."""
    for number in range(times):
        now = NOW + timedelta(minutes=number)
        placed = services.place_hold(
            budget_id=budget,
            amounts=Amounts(tokens=10, carbon_ug=1_500, micro_usd=3, energy_uwh=1_500),
            reference=f"{reference}:{uuid4()}",
            lease_expires_at=now + timedelta(hours=1),
            actor="test",
            now=now,
        )
        amounts = Amounts(tokens=7, carbon_ug=1_250, micro_usd=2, energy_uwh=1_250)
        services.settle_hold(hold_id=placed.hold_id, amounts=amounts, actor="test", now=now)


def export(team, budget, **query):
    """The file as bytes; a refusal as it is."""
    answer = team.client.get(f"/api/v1/budgets/{budget}/ledger/export/", query)
    return b"".join(answer.streaming_content) if answer.streaming else answer


def rows_of(content):
    """A CSV as dictionaries."""
    return list(csv.DictReader(io.StringIO(content.decode())))


@pytest.mark.parametrize("unit", [Unit.CARBON_G, Unit.ENERGY_WH])
@pytest.mark.parametrize("page", [3, 5_000])
def test_a_parquet_file_read_back_sums_to_the_budget_s_state(team, monkeypatch, page, unit):
    monkeypatch.setattr(exports, "PAGE", page)
    budget = make_budget(team, "0.5", unit=unit)
    work(budget, 5)
    table = pq.read_table(io.BytesIO(export(team, budget, format="parquet")))
    state = Budget.objects.get(pk=budget)
    for name in ("limit", "spent", "reserved", "overdraft", "tradeable"):
        total = sum(table.column(f"{name}_delta_{unit}").to_pylist(), Decimal(0))
        assert total * 1_000_000 == getattr(state, name)
    assert table.num_rows == LedgerEntry.objects.filter(budget=budget).count() == 11
    assert str(table.schema.field(f"spent_delta_{unit}").type) == "decimal128(25, 6)"
    facts = table.schema.metadata
    assert facts[b"units"] == unit.encode()
    assert facts[b"source"] == b"Commonwatt ledger"
    assert facts[b"generated_at"]


@pytest.mark.parametrize("unit", [Unit.CARBON_G, Unit.ENERGY_WH])
def test_a_csv_file_has_the_unit_in_its_columns_and_exact_amounts(team, unit):
    budget = make_budget(team, "0.5", unit=unit)
    work(budget, 2)
    rows = rows_of(export(team, budget, format="csv"))
    assert [row["kind"] for row in rows] == ["allot", "hold", "settle", "hold", "settle"]
    assert [row[f"spent_delta_{unit}"] for row in rows if row["kind"] == "settle"] == ["0.00125", "0.00125"]
    assert rows[0][f"limit_delta_{unit}"] == "0.5"
    assert "spent_delta_tokens" not in rows[0]


def test_a_subtree_has_every_budget_below_each_in_its_unit(team):
    top = make_budget(team, 1000, name="top")
    leaf = make_budget(team, 5, name="leaf", unit=Unit.CARBON_G, parent_id=top)
    work(leaf, 1)
    rows = rows_of(export(team, top, format="csv", subtree="true"))
    assert [row["budget"] for row in rows] == ["top"] * 3 + ["leaf"] * 3
    assert [row["spent_delta_tokens"] for row in rows] == ["0", "0", "7", "", "", ""]
    assert [row["spent_delta_carbon_g"] for row in rows] == ["", "", "", "0", "0", "0.00125"]


def test_a_subtree_does_not_show_the_budgets_of_another_team(team):
    shared = make_budget(team, 1000, name="shared", team_id=None)
    make_budget(team, 100, name="own", parent_id=shared)
    other = make_team("Other")
    Budget.objects.filter(pk=make_budget(other, 100, name="theirs")).update(parent=shared)
    names = {row["budget"] for row in rows_of(export(team, shared, format="csv", subtree="true"))}
    assert names == {"shared", "own"}


def test_an_export_is_of_a_span_that_ends_before_until(team):
    budget = make_budget(team)
    work(budget, 4)
    minutes = [NOW + timedelta(minutes=number) for number in range(4)]
    span = {"since": minutes[1].isoformat(), "until": minutes[3].isoformat()}
    rows = rows_of(export(team, budget, format="csv", **span))
    assert [row["at_utc"] for row in rows] == [each.isoformat() for each in minutes[1:3] for _ in range(2)]


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_words_that_a_spreadsheet_would_run_are_made_harmless(team, evil):
    budget = make_budget(team, name="plain")
    services.allot(budget_id=budget, limit=Decimal(11_000), actor="test", reason=evil, now=NOW)
    last = rows_of(export(team, budget, format="csv"))[-1]
    assert last["reason"] == f"'{evil}"


def test_what_is_written_while_an_export_runs_is_not_in_it(team, monkeypatch):
    monkeypatch.setattr(exports, "PAGE", 2)
    budget = make_budget(team)
    work(budget, 3)
    rows = exports.list_export_rows([budget])
    first = next(rows)
    work(budget, 1, reference="later")
    assert len([first, *rows]) == 7


def test_memory_holds_a_page_at_a_time_and_no_transaction_stays_open(team, monkeypatch):
    monkeypatch.setattr(exports, "PAGE", 2)
    budget = make_budget(team)
    work(budget, 3)
    with CaptureQueriesContext(connection) as queries:
        rows = exports.list_export_rows([budget])
        next(rows)
    assert all("LIMIT 2" in each["sql"] for each in queries if "kind" in each["sql"])
    assert not any(word in each["sql"] for each in queries for word in ("DECLARE", "SAVEPOINT", "BEGIN"))


def test_a_reader_who_goes_away_ends_the_export_and_gives_its_place_back():
    taken, ended = [], []
    parts = Parts(iter([b"a", b"b", b"c"]), is_gone=lambda: len(taken) == 2, on_end=lambda: ended.append(1))
    for each in parts:
        taken.append(each)  # noqa: PERF402 - the parts look at what was taken
    assert taken == [b"a", b"b"]
    parts.close()
    assert ended == [1]


def test_one_export_too_many_is_told_to_come_again(team, monkeypatch):
    monkeypatch.setattr(export_door, "_places", BoundedSemaphore(MOST_AT_ONCE))  # no other test holds one of these
    budget = make_budget(team)
    url = f"/api/v1/budgets/{budget}/ledger/export/?format=csv"
    running = [team.client.get(url) for _ in range(MOST_AT_ONCE)]
    refused = team.client.get(url)
    assert (refused.status_code, refused["Retry-After"]) == (503, "10")
    for each in running:
        assert b"".join(each.streaming_content)
    assert team.client.get(url).status_code == 200


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "format"),
        ({"format": "xlsx"}, "format"),
        ({"format": "csv", "since": "yesterday"}, "since"),
        ({"format": "csv", "since": "2026-03-04T00:00Z", "until": "2026-03-04T00:00Z"}, "until"),
        ({"format": "csv", "sinc": "2026-03-04T00:00Z"}, "sinc"),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused_by_name(team, query, field):
    answer = export(team, make_budget(team), **query)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]


def test_the_ledger_of_a_foreign_budget_does_not_exist(team):
    answer = export(team, make_budget(make_team("Other")), format="csv")
    assert answer.status_code == 404


def test_the_command_writes_the_whole_file_or_none(team, tmp_path, capsys):
    budget = make_budget(team)
    work(budget, 3)
    out = tmp_path / "ledger.parquet"
    call_command("export_ledger", budget=budget, out=out)
    assert "7 entries of 1 budgets" in capsys.readouterr().out
    assert sum(pq.read_table(out).column("spent_delta_tokens").to_pylist()) == 21
    assert list(tmp_path.iterdir()) == [out]
    for wrong in ({"out": tmp_path / "ledger.xlsx"}, {"out": out, "budget": uuid4()}, {"out": out, "since": "soon"}):
        with pytest.raises(CommandError):
            call_command("export_ledger", **{"budget": budget, **wrong})
    assert list(tmp_path.iterdir()) == [out]
