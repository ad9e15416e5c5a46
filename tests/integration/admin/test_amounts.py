"""Budgets, the Fund and passes: amounts change through services, so that the ledger stays true."""

from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.services.organisations import create_organisation, create_team
from budgets.domain.periods import Period
from budgets.domain.units import Unit
from budgets.models import Budget, LedgerEntry
from budgets.selectors import list_ledger_differences
from budgets.services import create_budget
from market.models import AllocationRun, Fund, FundEntry
from market.services import load_reference

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation_id(db):
    return create_organisation(name="Delta Relief", country_code="BD", type="ngo")


@pytest.fixture
def team_id(organisation_id):
    return create_team(organisation_id=organisation_id, name="Floods", origins=[], purposes=[])


@pytest.fixture
def budget_id(organisation_id, team_id):
    return create_budget(
        name="work",
        organisation_id=organisation_id,
        team_id=team_id,
        parent_id=None,
        unit=Unit.TOKENS,
        limit=Decimal(1000),
        period=Period.MONTH,
        actor="test",
        now=timezone.now(),
    )


def form(organisation_id, team_id, **changes):
    values = {"name": "new", "organisation": organisation_id, "team": team_id, "parent": "", "unit": "tokens"}
    return {**values, "limit": "500", "period": "day", **changes}


def test_a_budget_is_created_with_its_line_in_the_ledger(root, organisation_id, team_id, budget_id):
    root.post("/admin/budgets/budget/add/", form(organisation_id, team_id, parent=str(budget_id), is_default="on"))
    budget = Budget.objects.get(name="new")
    assert (budget.limit, budget.parent_id, budget.is_default) == (500, budget_id, True)
    entry = LedgerEntry.objects.get(budget=budget)
    assert (entry.limit_delta, entry.actor) == (500, "person root")
    assert list_ledger_differences() == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "-5"}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"limit": "much"}, "limit"),
        ({"name": ""}, "name"),
        ({"unit": "joules"}, "unit"),
        ({"team": "", "is_default": "on"}, "is_default"),
    ],
)
def test_a_budget_that_cannot_be_meant_is_refused_beside_its_field(root, organisation_id, team_id, changes, field):
    page = root.post("/admin/budgets/budget/add/", form(organisation_id, team_id, **changes))
    assert page.status_code == 200
    assert field in page.context["form"].errors
    assert (Budget.objects.count(), LedgerEntry.objects.count()) == (0, 0)


def test_the_team_of_another_organisation_is_refused(root, team_id):
    other = create_organisation(name="Other", country_code="KE", type="sme")
    page = root.post("/admin/budgets/budget/add/", form(other, team_id))
    assert "team" in page.context["form"].errors
    assert Budget.objects.count() == 0


def test_a_limit_is_changed_with_a_reason_in_the_ledger(root, budget_id):
    address = f"/admin/budgets/budget/{budget_id}/change_limit/"
    root.post(address, {"limit": "1500", "reason": "Monsoon."})
    assert Budget.objects.get().limit == 1500
    entry = LedgerEntry.objects.order_by("-id").first()
    assert (entry.limit_delta, entry.reason, entry.actor) == (500, "Monsoon.", "person root")
    assert list_ledger_differences() == []


@pytest.mark.parametrize("given", [{"limit": "1500", "reason": ""}, {"limit": "-1", "reason": "Why."}])
def test_a_limit_without_a_reason_or_sense_is_refused(root, budget_id, given):
    assert root.post(f"/admin/budgets/budget/{budget_id}/change_limit/", given).status_code == 200
    assert Budget.objects.get().limit == 1000
    assert LedgerEntry.objects.count() == 1


def test_a_limit_below_what_is_spent_is_refused_in_words(root, budget_id):
    Budget.objects.update(spent=600)
    page = root.post(f"/admin/budgets/budget/{budget_id}/change_limit/", {"limit": "500", "reason": "Save."})
    assert "600 tokens are spent or reserved already" in page.content.decode()
    assert Budget.objects.get().limit == 1000


def test_a_budget_is_ended_and_not_deleted(root, budget_id):
    assert root.post(f"/admin/budgets/budget/{budget_id}/delete/", {"post": "yes"}).status_code == 403
    root.post(f"/admin/budgets/budget/{budget_id}/end/", {"reason": "Done."})
    assert Budget.objects.get().deallocated_at is not None
    assert list_ledger_differences() == []
    again = root.post(f"/admin/budgets/budget/{budget_id}/end/", {"reason": "Done."})
    assert again.status_code == 200


def test_the_page_of_a_budget_shows_and_changes_nothing_itself(root, budget_id):
    address = f"/admin/budgets/budget/{budget_id}/change/"
    assert root.get(address).status_code == 200
    assert root.post(address, {"name": "renamed", "limit": 9, "spent": 9}).status_code == 403
    budget = Budget.objects.get()
    assert (budget.name, budget.limit, budget.spent) == ("work", 1000, 0)


@pytest.mark.parametrize("action", ["change_limit", "configure", "correct", "reset", "rebalance_below", "swarm", "end"])
def test_an_action_on_a_budget_that_is_not_there_is_a_404(root, action):
    address = f"/admin/budgets/budget/00000000-0000-0000-0000-000000000000/{action}/"
    assert root.get(address).status_code == 404
    assert root.get(f"/admin/budgets/budget/nonsense/{action}/").status_code == 404


def test_money_is_paid_into_the_fund(root):
    load_reference(now=timezone.now())
    before = sum(Fund.objects.values_list("balance_micro_usd", flat=True))
    root.post("/admin/market/fund/deposit/", {"usd": "12.5", "reason": "A gift."})
    assert sum(Fund.objects.values_list("balance_micro_usd", flat=True)) - before == 12_500_000
    entry = FundEntry.objects.first()
    assert (entry.actor, entry.reason) == ("person root", "A gift.")


@pytest.mark.parametrize("usd", ["0", "-1", "0.0000001", "much"])
def test_no_money_is_no_deposit(root, usd):
    load_reference(now=timezone.now())
    before = FundEntry.objects.count()
    assert root.post("/admin/market/fund/deposit/", {"usd": usd, "reason": "A gift."}).status_code == 200
    assert FundEntry.objects.count() == before


def test_a_pass_is_run_by_a_post_and_one_at_a_time(root):
    load_reference(now=timezone.now())
    root.get("/admin/market/allocationrun/run_now/")
    assert AllocationRun.objects.count() == 0
    page = root.post("/admin/market/allocationrun/run_now/", follow=True)
    assert "The pass has run" in page.content.decode()
    assert AllocationRun.objects.get().state == "finished"
    now = timezone.now()
    AllocationRun.objects.create(trigger="t", state="running", started_at=now, lease_expires_at=now.replace(year=2100))
    refused = root.post("/admin/market/allocationrun/run_now/")
    assert refused.status_code == 200
    assert AllocationRun.objects.count() == 2
