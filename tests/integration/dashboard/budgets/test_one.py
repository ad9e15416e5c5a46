"""The page of one budget and its ledger."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from budgets.domain.units import Amounts, Unit
from budgets.models import (
    Budget,
    PeriodRecord,
    SpendBucket,
)
from budgets.services.escrow import tend
from tests.integration.dashboard.budgets.doing import (
    STARTED,
    address,
    budget,
    budget_of,
    ledger_rows,
    part,
    reserve,
    settle,
)
from tests.integration.dashboard.test_pages import text_of


class TestOneBudget:
    def test_it_says_what_the_limit_is_made_of_and_how_much_room_each_level_has(self, tree, client):
        Budget.objects.filter(pk=tree["session"]).update(limit=4600, carried=500, bonus=100)
        Budget.objects.filter(pk=tree["team"]).update(spent=7900)
        limit = part(client, address(tree["session"]), "part-limit")
        assert re.search(
            r"Base .*4,000 tokens Carried over .*500 tokens .*Bonus .*100 tokens Sold .*0 tokens Limit 4,600 tokens",
            limit,
        )
        path = part(client, address(tree["session"]), "part-path")
        assert re.search(r"Model team team least room 99 %", path)
        assert "100 tokens left of 8,000 tokens" in path

    def test_a_level_of_another_team_is_checked_and_not_shown(self, world, member, client, visitors_see):
        visitors_see("nothing")
        foreign = budget(world, "Secret pot")
        own = budget(world, "Own", parent=foreign)
        Budget.objects.filter(pk=foreign).update(team=world.coast_team_id)
        client.force_login(member)
        page = text_of(client.get(address(own)))
        assert "Secret pot" not in page
        assert "A budget of another team, which is checked too and not shown to you." in page

    def test_spending_by_hour_is_a_table_that_the_chart_is_drawn_from(self, tree, client):
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        Budget.objects.filter(pk=tree["agent"]).update(created_at=hour - timedelta(hours=3))
        SpendBucket.objects.create(budget_id=tree["agent"], starts_at=hour - timedelta(hours=1), spent=123, refusals=4)
        page = client.get(address(tree["agent"])).content.decode()
        assert page.count("data-unix=") == 4
        assert re.search(r'data-value="123" data-refused>', page)
        assert "123 tokens" in text_of(client.get(address(tree["agent"])))

    def test_where_too_little_was_spent_the_forecast_says_unknown(self, tree, client):
        words = part(client, address(tree["agent"]), "part-forecast")
        assert "Unknown" in words
        assert "Burn: unknown" in words

    def test_a_budget_that_burns_says_when_it_runs_out_with_its_band_and_basis(self, tree, client):
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        Budget.objects.filter(pk=tree["agent"]).update(
            created_at=hour - timedelta(days=4), spent=900, period="one_off", period_ends_at=None
        )
        for back in range(72):
            SpendBucket.objects.create(budget_id=tree["agent"], starts_at=hour - timedelta(hours=back), spent=10)
        words = part(client, address(tree["agent"]), "part-forecast")
        assert "Runs out in" in words
        assert "80 % band from" in words
        assert "Basis: spending of the last" in words

    def test_open_holds_are_listed_with_what_they_reserve_here_and_who_asked(self, tree, client):
        reserve(tree["agent"], 250, "job:42")
        words = part(client, address(tree["team"]), "part-holds")
        for expected in ("job:42", "Writer", "250 tokens", "reserved", "direct", "person test"):
            assert expected in words
        assert "No hold is open." in part(client, address(budget_of(tree, "Other")), "part-holds")

    def test_the_gear_in_use_is_told_with_what_chooses_it(self, tree, client):
        reserve(tree["agent"], 10)
        words = part(client, address(tree["agent"]), "part-gear")
        assert "direct: each reservation in a round trip of its own 1 hold, 100 %" in words
        assert "Chosen by measured contention" in words
        Budget.objects.filter(pk=tree["agent"]).update(gear="batched")
        assert "Pinned to batched" in part(client, address(tree["agent"]), "part-gear")

    def test_a_block_in_escrow_is_told_at_the_leaf_and_at_each_ancestor(self, tree, client):
        ask = Amounts(tokens=5, carbon_ug=0, micro_usd=0)
        tend(budget_id=tree["agent"], amounts=ask, asks_per_second=20, now=datetime.now(UTC))
        block = Budget.objects.get(pk=tree["team"]).reserved
        assert block
        above = part(client, address(tree["team"]), "part-holds")
        assert f"Writer {block:,} tokens {block:,} tokens 0 tokens 0 tokens open" in above
        assert "when idle" in above
        leaf = address(tree["agent"])
        assert "this budget at Flood session" in part(client, leaf, "part-holds")
        assert f"Its block in escrow has {block:,} tokens left to promise." in part(client, leaf, "part-gear")
        assert f"{block:,} in escrow" in part(client, "/budgets/", "part-tree")

    def test_alerts_of_the_period_are_told_with_their_deliveries(self, tree, client):
        reserve(tree["agent"], 900)
        words = part(client, address(tree["agent"]), "part-alerts")
        assert "passed 75 % of its limit" in words
        assert "passed 85 % of its limit" in words
        assert "Deliveries:" in words
        assert "900 of 1,000 then used" in words

    def test_past_periods_are_listed_and_an_unknown_efficiency_is_no_zero(self, tree, client):
        PeriodRecord.objects.create(
            budget_id=tree["agent"],
            starts_at=STARTED - timedelta(days=60),
            ended_at=STARTED - timedelta(days=30),
            base_limit=1000,
            limit=1000,
            spent=640,
            reserved=0,
            overdraft=0,
            refusals=5,
            hours_refused=2,
            efficiency=None,
        )
        words = part(client, address(tree["agent"]), "part-periods")
        assert "64 % 640 of 1,000" in words
        assert "5 in 2 hours –" in words

    def test_the_budgets_below_are_listed(self, tree, client):
        assert "Flood session" in part(client, address(tree["team"]), "part-below")
        assert "part-below" not in client.get(address(tree["agent"])).content.decode()

    def test_advice_says_which_level_work_would_bring_to_a_mark_and_changes_nothing(self, tree, client):
        before = list(Budget.objects.order_by("pk").values())
        words = part(client, address(tree["agent"], "?tokens=400"), "advice")
        assert "Think twice" in words
        assert "Writer would reach 75 %" in words
        assert list(Budget.objects.order_by("pk").values()) == before
        wrong = part(client, address(tree["agent"], "?tokens=-4"), "advice")
        assert "Tokens: Ensure this value is greater than or equal to 1." in wrong

    def test_it_takes_as_many_queries_when_busy_as_when_quiet(self, tree, client, django_assert_max_num_queries):
        path = address(tree["agent"])
        reserve(tree["agent"], 1)
        client.get(path)
        with django_assert_max_num_queries(60) as few:
            client.get(path)
        for _ in range(15):
            settle(reserve(tree["agent"], 20), 10)
            reserve(tree["agent"], 20)
        with django_assert_max_num_queries(len(few) + 1):  # the alerts that it has by now look for their deliveries
            client.get(path)

    def test_a_budget_that_never_was_is_not_found(self, world, client):
        assert client.get(address(uuid4())).status_code == 404


class TestLedger:
    def test_it_is_newest_first_exact_signed_and_blank_where_nothing_moved(self, world, client):
        grams = budget(world, "Grams", unit=Unit.CARBON_G, limit=Decimal("12.345678"))
        rows = ledger_rows(client, address(grams))
        assert rows == [["limit set", "+12.345678 g CO₂e", "", "", "", ""]]

    def test_it_is_filtered_by_kind_actor_and_time(self, tree, client):
        settle(reserve(tree["agent"], 300), 200)
        path = address(tree["agent"])
        assert [row[0] for row in ledger_rows(client, path)] == ["settled", "reserved", "limit set"]
        assert [row[0] for row in ledger_rows(client, f"{path}?kind=hold")] == ["reserved"]
        assert ledger_rows(client, f"{path}?actor=person+nobody") == []
        assert [row[0] for row in ledger_rows(client, f"{path}?actor=person+test")] == [
            "settled",
            "reserved",
            "limit set",
        ]
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        assert ledger_rows(client, f"{path}?since={tomorrow:%Y-%m-%dT%H:%M}") == []
        assert "No entry found." in text_of(client.get(f"{path}?since={tomorrow:%Y-%m-%dT%H:%M}"))

    def test_a_filter_that_makes_no_sense_is_named(self, tree, client):
        path = address(tree["agent"])
        page = text_of(client.get(f"{path}?since=2026-03-02T00:00&until=2026-03-01T00:00"))
        assert "Until, UTC: The end is not after the beginning." in page
        assert "Kind: Select a valid choice." in text_of(client.get(f"{path}?kind=nonsense"))

    def test_pages_follow_each_other_without_gap_or_overlap(self, tree, client, monkeypatch):
        monkeypatch.setattr("dashboard.views.budget.LEDGER_LENGTH", 2)
        for _ in range(4):
            reserve(tree["agent"], 10)
        seen, path = [], address(tree["agent"])
        while path:
            page = client.get(path).content.decode()
            seen += re.findall(r'<time datetime="([^"]+)">[^<]*</time></td>\s*<th scope="row">', page)
            older = re.search(r'href="(\?[^"]*)#ledger">Older', page)
            path = address(tree["agent"], older.group(1).replace("&amp;", "&")) if older else ""
        assert len(seen) == len(set(seen)) == 5
        assert seen == sorted(seen, reverse=True)

    def test_a_place_that_is_none_starts_at_the_newest(self, tree, client):
        assert ledger_rows(client, address(tree["agent"], "?after=nonsense"))

    def test_it_is_exported_by_whoever_is_logged_in_and_offered_to_nobody_else(self, tree, member, client):
        assert "format=csv" not in client.get(address(tree["agent"])).content.decode()
        client.force_login(member)
        page = client.get(address(tree["agent"])).content.decode()
        for kind, begin in (("csv", b"id,at_utc,"), ("parquet", b"PAR1")):
            url = re.search(rf'href="([^"]*format={kind})"', page)
            assert url
            answer = client.get(url.group(1).replace("&amp;", "&"))
            assert answer.status_code == 200
            assert begin in b"".join(answer.streaming_content)[:200]
