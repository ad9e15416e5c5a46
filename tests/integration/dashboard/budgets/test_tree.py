"""The tree of budgets: what is shown, to whom, and what alerts the overview keeps."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from budgets.domain.units import Unit
from budgets.models import (
    Budget,
    BudgetAlert,
)
from tests.integration.dashboard.budgets.doing import (
    address,
    budget,
    part,
    propose,
    reserve,
    settle,
)
from tests.integration.dashboard.conftest import make_person
from tests.integration.dashboard.test_pages import text_of


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
