"""Budgets through the administration: made with all knobs, changed with reasons, seen as a tree."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.services.organisations import create_organisation
from budgets.domain.periods import Period
from budgets.domain.units import Amounts, Unit
from budgets.models import Adjustment, Budget, BudgetProposal, BudgetTemplate, LedgerEntry, PeriodRecord
from budgets.selectors import list_ledger_differences
from budgets.services import consume, create_budget, load_reference
from config.administration.audit import Question, list_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation_id(db):
    return create_organisation(name="Delta Relief", country_code="BD", type="ngo")


@pytest.fixture
def make(organisation_id):
    """Makes a budget; by default 1,000 tokens a month."""

    def made(name="work", parent_id=None, limit=1000, period=Period.MONTH, **knobs):
        return create_budget(
            name=name,
            organisation_id=organisation_id,
            team_id=None,
            parent_id=parent_id,
            unit=Unit.TOKENS,
            limit=Decimal(limit),
            period=period,
            actor="test",
            now=timezone.now(),
            **knobs,
        )

    return made


def spend(budget_id, tokens):
    amounts = Amounts(tokens=tokens, carbon_ug=0, micro_usd=0)
    consume(budget_id=budget_id, amounts=amounts, reference=f"work:{budget_id}", actor="test", now=timezone.now())


def page(budget_id, action):
    return f"/admin/budgets/budget/{budget_id}/{action}/"


def newest_change(model="budgets.budget"):
    return list_changes(Question(model_label=model), offset=0, limit=1)[0]


def refusals(answer):
    assert answer.status_code == 200
    return answer.context["form"].errors


def new_budget(organisation_id, **changes):
    values = {"name": "new", "organisation": organisation_id, "team": "", "parent": "", "unit": "tokens"}
    return {**values, "limit": "500", "period": "day", **changes}


def settings_of(budget_id, **changes):
    """What a browser sends of the page of settings as it is, and what differs."""
    budget = Budget.objects.get(pk=budget_id)
    plain = ("name", "level", "rollover_percent", "rollover_cap_percent", "overflow_percent", "pool", "floor", "gear")
    form = {name: getattr(budget, name) for name in plain}
    return {**form, "window_hours": budget.window_hours or "", "warning_amounts": "", "reason": "Tried.", **changes}


def test_a_budget_is_made_with_every_knob(root, organisation_id, make):
    above = make("above", limit=5000, pool=Decimal(1000))
    knobs = {
        "parent": str(above),
        "period": "day",
        "level": "session",
        "rollover_percent": "50",
        "rollover_cap_percent": "20",
        "overflow_percent": "30",
        "pool": "100",
        "floor": "200",
        "warning_amounts": "300, 400",
        "needs_two": "on",
        "gear": "leased",
        "tradeable_percent": "15",
        "model_class": "L",
    }
    root.post("/admin/budgets/budget/add/", new_budget(organisation_id, **knobs))
    made = Budget.objects.get(name="new")
    assert (made.parent_id, made.level, made.limit, made.pool, made.floor) == (above, "session", 500, 100, 200)
    assert (made.rollover_percent, made.rollover_cap_percent, made.overflow_percent) == (50, 20, 30)
    assert (made.warning_amounts, made.needs_two, made.gear) == ([300, 400], True, "leased")
    assert (made.tradeable_percent, made.model_class) == (15, "L")
    assert list_ledger_differences() == []


def test_a_rolling_budget_says_how_many_hours_its_window_has(root, organisation_id):
    refused = root.post("/admin/budgets/budget/add/", new_budget(organisation_id, period="rolling"))
    assert "window_hours" in refusals(refused)
    root.post("/admin/budgets/budget/add/", new_budget(organisation_id, period="rolling", window_hours="24"))
    assert Budget.objects.get().window_hours == 24


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"warning_amounts": "many"}, "warning_amounts"),
        ({"warning_amounts": "400, 300"}, "warning_amounts"),
        ({"rollover_percent": "101"}, "rollover_percent"),
        ({"pool": "501"}, "pool"),
        ({"floor": "501"}, "floor"),
        ({"window_hours": "5"}, "window_hours"),
        ({"overflow_percent": "10"}, "overflow_percent"),
        ({"gear": "fifth"}, "gear"),
        ({"tradeable_percent": "101"}, "tradeable_percent"),
        ({"model_class": "XXXL"}, "model_class"),
    ],
)
def test_knobs_that_cannot_be_are_refused_beside_their_field(root, organisation_id, changes, field):
    assert field in refusals(root.post("/admin/budgets/budget/add/", new_budget(organisation_id, **changes)))
    assert Budget.objects.count() == 0


def test_the_page_to_add_below_a_budget_begins_with_what_that_is(root, make, organisation_id):
    above = make("above")
    form = root.get("/admin/budgets/budget/add/", {"parent": above}).context["form"]
    begun = {name: form[name].value() for name in ("unit", "period")}
    assert begun == {"unit": "tokens", "period": "month"}
    assert "Delta Relief: above (tokens)" in str(form["parent"])


def test_settings_are_turned_with_a_reason_in_the_audit_log(root, make):
    budget_id = make()
    root.post(page(budget_id, "configure"), settings_of(budget_id, rollover_percent="40", reason="Quiet months."))
    assert Budget.objects.get().rollover_percent == 40
    change = newest_change()
    assert (change.who, change.reason) == ("root", "Quiet months.")
    assert ("rollover percent", "0", "40") in [(each.field, each.before, each.after) for each in change.fields]


def test_a_budget_in_watt_hours_of_which_a_part_was_sold_says_so(root, organisation_id):
    values = {"unit": "energy_wh", "limit": "2500.5", "model_class": "M"}
    root.post("/admin/budgets/budget/add/", new_budget(organisation_id, **values))
    Budget.objects.update(limit=2_000_500_000, sold=500_000_000)
    page = root.get(f"/admin/budgets/budget/{Budget.objects.get().pk}/change/").content.decode()
    assert "2,500.5 Wh allotted, less 500 Wh sold or lent away" in page


def test_settings_without_a_reason_change_nothing(root, make):
    budget_id = make()
    refused = root.post(page(budget_id, "configure"), settings_of(budget_id, rollover_percent="40", reason=""))
    assert "reason" in refusals(refused)
    assert Budget.objects.get().rollover_percent == 0


def test_settings_sent_as_they_were_change_nothing(root, make):
    budget_id = make(warning_amounts=[Decimal(700)], floor=Decimal(10))
    start = root.get(page(budget_id, "configure")).context["form"]
    sent = {name: start[name].value() for name in start.fields}
    sent = {name: "" if value is None else value for name, value in sent.items() if value is not False}
    root.post(page(budget_id, "configure"), {**sent, "reason": "Looked."})
    assert Budget.history.count() == 1


@pytest.mark.parametrize("action", ["change_limit", "reset", "correct"])
def test_every_change_is_in_the_audit_log_and_in_the_ledger_with_its_reason(root, make, action):
    budget_id = make()
    root.post(page(budget_id, action), {"limit": "900", "amount": "30", "reason": "Monsoon."})
    change, entry = newest_change(), LedgerEntry.objects.first()
    assert (change.who, change.reason) == ("root", "Monsoon.")
    assert (entry.actor, entry.reason, entry.budget_id) == ("person root", "Monsoon.", budget_id)
    assert list_ledger_differences() == []


def test_what_was_spent_is_corrected_up_and_down_and_never_below_zero(root, make):
    budget_id = make()
    root.post(page(budget_id, "correct"), {"amount": "30", "reason": "Forgotten."})
    root.post(page(budget_id, "correct"), {"amount": "-10", "reason": "Too much."})
    assert Budget.objects.get().spent == 20
    refused = root.post(page(budget_id, "correct"), {"amount": "-21", "reason": "Far too much."})
    assert "amount" in refusals(refused)
    assert Budget.objects.get().spent == 20


def test_quota_moves_to_another_budget(root, make):
    giver, taker = make("giver"), make("taker")
    Budget.objects.filter(pk=giver).update(tradeable=100)
    LedgerEntry.objects.create(budget_id=giver, kind="bonus", tradeable_delta=100, at=timezone.now(), actor="test")
    root.post(page(giver, "transfer"), {"to": str(taker), "amount": "60", "reason": "A loan."})
    assert [Budget.objects.get(pk=pk).limit for pk in (giver, taker)] == [940, 1060]
    refused = root.post(page(giver, "transfer"), {"to": str(taker), "amount": "60", "reason": "More."})
    assert "amount" in refusals(refused)
    assert newest_change().reason == "A loan."


def test_a_swarm_is_allotted_from_a_pool(root, make):
    load_reference(now=timezone.now())
    pool = make("pool", limit=200_000)
    root.post(page(pool, "swarm"), {"name": "bees", "amount": ""})
    assert Budget.objects.get(name="bees").limit == 50_000
    assert "amount" in refusals(root.post(page(pool, "swarm"), {"name": "wasps", "amount": "150000"}))
    assert not Budget.objects.filter(name="wasps").exists()


def test_rebalancing_shows_a_trial_and_changes_nothing_until_it_is_applied(root, make):
    above = make("above", limit=5000)
    make("idle", above)
    busy = make("busy", above)
    spend(busy, 800)
    before = dict(Budget.objects.values_list("name", "limit"))
    trial = root.get(page(above, "rebalance_below"))
    assert [row[0] for row in trial.context["rows"]] == ["busy", "idle"]
    assert "A trial" in trial.content.decode()
    assert dict(Budget.objects.values_list("name", "limit")) == before
    assert "reason" in refusals(root.post(page(above, "rebalance_below"), {"reason": ""}))
    root.post(page(above, "rebalance_below"), {"reason": "Busy needs it."})
    after = dict(Budget.objects.values_list("name", "limit"))
    assert after["busy"] > before["busy"]
    assert after["busy"] + after["idle"] == before["busy"] + before["idle"]
    assert newest_change().reason == "Busy needs it."
    assert list_ledger_differences() == []


@pytest.fixture
def other(member_of):
    """Another administrator than root."""
    return member_of("administrators")


def test_four_eyes_make_a_change_wait_for_another_person(root, other, make):
    budget_id = make(needs_two=True)
    said = root.post(page(budget_id, "change_limit"), {"limit": "2000", "reason": "Monsoon."}, follow=True)
    assert "once a second person agrees" in said.content.decode()
    assert Budget.objects.get().limit == 1000
    approve = f"/admin/budgets/adjustment/{Adjustment.objects.get().pk}/approve/"
    alone = root.post(approve, {"reason": "I agree with myself."})
    assert "cannot approve it" in alone.content.decode()
    assert (Budget.objects.get().limit, Adjustment.objects.get().status) == (1000, "proposed")
    other.post(approve, {"reason": "Agreed."})
    decided = Adjustment.objects.get()
    assert (Budget.objects.get().limit, decided.status) == (2000, "applied")
    assert (decided.proposed_by, decided.decided_by) == ("person root", "person of-administrators")
    assert "was applied before" in other.post(approve, {"reason": "Again."}).content.decode()
    assert list_ledger_differences() == []


def test_a_change_that_waits_is_rejected_with_a_reason(root, other, make):
    budget_id = make(needs_two=True)
    root.post(page(budget_id, "reset"), {"reason": "Begin again."})
    adjustment = Adjustment.objects.get()
    assert "proposed" in root.get("/admin/budgets/adjustment/").content.decode()
    address = f"/admin/budgets/adjustment/{adjustment.pk}/reject/"
    assert "reason" in refusals(other.post(address, {"reason": ""}))
    other.post(address, {"reason": "Not now."})
    adjustment.refresh_from_db()
    assert (adjustment.status, adjustment.decision_reason) == ("rejected", "Not now.")
    assert LedgerEntry.objects.count() == 1


def test_four_eyes_are_lifted_by_two_people_only(root, other, make):
    budget_id = make(needs_two=True)
    form = settings_of(budget_id)
    assert "wait for a second person" in root.post(page(budget_id, "configure"), form).content.decode()
    root.post(page(budget_id, "lift_four_eyes"), {"reason": "A test budget."})
    assert Budget.objects.get().needs_two
    other.post(f"/admin/budgets/adjustment/{Adjustment.objects.get().pk}/approve/", {"reason": "Yes."})
    assert not Budget.objects.get().needs_two


def test_a_tree_is_made_from_a_template(root, make):
    load_reference(now=timezone.now())
    above = make("above", limit=500_000)
    template = BudgetTemplate.objects.get(pk="development-cycle")
    form = {"template": template.pk, "name": "Sprint 1", "parent": str(above)}
    root.post("/admin/budgets/budget/from_template/", form)
    top = Budget.objects.get(name="Sprint 1")
    assert top.parent_id == above
    assert {(each.name, each.limit) for each in top.children.all()} >= {("planning", 35_000), ("sync", 40_000)}


def template_form(**changes):
    form = {"name": "mine", "title": "Mine", "description": "A try.", "unit": "tokens", "rationale": ""}
    return {**form, "nodes": '[{"name": "top", "limit": 10, "children": [{"name": "leaf", "limit": 5}]}]', **changes}


def test_a_template_is_added_and_its_tree_is_shown(root):
    root.post("/admin/budgets/budgettemplate/add/", template_form())
    shown = root.get("/admin/budgets/budgettemplate/mine/change/").content.decode()
    assert "leaf: <strong>5 tokens</strong>" in shown
    root.post(
        "/admin/budgets/budgettemplate/mine/change/", {**template_form(title="Ours"), "change_reason": "It is shared."}
    )
    change = newest_change("budgets.budgettemplate")
    assert (change.who, change.reason) == ("root", "It is shared.")


@pytest.mark.parametrize(
    "nodes", ["[]", "{", '[{"name": "x"}]', '[{"name": "x", "limit": -1}]', '[{"limit": 5, "colour": 1}]']
)
def test_a_template_of_which_no_tree_can_be_made_is_refused(root, nodes):
    answer = root.post("/admin/budgets/budgettemplate/add/", template_form(nodes=nodes))
    assert answer.status_code == 200
    assert "nodes" in answer.context["adminform"].form.errors
    assert BudgetTemplate.objects.count() == 0


def test_proposals_are_made_accepted_and_rejected_by_a_person(root, make):
    load_reference(now=timezone.now())
    above = make("above", limit=5000)
    for name, hours_refused, spent in (("short", 20, 1000), ("idle", 0, 100), ("even", 0, 700), ("odd", 0, 700)):
        child = make(name, above)
        for week in (1, 2, 3):
            begun = timezone.now() - timedelta(weeks=week)
            facts = {"base_limit": 1000, "limit": 1000, "reserved": 0, "overdraft": 0}
            PeriodRecord.objects.create(
                budget_id=child, starts_at=begun, ended_at=begun, spent=spent, hours_refused=hours_refused, **facts
            )
    root.post(page(above, "propose_shares"))
    proposal = BudgetProposal.objects.get()
    address = f"/admin/budgets/budgetproposal/{proposal.pk}"
    assert "short" in root.get(f"{address}/change/").content.decode()
    root.post(f"{address}/accept/", {"reason": "Fair."})
    proposal.refresh_from_db()
    assert (proposal.status, proposal.decided_by) == ("accepted", "person root")
    after = dict(Budget.objects.values_list("name", "limit"))
    assert after["short"] > 1000 > after["idle"]
    assert "is accepted" in root.post(f"{address}/decline/", {"reason": "No."}).content.decode()
    assert list_ledger_differences() == []


def test_a_budget_that_has_ended_offers_no_changes(root, make):
    budget_id = make()
    root.post(page(budget_id, "end"), {"reason": "Done."})
    assert root.get(page(budget_id, "change_limit")).status_code == 403
    assert page(budget_id, "configure") not in root.get(page(budget_id, "change")).content.decode()


def test_a_budget_is_found_among_thousands_by_typing(root, make):
    make("alpha")
    ended = make("alpine")
    root.post(page(ended, "end"), {"reason": "Done."})
    asked = {"term": "alp", "app_label": "budgets", "model_name": "budget", "field_name": "parent"}
    found = root.get("/admin/budgets/budget/choices/", asked).json()["results"]
    assert [each["text"] for each in found] == ["Delta Relief: alpha (tokens)"]


def rows(answer):
    return {branch.budget.name: branch for branch in answer.context["branches"]}


def test_the_tree_shows_budgets_inside_those_that_they_are_part_of(root, make):
    top = make("top", limit=9000)
    middle = make("middle", top)
    make("leaf", middle)
    Budget.objects.filter(pk=top).update(spent=8000)
    answer = root.get("/admin/budgets/budget/tree/")
    shown = rows(answer)["top"]
    assert shown.children[0].children[0].budget.name == "leaf"
    assert (shown.band, round(shown.used_percent)) == ("critical", 89)
    text = answer.content.decode()
    assert "8,000 spent, 0 reserved, of 9,000 tokens" in text
    assert page(middle, "change") in text
    below = root.get("/admin/budgets/budget/tree/", {"root": middle})
    assert list(rows(below)) == ["leaf"]
    assert [each.name for each in below.context["path"]] == ["top"]


def test_the_tree_stays_small_however_many_budgets_there_are(root, make, organisation_id):
    top = Budget.objects.get(pk=make("top"))

    def more(parent, count, depth):
        fields = {"organisation_id": organisation_id, "unit": "tokens", "limit": 10, "period_starts_at": timezone.now()}
        children = [
            Budget(name=f"b{depth}-{number:04}", parent=parent, depth=depth, created_at=timezone.now(), **fields)
            for number in range(count)
        ]
        for child in children:
            child.path_ids = [str(child.pk), *parent.path_ids]
        return Budget.objects.bulk_create(children)

    def looked():
        with CaptureQueriesContext(connection) as captured:
            answer = root.get("/admin/budgets/budget/tree/")
        return answer, len(captured)

    middle = more(top, 60, 1)
    root.get("/admin/budgets/budget/tree/")
    few = looked()[1]
    for each in middle[:20]:
        for leaf in more(each, 30, 2)[:2]:
            more(leaf, 5, 3)
    answer, many = looked()
    assert many <= few + 3, "a query for each level, none for each budget"
    shown = rows(answer)["top"]
    assert (len(shown.children), shown.hidden) == (25, 35)
    assert len(set(re.findall(r"/admin/budgets/budget/([0-9a-f-]{36})/change/", answer.content.decode()))) == 300
    assert "35 more" in answer.content.decode()
    paged = root.get("/admin/budgets/budget/tree/", {"root": top.pk, "page": 2})
    assert len(rows(paged)) == 10


@pytest.mark.parametrize("asked", [{"page": "x"}, {"page": "0"}, {"page": "99999999999"}])
def test_a_page_of_the_tree_that_cannot_be_is_one_that_can(root, make, asked):
    assert root.get("/admin/budgets/budget/tree/", asked).status_code == 200


def test_a_tree_below_nothing_is_a_404(root):
    assert root.get("/admin/budgets/budget/tree/?root=nonsense").status_code == 404


def test_an_auditor_sees_the_tree_and_may_add_nothing(member_of, make):
    make("top")
    text = member_of("auditors").get("/admin/budgets/budget/tree/").content.decode()
    assert "top" in text
    assert "Add a budget here" not in text
