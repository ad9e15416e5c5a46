"""The tree of budgets and the page of one: what is shown, to whom, and what a person may change."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.domain.scopes import Role
from accounts.models import Membership, Team
from budgets.domain.adjustments import AdjustmentKind
from budgets.domain.periods import Period
from budgets.domain.units import Amounts, Unit
from budgets.models import (
    Adjustment,
    Budget,
    BudgetAlert,
    BudgetProposal,
    EstimateGroup,
    PeriodRecord,
    ProposalLine,
    SpendBucket,
)
from budgets.services import create_budget, place_hold, settle_hold
from budgets.services import load_reference as load_budget_reference
from budgets.services.adjustments import propose_adjustment
from budgets.services.escrow import tend
from tests.integration.dashboard.conftest import World, make_person, make_team
from tests.integration.dashboard.test_pages import text_of

STARTED = datetime.now(UTC)


def budget(world, name: str, *, parent=None, team_id=None, unit=Unit.TOKENS, limit=1000, **changes) -> UUID:
    team = Team.objects.get(pk=world.delta_team_id if team_id is None else team_id or world.delta_team_id)
    made = create_budget(
        name=name,
        organisation_id=team.organisation_id,
        team_id=None if team_id == 0 else team.pk,
        parent_id=parent,
        unit=unit,
        limit=Decimal(limit),
        period=Period.MONTH,
        actor="person test",
        now=datetime.now(UTC),
    )
    Budget.objects.filter(pk=made).update(**changes)
    return made


def reserve(budget_id: UUID, tokens: int, reference: str = "") -> UUID:
    now = datetime.now(UTC)
    return place_hold(
        budget_id=budget_id,
        amounts=Amounts(tokens=tokens, carbon_ug=0, micro_usd=0),
        reference=reference or f"test:{uuid4()}",
        lease_expires_at=now + timedelta(minutes=10),
        actor="person test",
        now=now,
    ).hold_id


def settle(hold_id: UUID, tokens: int) -> None:
    amounts = Amounts(tokens=tokens, carbon_ug=0, micro_usd=0)
    settle_hold(hold_id=hold_id, amounts=amounts, actor="person test", now=datetime.now(UTC))


def part(client, path: str, name: str) -> str:
    page = client.get(path).content.decode()
    found = page.partition(f'id="{name}"')[2].partition("</section>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found))


@pytest.fixture
def world(db) -> World:
    """Two teams with a budget each; nothing of the climate, which these pages do not show."""
    cache.clear()
    load_budget_reference(now=STARTED)
    return World(make_team("Delta Relief", "Floods"), uuid4(), make_team("Coast Watch", "Storms"), uuid4())


@pytest.fixture
def tree(world) -> dict[str, UUID]:
    pool = budget(world, "Pool", team_id=0, limit=10_000, warning_amounts=[7500, 9000])
    team = budget(world, "Model team", parent=pool, limit=8000)
    session = budget(world, "Flood session", parent=team, limit=4000)
    agent = budget(world, "Writer", parent=session, limit=1000)
    return {"pool": pool, "team": team, "session": session, "agent": agent}


@pytest.fixture
def operator(world):
    person = make_person("operator")
    Membership.objects.create(user=person, team_id=world.delta_team_id, role=Role.OPERATOR)
    return person


@pytest.fixture
def colleague(world):
    person = make_person("colleague")
    Membership.objects.create(user=person, team_id=world.delta_team_id, role=Role.OPERATOR)
    return person


def address(budget_id: UUID, query: str = "") -> str:
    return f"/budgets/{budget_id}/{query}"


class TestTree:
    def test_it_nests_and_every_node_has_its_figures(self, tree, client):
        settle(reserve(tree["agent"], 300), 200)
        reserve(tree["agent"], 500)
        page = client.get("/budgets/").content.decode()
        nodes = [page.index(f'id="node-{tree[name]}"') for name in ("pool", "team", "session", "agent")]
        assert nodes == sorted(nodes)
        assert page.count("<details") >= 3
        row = page.partition(f'data-key="{tree["agent"]}"')[2].partition("</li>")[0]
        words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row))
        for expected in ("70 %", "Limit 1,000", "Spent 200", "Reserved 500", "Available 300", "Overdraft 0", "a month"):
            assert expected in words
        assert "resets" in words

    def test_on_top_each_unit_is_summed_over_the_roots_only(self, tree, world, client):
        assert "of 2,010,000 over 3 roots" in text_of(client.get("/budgets/"))
        budget(world, "Grams", unit=Unit.CARBON_G, limit=25_000)
        assert "of 25 kg CO₂e over 1 root" in text_of(client.get("/budgets/"))

    def test_a_pool_tells_which_of_its_warnings_are_passed(self, tree, client):
        Budget.objects.filter(pk=tree["pool"]).update(spent=8000)
        words = part(client, "/budgets/", "part-pools")
        assert "warns at 7,500 tokens: passed" in words
        assert "warns at 9,000 tokens: not reached" in words

    def test_it_is_searched_by_text_unit_and_band_and_keeps_the_way_to_what_is_found(self, tree, world, client):
        budget(world, "Grams", unit=Unit.CARBON_G)
        words = part(client, "/budgets/?text=writer", "part-tree")
        assert "1 of 7 found, with the budgets above them" in words
        assert all(name in words for name in ("Pool", "Model team", "Flood session", "Writer"))
        assert "Grams" not in words
        words = part(client, "/budgets/?unit=carbon_g", "part-tree")
        assert "Grams" in words
        assert "Writer" not in words
        Budget.objects.filter(pk=tree["session"]).update(spent=3900)
        words = part(client, "/budgets/?band=emergency", "part-tree")
        assert "Flood session" in words
        assert "Writer" not in words
        assert "No budget matches." in part(client, "/budgets/?text=nothing+like+it", "part-tree")
        assert "Writer" in part(client, "/budgets/?band=nonsense&unit=miles", "part-tree")

    def test_without_any_budget_it_says_what_one_is(self, member, client, visitors_see):
        visitors_see("nothing")
        client.force_login(make_person("lonely"))
        assert "No budget yet." in text_of(client.get("/budgets/"))

    def test_what_cannot_be_read_is_said_and_the_page_stands(self, world, client, monkeypatch):
        def fail(*args, **kwargs):
            raise RuntimeError

        monkeypatch.setattr("dashboard.views.budgets.get_budget_board", fail)
        answer = client.get("/budgets/")
        assert answer.status_code == 200
        assert "could not be read" in text_of(answer)

    def test_it_takes_as_many_queries_for_many_budgets_as_for_few(
        self, tree, world, client, django_assert_max_num_queries
    ):
        client.get("/budgets/")
        with django_assert_max_num_queries(30) as few:
            client.get("/budgets/")
        for number in range(20):
            reserve(budget(world, f"Agent {number}", parent=tree["session"], limit=100), 90)
        with django_assert_max_num_queries(len(few)):
            client.get("/budgets/")

    def test_a_very_large_tree_is_cut_and_says_so(self, tree, client, monkeypatch):
        monkeypatch.setattr("dashboard.views.budgets.MOST_SHOWN", 2)
        words = part(client, "/budgets/", "part-tree")
        assert "The first 2 of 6 are shown." in words

    def test_what_waits_for_a_decision_is_on_top_with_forms_for_those_who_may(
        self, tree, operator, client, visitors_see
    ):
        Budget.objects.filter(pk=tree["session"]).update(needs_two=True)
        propose(tree["session"])
        words = part(client, "/budgets/", "part-waiting")
        assert "another limit: 5,000 tokens" in words
        assert "Approve" not in words
        client.force_login(operator)
        assert "Approve" in part(client, "/budgets/", "part-waiting")


def propose(budget_id: UUID, actor: str = "person zoe", amount: int = 5000) -> Adjustment:
    facts = propose_adjustment(
        budget_id=budget_id,
        kind=AdjustmentKind.LIMIT,
        amount=Decimal(amount),
        reason="The season begins.",
        actor=actor,
        now=datetime.now(UTC),
    )
    return Adjustment.objects.get(pk=facts.id)


class TestOneBudget:
    def test_it_says_what_the_limit_is_made_of_and_how_much_room_each_level_has(self, tree, client):
        Budget.objects.filter(pk=tree["session"]).update(limit=4600, carried=500, bonus=100)
        Budget.objects.filter(pk=tree["team"]).update(spent=7900)
        limit = part(client, address(tree["session"]), "part-limit")
        assert re.search(
            r"Base .*4,000 tokens Carried over .*500 tokens .*Bonus .*100 tokens Limit 4,600 tokens", limit
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
        assert "direct: each reservation in a round trip of its own 1 100 %" in words
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


def budget_of(tree: dict[str, UUID], name: str) -> UUID:
    """Another budget beside the pool, with nothing going on."""
    pool = Budget.objects.get(pk=tree["pool"])
    return create_budget(
        name=name,
        organisation_id=pool.organisation_id,
        team_id=None,
        parent_id=None,
        unit=Unit.TOKENS,
        limit=Decimal(10),
        period=Period.MONTH,
        actor="test",
        now=datetime.now(UTC),
    )


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


def ledger_rows(client, path: str) -> list[list[str]]:
    """Kind and the five columns of each entry shown."""
    body = client.get(path).content.decode().partition('id="ledger-rows"')[2].partition("</tbody>")[0]
    rows = []
    for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL):
        kind = re.search(r'<th scope="row">(.*?)</th>', row)
        rows.append([kind.group(1) if kind else "", *re.findall(r'<td class="num">(.*?)</td>', row)])
    return rows


class TestChanges:
    def post(self, client, budget_id: UUID, change: str, **form):
        return client.post(address(budget_id, f"{change}/"), form, follow=True)

    def test_an_operator_sets_a_limit_and_is_told(self, tree, operator, client):
        client.force_login(operator)
        answer = self.post(client, tree["agent"], "allot", limit="2500", reason="More work.")
        assert answer.redirect_chain == [(address(tree["agent"]), 302)]
        assert "The limit is set." in text_of(answer)
        assert Budget.objects.get(pk=tree["agent"]).limit == 2500
        assert "person operator" in text_of(answer)

    @pytest.mark.parametrize(
        ("form", "words"),
        [
            ({"limit": "10", "reason": "x"}, "Limit: "),
            ({"limit": "1.5", "reason": "x"}, "Limit: "),
            ({"limit": "many", "reason": "x"}, "Limit: Enter a number."),
            ({"limit": "5000", "reason": " "}, "Reason: Say why."),
        ],
    )
    def test_a_refusal_names_the_field_and_changes_nothing(self, tree, operator, client, form, words):
        reserve(tree["agent"], 500)
        before = list(Budget.objects.order_by("pk").values())
        client.force_login(operator)
        answer = self.post(client, tree["agent"], "allot", **form)
        assert words in text_of(answer)
        assert 'role="alert"' in answer.content.decode()
        assert list(Budget.objects.order_by("pk").values()) == before

    def test_a_reset_begins_a_new_period_and_keeps_what_is_reserved(self, tree, operator, client):
        settle(reserve(tree["agent"], 300), 300)
        reserve(tree["agent"], 200)
        client.force_login(operator)
        assert "A new period has begun." in text_of(self.post(client, tree["agent"], "reset", reason="Miscounted."))
        row = Budget.objects.get(pk=tree["agent"])
        assert (row.spent, row.reserved) == (0, 200)

    def test_rebalancing_is_tried_first_and_then_done(self, tree, operator, world, client):
        idle = budget(world, "Idle", parent=tree["session"], limit=1000)
        settle(reserve(tree["agent"], 900), 900)
        client.force_login(operator)
        trial = text_of(client.get(address(tree["session"], "?try=rebalance")))
        assert "What rebalancing would do now" in trial
        assert Budget.objects.get(pk=idle).limit == 1000
        answer = self.post(client, tree["session"], "rebalance", reason="Work moved.")
        assert "Rebalanced: 2 of 2 budgets have another limit." in text_of(answer)
        assert Budget.objects.get(pk=idle).limit < 1000

    def test_a_change_that_needs_two_waits_for_another_person(self, tree, operator, colleague, client):
        Budget.objects.filter(pk=tree["agent"]).update(needs_two=True)
        client.force_login(operator)
        answer = self.post(client, tree["agent"], "adjust", kind="limit", amount="3000", reason="More work.")
        assert "Proposed: it waits for a second person." in text_of(answer)
        assert Budget.objects.get(pk=tree["agent"]).limit == 1000
        waiting = Adjustment.objects.get()
        own = client.post(f"/budgets/adjustments/{waiting.pk}/approve/", {"reason": "Me too."}, follow=True)
        assert 'role="alert"' in own.content.decode()
        assert Budget.objects.get(pk=tree["agent"]).limit == 1000
        client.force_login(colleague)
        done = client.post(f"/budgets/adjustments/{waiting.pk}/approve/", {"reason": "Agreed."}, follow=True)
        assert "Approved: the change is made." in text_of(done)
        assert Budget.objects.get(pk=tree["agent"]).limit == 3000

    def test_a_proposed_change_is_rejected_with_a_reason(self, tree, operator, client):
        Budget.objects.filter(pk=tree["agent"]).update(needs_two=True)
        waiting = propose(tree["agent"])
        client.force_login(operator)
        client.post(f"/budgets/adjustments/{waiting.pk}/reject/", {"reason": " "})
        assert Adjustment.objects.get().status == "proposed"
        client.post(f"/budgets/adjustments/{waiting.pk}/reject/", {"reason": "Too much."})
        assert Adjustment.objects.get().status == "rejected"
        assert Budget.objects.get(pk=tree["agent"]).limit == 1000

    @pytest.mark.parametrize(("decision", "status"), [("accept", "accepted"), ("reject", "rejected")])
    def test_an_operator_decides_on_proposed_shares(self, tree, operator, world, client, decision, status):
        second = budget(world, "Reviewer", parent=tree["session"], limit=1000)
        now = datetime.now(UTC)
        found = BudgetProposal.objects.create(
            parent_id=tree["session"], analysed_from=now - timedelta(days=60), analysed_to=now, made_at=now
        )
        for budget_id, after in ((tree["agent"], 1100), (second, 900)):
            ProposalLine.objects.create(
                proposal=found,
                budget_id=budget_id,
                base_before=1000,
                base_after=after,
                share_before=0.5,
                share_after=after / 2000,
                explanation="Turned asks away in 4 hours.",
            )
        client.force_login(operator)
        assert "Turned asks away in 4 hours." in part(client, address(tree["session"]), "part-waiting")
        client.post(f"/budgets/proposals/{found.pk}/{decision}/", {"reason": "Seen."}, follow=True)
        found.refresh_from_db()
        assert found.status == status
        assert Budget.objects.get(pk=tree["agent"]).limit == (1100 if decision == "accept" else 1000)

    @pytest.mark.parametrize("who", ["a visitor", "a member", "an operator of another team"])
    def test_others_see_no_form_and_may_not_change(self, tree, world, member, client, visitors_see, who):
        visitors_see("everything")
        if who == "a member":
            client.force_login(member)
        if who == "an operator of another team":
            other = make_person("other")
            Membership.objects.create(user=other, team_id=world.coast_team_id, role=Role.OPERATOR)
            client.force_login(other)
        Budget.objects.filter(pk=tree["session"]).update(needs_two=True)
        waiting = propose(tree["session"])
        page = client.get(address(tree["agent"])).content.decode()
        assert "Change this budget" not in page
        assert client.post(address(tree["agent"], "allot/"), {"limit": 5000, "reason": "x"}).status_code == 403
        assert client.post(f"/budgets/adjustments/{waiting.pk}/approve/", {"reason": "x"}).status_code == 403
        assert Budget.objects.get(pk=tree["agent"]).limit == 1000
        assert Adjustment.objects.get().status == "proposed"

    def test_what_one_may_not_see_one_cannot_change_either(self, world, operator, client, visitors_see):
        visitors_see("nothing")
        foreign = Budget.objects.get(team=world.coast_team_id)
        client.force_login(operator)
        assert client.get(address(foreign.pk)).status_code == 404
        assert client.post(address(foreign.pk, "allot/"), {"limit": 5, "reason": "x"}).status_code == 404

    def test_a_change_needs_the_forms_token_and_is_no_page(self, tree, operator, client):
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(operator)
        assert strict.post(address(tree["agent"], "allot/"), {"limit": 5000, "reason": "x"}).status_code == 403
        client.force_login(operator)
        assert client.get(address(tree["agent"], "allot/")).status_code == 405
        assert client.post(address(tree["agent"], "forget/"), {"reason": "x"}).status_code == 404
        assert client.post("/budgets/adjustments/999999/approve/", {"reason": "x"}).status_code == 404
        assert client.post("/budgets/proposals/999999/accept/", {"reason": "x"}).status_code == 404


class TestSight:
    @pytest.mark.parametrize("path", ["/budgets/", "/estimates/", "one"])
    @pytest.mark.parametrize("visitors", ["nothing", "figures"])
    def test_visitors_without_details_are_asked_to_log_in(self, tree, client, visitors_see, visitors, path):
        visitors_see(visitors)
        assert client.get(address(tree["agent"]) if path == "one" else path).status_code == 302

    def test_a_member_sees_the_own_teams_and_the_organisations_budgets(self, tree, member, client, visitors_see):
        visitors_see("nothing")
        client.force_login(member)
        page = text_of(client.get("/budgets/"))
        assert all(name in page for name in ("Pool", "Writer", "Budget of Floods"))
        assert "Budget of Storms" not in page

    def test_links_to_budgets_are_for_those_who_see_details(self, world, client, visitors_see):
        visitors_see("figures")
        page = client.get("/").content.decode()
        assert 'href="/budgets/"' not in page
        assert 'href="/estimates/"' not in page


class TestAlertsOnTheOverview:
    def test_an_alert_stays_with_its_time_also_when_the_budget_is_below_its_marks_again(self, tree, client):
        hold = reserve(tree["agent"], 900)
        at = BudgetAlert.objects.filter(budget=tree["agent"]).latest("level").at
        words = text_of(client.get("/"))
        assert f"90 % of its limit is spent or held; passed 85 % of its limit at {at:%d %b %H:%M} UTC" in words
        settle(hold, 10)
        words = text_of(client.get("/"))
        assert f"passed 85 % of its limit at {at:%d %b %H:%M} UTC; below its marks now" in words

    def test_an_overdraft_is_told_by_its_amount(self, tree, client):
        settle(reserve(tree["agent"], 1000), 1200)
        assert "overdrawn by 200 tokens at" in text_of(client.get("/"))

    def test_yesterdays_are_history(self, tree, client):
        settle(reserve(tree["agent"], 900), 10)
        BudgetAlert.objects.update(at=datetime.now(UTC) - timedelta(hours=25))
        assert "below its marks now" not in text_of(client.get("/"))

    def test_whoever_sees_figures_only_sees_no_alert_of_a_budget(self, tree, client, visitors_see):
        reserve(tree["agent"], 900)
        visitors_see("figures")
        assert "Writer" not in text_of(client.get("/"))


class TestEstimates:
    def group(self, **changes):
        values = {
            "mode": "express",
            "role_count": 1,
            "complexity_band": "medium",
            "model_class": "L",
            "purpose": "climate_adaptation",
            "p50_tokens": 900.0,
            "p95_tokens": 1800.0,
            "outcome_count": 50,
            "within_target_count": 45,
            "covered_count": 48,
            "updated_at": datetime.now(UTC),
        }
        return EstimateGroup.objects.create(**{**values, **changes})

    def test_a_group_is_shown_against_the_target_with_what_it_rests_on(self, world, client):
        self.group()
        words = text_of(client.get("/estimates/"))
        assert "class L, medium complexity, climate adaptation" in words
        assert "90 %" in words
        assert "on target" in words
        assert "learned from 50" in words
        assert "900" in words

    def test_a_group_below_the_target_and_one_that_is_too_young_are_called_so(self, world, client):
        self.group(within_target_count=30)
        self.group(purpose="disaster_response", outcome_count=5, within_target_count=5, covered_count=5)
        words = text_of(client.get("/estimates/"))
        assert "below target" in words
        assert "too early to say" in words
        assert "cold start: 5 of 20 outcomes" in words

    def test_without_any_outcome_it_shows_the_figures_of_a_cold_start_and_claims_no_accuracy(self, world, client):
        words = text_of(client.get("/estimates/"))
        assert "Nothing is learned yet." in words
        assert "Within 30 % –" in words
        assert "Express, 1 role 800 1,300" in words
