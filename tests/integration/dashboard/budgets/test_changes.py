"""What a person may change of a budget, and who else must agree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.test import Client

from accounts.domain.scopes import Role
from accounts.models import Membership
from budgets.models import (
    Adjustment,
    Budget,
    BudgetProposal,
    ProposalLine,
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
