from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from climate.models import RegionCapacity
from market.models import AllocationRun
from market.services import run_allocation_pass
from tests.integration.dashboard.conftest import ask_for_tokens
from tests.integration.dashboard.test_pages import text_of


@pytest.fixture
def planned(world):
    """One request in a plan in force, for tomorrow."""
    tomorrow = datetime.now(UTC) + timedelta(hours=20)
    request_id = ask_for_tokens(world.delta_team_id, earliest=tomorrow, latest=tomorrow + timedelta(hours=3))
    run_allocation_pass(now=datetime.now(UTC), trigger="test", actor="test")
    return request_id


def run() -> AllocationRun:
    return AllocationRun.objects.get(is_current=True)


def test_before_the_first_pass_the_page_says_what_will_be_here(world, client):
    page = text_of(client.get("/allocation/"))
    assert "No plan is in force yet" in page
    assert "No pass has run yet" in page


def test_the_page_shows_the_plan_with_misses_beside_savings(world, planned, client):
    page = text_of(client.get("/allocation/"))
    for words in ("2,000 tokens", "Missed", "0 tokens", "estimated, unverified", "run now at home region", "in force"):
        assert words in page


def test_hours_of_the_plan_are_a_table_of_regions_by_hours(world, planned, client):
    page = client.get("/allocation/").content.decode()
    cells = re.findall(r'<td class="num use\d planned" title="([^"]*)"', page)
    assert len(cells) == 1
    assert "2,000 planned" in cells[0]
    assert "g CO₂e/kWh" in cells[0]
    assert "57 more regions" in text_of(client.get("/allocation/"))


def test_a_model_class_without_planned_work_says_so(world, planned, client):
    assert "Nothing of model class XXL is planned" in text_of(client.get("/allocation/?class=XXL"))
    assert client.get("/allocation/?class=nonsense").status_code == 200


def test_fairness_shows_each_party_with_and_without_policy(world, planned, client):
    page = text_of(client.get("/allocation/"))
    assert re.search(r"Climate adaptation from BD 10 [\d,]+ 2,000 2,000 100 % 100 %", page)
    assert "Smallest share served of what a party asked for 100 % 100 %" in page
    assert "1 party got all that was asked for." in page


def test_who_did_not_get_all_is_told_where_shares_stopped(world, client):
    tomorrow = datetime.now(UTC) + timedelta(hours=20)
    RegionCapacity.objects.update(tokens_per_hour=0)
    RegionCapacity.objects.filter(model_class="L", region="aws-eu-north-1").update(tokens_per_hour=1500)
    ask_for_tokens(world.delta_team_id, earliest=tomorrow, latest=tomorrow)
    run_allocation_pass(now=datetime.now(UTC), trigger="test", actor="test")
    page = text_of(client.get("/allocation/"))
    assert re.search(r"1 party stopped at \d+ tokens per weight: .*Stockholm", page)


def test_work_that_waits_is_not_called_decided(world, client):
    tomorrow = datetime.now(UTC) + timedelta(hours=20)
    request_id = ask_for_tokens(world.delta_team_id, earliest=tomorrow, latest=tomorrow)
    page = text_of(client.get(reverse("request", args=[request_id])))
    assert "None to show. The request waits for a place" in page


def test_the_page_of_a_run_shows_its_record(world, planned, client):
    page = text_of(client.get(reverse("allocation-run", args=[run().pk])))
    assert run().fingerprint in page
    assert "a bound, never a saving" in page
    assert "Fairness" in page


def test_a_run_that_changed_nothing_leads_to_the_plan_it_kept(world, client):
    now = datetime.now(UTC)
    first = run_allocation_pass(now=now, trigger="test", actor="test").run_id
    second = run_allocation_pass(now=now, trigger="test", actor="test").run_id
    assert f"kept the plan of run {first}" in text_of(client.get("/allocation/"))
    assert reverse("allocation-run", args=[first]) in client.get(f"/allocation/runs/{second}/").content.decode()


@pytest.mark.parametrize("path", ["/allocation/runs/999999/", f"/allocation/runs/{'9' * 18}/"])
def test_a_run_that_is_not_there_is_not_found(world, client, path):
    assert client.get(path).status_code == 404


def test_a_degraded_plan_says_so(world, planned, client):
    AllocationRun.objects.update(is_degraded=True, record={"degraded_because": "the solver ran out of time"})
    assert "feasible, not the greenest" in text_of(client.get("/allocation/"))
    assert "the solver ran out of time" in text_of(client.get(reverse("allocation-run", args=[run().pk])))


def test_runs_are_listed_a_page_at_a_time(world, client):
    now = datetime.now(UTC)
    for index in range(21):
        AllocationRun.objects.create(
            trigger=f"number {index}", state="failed", started_at=now, lease_expires_at=now, error="x"
        )
    first = client.get("/allocation/").content.decode()
    assert "number 20" in first
    assert "number 0" not in first
    older = re.search(r'href="(\?before=\d+)"', first)
    assert older
    assert "number 0" in text_of(client.get(f"/allocation/{older.group(1)}"))


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "١"])
def test_a_page_that_never_was_is_the_first(world, client, before):
    assert client.get("/allocation/", {"before": before}).status_code == 200
