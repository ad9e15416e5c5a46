"""The ledger by REST: filters, pages that never overlap or lose an entry, and other teams' out of sight."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from budgets import services
from budgets.domain.units import Amounts, Unit
from budgets.models import Hold, LedgerEntry
from budgets.selectors import ledger
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db
URL = "/api/v1/budgets/"


@pytest.fixture
def team():
    services.load_reference(now=NOW)
    return make_team()


def minute(number):
    return NOW + timedelta(minutes=number)


def write(budget, number, *, kind="hold", actor="key cw_a", steps=1, hold=None):
    """An entry as work leaves it; `number` minutes on."""
    return LedgerEntry.objects.create(
        budget_id=budget, at=minute(number), kind=kind, actor=actor, spent_delta=steps, hold_id=hold
    )


def pages(team, url):
    """The pages of a ledger by their entries' ids, first to last."""
    found = []
    while url:
        page = team.client.get(url)
        assert page.status_code == 200, page.content
        found.append([each["id"] for each in page.json()["results"]])
        url = page.json()["next"]
    return found


def ids(team, budget, query=""):
    return [each for page in pages(team, f"{URL}{budget}/ledger/?{query}") for each in page]


def test_pages_lose_nothing_where_many_entries_have_one_time(team):
    budget = make_budget(team)
    made = [LedgerEntry.objects.get().pk, *(write(budget, number // 4).pk for number in range(20))]
    found = pages(team, f"{URL}{budget}/ledger/?page_size=3")
    assert [len(each) for each in found] == [3] * 7
    by_time = dict(LedgerEntry.objects.values_list("pk", "at"))
    assert [each for page in found for each in page] == sorted(made, key=lambda pk: (by_time[pk], pk), reverse=True)


def test_each_filter_gives_just_what_it_names(team):
    budget = make_budget(team)
    first = LedgerEntry.objects.get()
    adjusted = write(budget, 1, kind="adjust", actor="person ada", steps=-500)
    held = write(budget, 2, steps=40)
    settled = write(budget, 3, kind="settle", steps=30)
    assert ids(team, budget, "kind=adjust") == [adjusted.pk]
    assert ids(team, budget, "kind=settle") == [settled.pk]
    assert ids(team, budget, "actor=person ada") == [adjusted.pk]
    assert ids(team, budget, "least_amount=40") == [held.pk, adjusted.pk, first.pk]
    assert ids(team, budget, f"since={minute(2):%Y-%m-%dT%H:%MZ}") == [settled.pk, held.pk]
    assert ids(team, budget, f"until={minute(2):%Y-%m-%dT%H:%MZ}") == [adjusted.pk, first.pk]
    assert ids(team, budget, f"since={minute(1):%Y-%m-%dT%H:%MZ}&until={minute(3):%Y-%m-%dT%H:%MZ}&kind=hold") == [
        held.pk
    ]


def test_entries_of_a_hold_are_found_by_it_and_by_its_reference(team):
    top = make_budget(team)
    leaf = make_budget(team, parent_id=top)
    placed = [
        services.place_hold(
            budget_id=leaf,
            amounts=Amounts(tokens=tokens, carbon_ug=0, micro_usd=0),
            reference=f"api:{team.team_id}:{tokens}",
            lease_expires_at=minute(60),
            actor="test",
            now=minute(1),
        )
        for tokens in (5, 7)
    ]
    own = list(LedgerEntry.objects.filter(budget=leaf, hold=placed[1].hold_id).values_list("pk", flat=True))
    assert len(own) == 1
    assert ids(team, leaf, f"hold={placed[1].hold_id}") == own
    assert ids(team, leaf, f"reference=api:{team.team_id}:7") == own
    assert ids(team, leaf, f"reference=api:{team.team_id}:7&kind=settle") == []
    assert ids(team, leaf, f"reference=api:{team.team_id}:7&least_amount=8") == []
    assert ids(team, leaf, f"hold={placed[1].hold_id}&reference=api:{team.team_id}:5") == []


def test_what_no_index_leads_to_is_looked_for_in_bounded_pages_that_lose_nothing(team, monkeypatch):
    monkeypatch.setattr(ledger, "SCANS", (2, 3))
    budget = make_budget(team)
    wanted = [write(budget, number, actor="person ada" if number % 9 == 0 else "key cw_a").pk for number in range(40)]
    found = pages(team, f"{URL}{budget}/ledger/?actor=person ada")
    assert [each for page in found for each in page] == wanted[::9][::-1]
    assert [] in found
    assert len(found) == 9


def test_ledgers_of_all_budgets_are_one_newest_first(team, monkeypatch):
    monkeypatch.setattr(ledger, "ARMS", 2)
    monkeypatch.setattr(ledger, "SCANS", (3, 5))
    budgets = [make_budget(team) for _ in range(5)]
    foreign = make_budget(make_team("Other"))
    for number in range(30):
        write(budgets[number % 5], number, actor="person ada" if number % 7 == 0 else "key cw_a")
        write(foreign, number)
    rows = LedgerEntry.objects.filter(budget__in=budgets).order_by("-at", "-pk")
    for query in ("page_size=4", "page_size=4&kind=hold", "page_size=4&actor=person ada", "kind=allot"):
        names = dict(part.split("=") for part in query.split("&") if not part.startswith("page_size"))
        found = [each for page in pages(team, f"{URL}ledger/?{query}") for each in page]
        assert found == list(rows.filter(**names).values_list("pk", flat=True))


def test_the_least_amount_is_in_each_budgets_own_unit(team):
    tokens = make_budget(team, 10)
    grams = make_budget(team, 10, unit=Unit.CARBON_G)
    LedgerEntry.objects.all().delete()
    write(tokens, 1, steps=2)
    few = write(grams, 2, steps=1_999_999)
    much = write(grams, 3, steps=2_000_000)
    found = pages(team, f"{URL}ledger/?least_amount=2")[0]
    assert much.pk in found
    assert few.pk not in found
    assert len(found) == 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("kind=gift", "kind"),
        ("hold=x", "hold"),
        ("since=soon", "since"),
        ("least_amount=-1", "least_amount"),
        ("least_amount=NaN", "least_amount"),
        ("page_size=501", "page_size"),
        ("cursor=1", "cursor"),
        ("cursor=99999999999999999999999999-1", "cursor"),
        ("cursor=1-99999999999999999999", "cursor"),
        ("before=5", "before"),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused_by_name(team, query, field):
    budget = make_budget(team)
    for path in (f"{URL}{budget}/ledger/", f"{URL}ledger/"):
        answer = team.client.get(f"{path}?{query}")
        assert answer.status_code == 422
        assert [each["field"] for each in answer.json()["errors"]] == [field]


def test_a_foreign_hold_leads_to_nothing(team):
    other = make_team("Other")
    theirs = make_budget(other)
    hold = Hold.objects.create(
        budget_id=theirs, reference="api:9:x", tokens=1, carbon_ug=0, micro_usd=0, created_at=NOW, lease_expires_at=NOW
    )
    write(theirs, 1, hold=hold.pk)
    own = make_budget(team)
    for path in (f"{own}/ledger", "ledger"):
        for query in (f"hold={hold.pk}", "reference=api:9:x", f"hold={uuid4()}"):
            assert team.client.get(f"{URL}{path}/?{query}").json()["results"] == []


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, "ledger_in_time"),
        ({"since": minute(1), "until": minute(2)}, "ledger_in_time"),
        ({"kind": "adjust"}, "ledger_rare"),
    ],
)
def test_an_index_leads_to_each_page_without_sorting(team, filters, index):
    budget = make_budget(team)
    asked = ledger.LedgerFilters(**filters)
    place = ledger.LedgerPlace(minute(5), 7)
    rows = LedgerEntry.objects.filter(ledger._matching(asked), ledger._older_than(place), budget=budget)
    plan = rows.order_by(*ledger.NEWEST_FIRST)[:100].explain()
    assert f"USING INDEX {index}" in plan
    assert "TEMP B-TREE" not in plan
