"""Who may decide on emergencies: nobody by what a team holds, staff and keys by what the administration gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from accounts.domain.scopes import ALL_SCOPES, SCOPES_OF_ROLE, Scope
from accounts.models import User
from climate.models import Emergency
from tests.integration.climate.alert_examples import BODY
from tests.integration.world import load_world

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
URL = "/api/v1/emergencies/"


@pytest.fixture(autouse=True)
def world(db, time_machine):
    time_machine.move_to(NOW, tick=False)
    load_world()


def fields_of(answer):
    assert answer.status_code == 422, answer.json()
    return {error["field"] for error in answer.json()["errors"]}


def test_the_power_is_in_no_role_and_in_nothing_that_a_team_holds_by_itself():
    assert Scope.EMERGENCIES_WRITE not in ALL_SCOPES
    assert all(Scope.EMERGENCIES_WRITE not in scopes for scopes in SCOPES_OF_ROLE.values())


@pytest.mark.parametrize("action", ["", "{}/confirm/", "{}/dismiss/", "{}/lift/"])
def test_a_team_owners_key_is_refused_and_changes_nothing(owner, proposed, action):
    answer = owner.post(f"{URL}{action.format(proposed)}", BODY if not action else {"reason": "x"})
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert [each.state for each in Emergency.objects.all()] == ["proposed"]


def test_nobody_is_asked_for_a_key(proposed):
    assert APIClient().get("/api/v1/alerts/").status_code == 401
    assert APIClient().post(f"{URL}{proposed}/confirm/", {"reason": "x"}).status_code == 401


def person(name, *permissions, **facts):
    user = User.objects.create_user(name, **facts)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = APIClient()
    client.force_login(User.objects.get(pk=user.pk))
    return client


def test_a_member_of_staff_with_the_permission_decides(proposed):
    answer = person("ada", "change_emergency", is_staff=True).post(f"{URL}{proposed}/confirm/", {"reason": "Yes."})
    assert answer.status_code == 200
    assert Emergency.objects.get().decided_by == "person ada"
    assert Emergency.history.first().history_user.username == "ada"


@pytest.mark.parametrize("permission", ["view_emergency", "change_country"])
def test_staff_without_the_permission_does_not(proposed, permission):
    answer = person("bob", permission, is_staff=True).post(f"{URL}{proposed}/confirm/", {"reason": "Yes."})
    assert answer.status_code == 403
    assert Emergency.objects.get().state == "proposed"


def test_reasons_are_kept_with_who_and_when(trusted, proposed, time_machine):
    time_machine.move_to(NOW + timedelta(hours=1), tick=False)
    trusted.post(f"{URL}{proposed}/dismiss/", {"reason": "A test of the feed."})
    newest = Emergency.history.first()
    assert newest.history_change_reason == "dismissed: A test of the feed."
    assert newest.history_date == NOW + timedelta(hours=1)
