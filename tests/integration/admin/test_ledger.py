"""The ledger in the administration: filtered, turned page by page by key, never counted."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from budgets.admin.ledger import LedgerEntryAdmin
from budgets.models import Budget, Hold, LedgerEntry
from tests.integration.admin.rows import make_rows

pytestmark = pytest.mark.django_db
ADDRESS = "/admin/budgets/ledgerentry/"
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def budgets(db):
    return make_rows(Budget, range(1, 3))


@pytest.fixture
def entries(budgets):
    """120 entries, one a minute, every third of the second budget, every tenth a correction by Ann."""
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            budget=budgets[1 if number % 3 == 0 else 0],
            kind="adjust" if number % 10 == 0 else "settle",
            spent_delta=number,
            at=BEGIN + timedelta(minutes=number),
            actor="person ann" if number % 10 == 0 else "key web",
        )
        for number in range(1, 121)
    )


def shown(answer):
    """What the lines of a page changed, in their order."""
    return [row.spent_delta for row in answer.context["cl"].result_list]


def link(answer, words):
    """The address behind a link below the list; None where it is not there."""
    found = re.search(rf'<a href="([^"]*)"[^>]*>{words}</a>', answer.content.decode())
    return ADDRESS + unescape(found.group(1)) if found else None


def test_pages_follow_each_other_without_a_gap_or_a_repetition(root, entries):
    first = root.get(ADDRESS)
    second = root.get(link(first, "Older"))
    third = root.get(link(second, "Older"))
    assert shown(first) + shown(second) + shown(third) == list(range(120, 0, -1))
    assert link(third, "Older") is None
    assert link(first, "Newer") is None
    back = root.get(link(third, "Newer"))
    assert shown(back) == shown(second)
    assert shown(root.get(link(back, "Newer"))) == shown(first)


def test_lines_that_come_in_meanwhile_move_no_page(root, entries, budgets):
    first = root.get(ADDRESS)
    LedgerEntry.objects.create(budget=budgets[0], kind="settle", spent_delta=121, at=BEGIN, actor="key web")
    assert shown(root.get(link(first, "Older"))) == list(range(70, 20, -1))


def test_no_page_counts_or_skips_rows(root, entries):
    for address in (ADDRESS, link(root.get(ADDRESS), "Older"), f"{ADDRESS}?kind__exact=adjust"):
        with CaptureQueriesContext(connection) as captured:
            root.get(address)
        asked = [query["sql"] for query in captured if 'FROM "budgets_ledgerentry"' in query["sql"]]
        assert asked
        assert not [sql for sql in asked if "COUNT(" in sql or "OFFSET" in sql]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"kind__exact": "adjust"}, range(120, 0, -10)),
        ({"actor": "person ann"}, range(120, 0, -10)),
        ({"actor": "person"}, []),
        ({"at_from_0": "2026-03-01", "at_from_1": "01:50:00"}, range(120, 109, -1)),
        ({"at_to_0": "2026-03-01", "at_to_1": "00:03:00"}, [3, 2, 1]),
        ({"at_from_0": "2026-03-02"}, []),
        ({"at_from_0": "2026-03-01", "actor": "person ann"}, range(120, 0, -10)),
        ({"at_from_0": "yesterday"}, []),
        ({"hold__id": "nonsense"}, []),
        ({"hold__reference": "request:none"}, []),
    ],
)
def test_it_is_filtered(root, entries, asked, found):
    assert shown(root.get(ADDRESS, asked)) == list(found)


def test_a_budget_and_a_hold_show_their_own_lines(root, entries, budgets):
    mine = root.get(ADDRESS, {"budget__id__exact": str(budgets[1].pk)})
    assert shown(mine) == list(range(120, 0, -3))
    hold = make_rows(Hold, range(7, 8))[0]
    LedgerEntry.objects.create(budget=budgets[0], kind="hold", spent_delta=9, at=BEGIN, actor="key web", hold=hold)
    assert shown(root.get(ADDRESS, {"hold__id": str(hold.pk)})) == [9]
    assert shown(root.get(ADDRESS, {"hold__reference": hold.reference})) == [9]


def test_a_filter_set_on_a_later_page_begins_at_the_newest_again(root, entries):
    later = root.get(link(root.get(ADDRESS), "Older")).content.decode()
    form = later[later.index('id="filter-form"') :]
    assert 'name="before"' not in form


def test_what_no_index_leads_to_is_looked_for_in_so_many_rows_and_goes_on(root, entries, monkeypatch):
    monkeypatch.setattr(LedgerEntryAdmin, "most_looked_through", 50)
    first = root.get(ADDRESS, {"actor": "person ann"})
    assert shown(first) == [120, 110, 100, 90, 80, 70]
    assert "Looked through 50 rows so far" in first.content.decode()
    second = root.get(link(first, "Older"))
    assert shown(second) == [60, 50, 40, 30, 20]
    third = root.get(link(second, "Older"))
    assert shown(third) == [10]
    assert link(third, "Older") is None
    assert shown(root.get(link(third, "Newest"))) == shown(first)


@pytest.mark.parametrize("place", ["before=nonsense", "after=-1", "before=99999999999999999999", "after=9999"])
def test_a_place_that_cannot_be_meant_is_the_front(root, entries, place):
    assert shown(root.get(f"{ADDRESS}?{place}"))[0] == 120


def test_amounts_are_in_the_unit_of_their_budget(root, budgets):
    Budget.objects.filter(pk=budgets[0].pk).update(unit="carbon_g")
    entry = LedgerEntry.objects.create(
        budget=budgets[0], kind="settle", spent_delta=1_500_000, reserved_delta=-2_000_000, at=BEGIN, actor="key web"
    )
    page = root.get(ADDRESS).content.decode()
    assert "+1.5" in page
    assert "−2" in page
    assert "g CO2e" in page
    one = root.get(f"{ADDRESS}{entry.pk}/change/").content.decode()
    assert "spent 1.5 g CO2e, reserved -2 g CO2e" in one


def test_an_export_is_asked_for_and_made_by_the_api(root, entries, budgets):
    form = {"budget": str(budgets[1].pk), "format": "csv", "subtree": "on", "since": "2026-03-01", "until": ""}
    sent = root.post(f"{ADDRESS}export/", form)
    address = f"/api/v1/budgets/{budgets[1].pk}/ledger/export/"
    assert (sent.status_code, sent["Location"].partition("?")[0]) == (302, address)
    file = root.get(sent["Location"])
    lines = b"".join(file.streaming_content).decode().splitlines()
    assert file["Content-Type"].startswith("text/csv")
    assert len(lines) == 1 + 40
    assert address in unescape(root.get(f"/admin/budgets/budget/{budgets[1].pk}/change/").content.decode())


def test_an_export_of_nothing_is_refused_beside_its_field(root, entries):
    refused = root.post(f"{ADDRESS}export/", {"budget": "", "format": "xls"})
    assert {"budget", "format"} <= set(refused.context["form"].errors)


def test_an_auditor_exports_the_ledger_too(member_of, entries, budgets):
    auditor = member_of("auditors")
    sent = auditor.post(f"{ADDRESS}export/", {"budget": str(budgets[1].pk), "format": "parquet"})
    assert auditor.get(sent["Location"]).status_code == 200
