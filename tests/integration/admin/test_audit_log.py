"""The audit log over all histories."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.services.organisations import add_member, create_organisation, create_team
from budgets.domain.periods import Period
from budgets.domain.units import Unit
from budgets.models import Threshold
from budgets.services import allot, create_budget, load_reference
from config.administration.audit import Question, audited_models, list_changes

pytestmark = pytest.mark.django_db


def log(client, **question):
    answer = client.get("/admin/audit-log/", question)
    assert answer.status_code == 200
    return answer.context["changes"]


def _fields(change):
    return [(field.field, field.before, field.after) for field in change.fields]


def test_changes_of_different_things_come_newest_first(root):
    load_reference(now=timezone.now())
    organisation_id = create_organisation(name="Delta Relief", country_code="BD", type="ngo")
    root.post(f"/admin/accounts/organisation/{organisation_id}/delete/", {"post": "yes"})
    found = log(root)
    assert [(each.kind, each.model, each.who) for each in found[:2]] == [
        ("deleted", "organisation", "root"),
        ("created", "organisation", "the system"),
    ]
    assert ("name", "Delta Relief", "") in _fields(found[0])
    times = [each.at for each in found]
    assert times == sorted(times, reverse=True)


def test_it_is_filtered_by_what_who_kind_and_day(root):
    load_reference(now=timezone.now())
    root.post("/admin/budgets/threshold/budget-warn/change/", {"value": 70, "rationale": "", "change_reason": ""})
    create_organisation(name="Delta Relief", country_code="BD", type="ngo")
    user_id = root.session["_auth_user_id"]
    today, tomorrow = timezone.now().date(), timezone.now().date() + timedelta(days=1)
    assert {each.model for each in log(root, model="accounts.organisation")} == {"organisation"}
    assert [each.object_name for each in log(root, user=user_id)] == ["budget-warn"]
    assert {each.kind for each in log(root, kind="~")} == {"changed"}
    assert log(root, since=tomorrow) == []
    assert log(root, until=today - timedelta(days=1)) == []
    assert len(log(root, since=today, until=today)) == len(log(root))
    for nonsense in ({"model": "x"}, {"user": "x"}, {"since": "x"}, {"page": "-1"}, {"page": "999999999999"}):
        assert log(root, **nonsense)


def test_it_is_turned_page_by_page(root):
    threshold = Threshold.objects.create(name="t", value=0, unit="x", description="d")
    for value in range(1, 121):
        threshold.value = value
        threshold.save()
    first = root.get("/admin/audit-log/", {"model": "budgets.threshold"})
    assert len(first.context["changes"]) == 50
    assert first.context["newer"] == ""
    third = root.get("/admin/audit-log/" + first.context["older"].replace("page=2", "page=3"))
    oldest = third.context["changes"][-2:]
    assert [
        (each.kind, ("value", before, after) in _fields(each))
        for each, before, after in zip(oldest, ["0.0", ""], ["1.0", "0.0"], strict=True)
    ] == [("changed", True), ("created", True)]
    assert third.context["older"] == ""


def test_the_number_of_queries_does_not_grow_with_the_changes(root):
    def count():
        with CaptureQueriesContext(connection) as captured:
            log(root)
        return len(captured)

    def make(number):
        organisation_id = create_organisation(name=f"O{number}", country_code="BD", type="ngo")
        team_id = create_team(organisation_id=organisation_id, name="A", origins=["KE"], purposes=["*"])
        add_member(user_id=int(root.session["_auth_user_id"]), team_id=team_id, role="owner")

    make(0)
    few = count()
    for number in range(1, 9):
        make(number)
    assert count() == few
    assert few <= 3 * len(audited_models()) + 15


def test_things_without_a_name_are_named_by_what_they_belong_to(root):
    organisation_id = create_organisation(name="Delta Relief", country_code="BD", type="ngo")
    team_id = create_team(organisation_id=organisation_id, name="Floods", origins=["KE"], purposes=[])
    add_member(user_id=int(root.session["_auth_user_id"]), team_id=team_id, role="owner")
    names = {each.model: each.object_name for each in list_changes(Question(), offset=0, limit=50)}
    assert names["membership"] == "root · Delta Relief / Floods"
    assert names["claim"] == "Delta Relief / Floods · Origin (country) · KE"


def test_a_budget_limited_with_a_key_names_the_key_and_the_unit(root):
    organisation_id = create_organisation(name="Delta Relief", country_code="BD", type="ngo")
    budget_id = create_budget(
        name="Floods",
        organisation_id=organisation_id,
        team_id=None,
        parent_id=None,
        unit=Unit.CARBON_G,
        limit=Decimal("0.05"),
        period=Period.ONE_OFF,
        actor="key cw_abcd1234",
        now=timezone.now(),
    )
    allot(budget_id=budget_id, limit=Decimal(1), actor="person ada", reason="more", now=timezone.now())
    changed, created = log(root, model="budgets.budget")
    assert [(each.who, each.reason) for each in (changed, created)] == [
        ("person ada", "more"),
        ("key cw_abcd1234", ""),
    ]
    assert _fields(changed) == [("limit", "0.05 g CO2e", "1 g CO2e")]
    assert not {"path ids", "depth"} & {field.field for field in created.fields}


def test_a_reason_that_names_no_actor_stays_a_reason(root):
    threshold = Threshold.objects.create(name="t", value=0, unit="x", description="d")
    threshold._change_reason = "keyed in by mistake"
    threshold.save()
    newest = log(root, model="budgets.threshold")[0]
    assert (newest.who, newest.reason) == ("the system", "keyed in by mistake")


def test_only_administrators_and_auditors_read_it(member_of, client, db):
    from accounts.models import User

    assert member_of("auditors").get("/admin/audit-log/").status_code == 200
    assert member_of("administrators").get("/admin/audit-log/").status_code == 200
    client.force_login(User.objects.create_user("plain", is_staff=True))
    assert client.get("/admin/audit-log/").status_code == 403
