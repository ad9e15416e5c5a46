"""Who gets through the doors of the API, by key and by login."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.domain.scopes import Scope
from accounts.models import ApiKey, Organisation, Team, User
from accounts.services.keys import create_api_key, revoke_api_key
from accounts.services.organisations import add_member, create_organisation, create_team

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.integration.accounts.urls")]


def call(secret, method="get", **headers):
    client = APIClient(headers={"Authorization": f"Bearer {secret}", **headers})
    return getattr(client, method)("/door/")


@pytest.fixture
def person(team_id):
    user = User.objects.create_user("amina", password="a long enough phrase")
    add_member(user_id=user.pk, team_id=team_id, role="member")
    return user


def logged_in(user, **kwargs):
    client = Client(**kwargs)
    client.force_login(user)
    return client


# --- keys ---------------------------------------------------------------------------


def test_a_key_opens_the_door_for_its_team_and_its_use_is_noted(key_and_secret, team_id):
    key, secret = key_and_secret
    answer = call(secret)
    assert answer.status_code == 200
    assert answer.json() == {"actor": f"key {key.prefix}", "team_id": team_id}
    key.refresh_from_db()
    assert timezone.now() - key.last_used_at < timedelta(minutes=1)


def test_no_key_is_a_401_with_a_challenge(db):
    answer = APIClient().get("/door/")
    assert (answer.status_code, answer.json()["code"]) == (401, "no_key")
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("secret", ["", "cw_", "nonsense", "cw_" + "é" * 43, "cw_" + "a" * 43, "cw_" + "a" * 100_000])
def test_an_unknown_key_is_a_401(db, secret):
    assert call(secret).status_code == 401


def test_the_prefix_of_a_key_with_another_secret_is_a_401(key_and_secret):
    _, secret = key_and_secret
    assert call(secret[:-5] + "AAAAA").status_code == 401


def test_an_unknown_prefix_and_a_wrong_secret_cost_the_same(key_and_secret, django_assert_num_queries):
    _, secret = key_and_secret
    with django_assert_num_queries(1):
        call("cw_" + "x" * 43)
    with django_assert_num_queries(1):
        call(secret[:-5] + "AAAAA")


def test_a_revoked_key_is_refused(key_and_secret):
    key, secret = key_and_secret
    revoke_api_key(key_id=key.pk, now=timezone.now())
    assert call(secret).status_code == 401


def test_revoking_twice_keeps_the_first_time(key_and_secret):
    key, _ = key_and_secret
    first = timezone.now()
    revoke_api_key(key_id=key.pk, now=first)
    revoke_api_key(key_id=key.pk, now=first + timedelta(days=1))
    assert ApiKey.objects.get().revoked_at == first


def test_an_expired_key_is_refused(team_id):
    _, secret = create_api_key(
        team_id=team_id, name="old", scopes=[Scope.REQUESTS_READ], expires_at=timezone.now() - timedelta(seconds=1)
    )
    assert call(secret).status_code == 401


@pytest.mark.parametrize("model", [Organisation, Team])
def test_a_key_of_an_inactive_team_or_organisation_is_refused(key_and_secret, model):
    _, secret = key_and_secret
    model.objects.update(is_active=False)
    assert call(secret).status_code == 401


def test_a_key_without_the_scope_is_a_403_that_names_it(team_id):
    _, secret = create_api_key(team_id=team_id, name="reader", scopes=[Scope.REQUESTS_READ])
    answer = call(secret, "post")
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert Scope.REQUESTS_WRITE in answer.json()["detail"]


def test_a_method_that_names_no_scope_is_shut_and_one_that_is_not_there_is_a_405(key_and_secret):
    _, secret = key_and_secret
    assert call(secret, "put").status_code == 403
    assert call(secret, "delete").status_code == 405


def test_the_secret_is_stored_nowhere(key_and_secret):
    key, secret = key_and_secret
    row = ApiKey.objects.filter(pk=key.pk).values().get()
    assert secret not in str(row)
    assert not any(secret in str(old) for old in key.history.values())
    assert not any(row["digest"] in str(old) for old in key.history.values())


def test_a_busy_key_is_noted_once_a_minute(key_and_secret, django_assert_num_queries):
    _, secret = key_and_secret
    with django_assert_num_queries(3):  # key, claims, note
        call(secret)
    with django_assert_num_queries(2):
        call(secret)


# --- people -------------------------------------------------------------------------


def test_a_member_reads_by_session(person, team_id):
    assert logged_in(person).get("/door/").json() == {"actor": "person amina", "team_id": team_id}


def test_a_post_by_session_needs_the_csrf_token(person):
    client = logged_in(person, enforce_csrf_checks=True)

    def post(**headers):
        return client.post("/door/", {}, content_type="application/json", headers=headers).status_code

    assert post() == 403
    client.cookies["csrftoken"] = token = "a" * 32
    assert post() == 403
    assert post(**{"X-CSRFToken": "b" * 32}) == 403
    assert post(**{"X-CSRFToken": token}) == 200


def test_a_viewer_may_not_post(team_id):
    user = User.objects.create_user("victor")
    add_member(user_id=user.pk, team_id=team_id, role="viewer")
    assert logged_in(user).post("/door/").status_code == 403


def test_a_person_of_no_team_is_a_403(db):
    answer = logged_in(User.objects.create_user("nobody")).get("/door/")
    assert (answer.status_code, answer.json()["code"]) == (403, "no_team")


def test_a_person_who_was_switched_off_is_refused(person):
    client = logged_in(person)
    User.objects.update(is_active=False)
    assert client.get("/door/").status_code == 401


def test_a_member_of_a_team_that_was_switched_off_is_refused(person):
    Team.objects.update(is_active=False)
    assert logged_in(person).get("/door/").status_code == 403


def test_a_person_chooses_among_their_teams_and_no_other(person):
    organisation_id = create_organisation(name="Other", country_code="KE", type="sme")
    second = create_team(organisation_id=organisation_id, name="Second", origins=[], purposes=[])
    foreign = create_team(organisation_id=organisation_id, name="Foreign", origins=[], purposes=[])
    add_member(user_id=person.pk, team_id=second, role="viewer")
    client = logged_in(person)
    assert client.get("/door/", headers={"X-Commonwatt-Team": str(second)}).json()["team_id"] == second
    for wrong in (str(foreign), "", "first", "²", "-1"):
        assert client.get("/door/", headers={"X-Commonwatt-Team": wrong}).status_code == 403


def test_staff_without_a_team_see_everything_and_change_nothing(db):
    client = logged_in(User.objects.create_superuser("root", password="x"))
    assert client.get("/door/").json()["team_id"] is None
    assert client.post("/door/").status_code == 403
