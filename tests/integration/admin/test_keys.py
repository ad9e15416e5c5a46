"""Keys through the administration: the secret is shown exactly once."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from accounts.models import ApiKey
from accounts.selectors import find_principal_by_secret
from accounts.services.keys import create_api_key
from accounts.services.organisations import create_organisation, create_team

pytestmark = pytest.mark.django_db
SECRET = re.compile(r"cw_[A-Za-z0-9_-]{43}")


@pytest.fixture
def team_id(db):
    organisation_id = create_organisation(name="Delta Relief", country_code="BD", type="ngo")
    return create_team(organisation_id=organisation_id, name="Floods", origins=[], purposes=[])


def form(team_id, **changes):
    return {"team": team_id, "name": "ci", "scopes": ["requests:read", "requests:write"], "expires_at": "", **changes}


def test_the_secret_is_shown_once_and_works(root, team_id):
    page = root.post("/admin/accounts/apikey/add/", form(team_id), follow=True).content.decode()
    secret = SECRET.search(page).group()
    principal, key = find_principal_by_secret(secret, now=timezone.now())
    assert principal.scopes == {"requests:read", "requests:write"}
    assert key.created_by.username == "root"
    for address in ("", f"{key.pk}/change/", f"{key.pk}/history/"):
        later = root.get(f"/admin/accounts/apikey/{address}").content.decode()
        assert key.prefix in later
        assert secret not in later
        assert key.digest not in later
    assert secret not in root.get("/admin/audit-log/").content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"name": ""}, "name"),
        ({"team": "999"}, "team"),
        ({"expires_at": "2020-01-01 00:00"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
    ],
)
def test_a_key_that_cannot_be_meant_is_refused_beside_its_field(root, team_id, changes, field):
    page = root.post("/admin/accounts/apikey/add/", form(team_id, **changes))
    assert field in page.context["form"].errors
    assert ApiKey.objects.count() == 0


def test_a_key_is_revoked_by_a_post_and_says_who_did_it(root, team_id):
    key, secret = create_api_key(team_id=team_id, name="ci", scopes=["requests:read"])
    root.get(f"/admin/accounts/apikey/{key.pk}/revoke/")
    assert find_principal_by_secret(secret, now=timezone.now()) is not None
    root.post(f"/admin/accounts/apikey/{key.pk}/revoke/")
    assert find_principal_by_secret(secret, now=timezone.now()) is None
    assert key.history.first().history_user.username == "root"


def test_only_a_key_that_is_not_revoked_offers_to_be_revoked_and_times_name_their_zone(root, team_id):
    key, _ = create_api_key(team_id=team_id, name="ci", scopes=["requests:read"])
    page, revoke = f"/admin/accounts/apikey/{key.pk}/change/", f"/admin/accounts/apikey/{key.pk}/revoke/"
    assert revoke in root.get(page).content.decode()
    root.post(revoke)
    text = root.get(page).content.decode()
    assert revoke not in text
    assert f"{timezone.now():%Y}, " in text
    assert re.search(r", \d\d:\d\d UTC", text)


def test_scopes_and_expiry_of_a_key_are_changed_but_not_its_secret(root, team_id):
    key, _ = create_api_key(team_id=team_id, name="ci", scopes=["requests:read"])
    until = timezone.now() + timedelta(days=3)
    given = {
        "name": "ci",
        "scopes": ["budgets:read"],
        "expires_at": f"{until:%Y-%m-%d %H:%M}",
        "digest": "0",
        "prefix": "x",
    }
    root.post(f"/admin/accounts/apikey/{key.pk}/change/", given)
    changed = ApiKey.objects.get()
    assert changed.scopes == ["budgets:read"]
    assert changed.expires_at is not None
    assert (changed.digest, changed.prefix, changed.team_id) == (key.digest, key.prefix, key.team_id)


def test_revoking_a_key_that_is_not_there_is_a_404(root):
    for nonsense in ("999", "nonsense"):
        assert root.post(f"/admin/accounts/apikey/{nonsense}/revoke/").status_code == 404


def test_a_key_is_never_deleted(root, team_id):
    key, _ = create_api_key(team_id=team_id, name="ci", scopes=["requests:read"])
    assert root.post(f"/admin/accounts/apikey/{key.pk}/delete/", {"post": "yes"}).status_code == 403
    assert ApiKey.objects.count() == 1


POWER = ["climate:read", "emergencies:write"]


def test_an_administrator_gives_a_key_power_over_every_team(member_of, team_id):
    page = member_of("administrators").post("/admin/accounts/apikey/add/", form(team_id, scopes=POWER), follow=True)
    assert SECRET.search(page.content.decode())
    assert ApiKey.objects.get().scopes == POWER


def test_an_operator_makes_keys_without_that_power(member_of, team_id):
    operator = member_of("operators")
    page = operator.post("/admin/accounts/apikey/add/", form(team_id, scopes=POWER))
    assert "Only administrators give emergencies:write" in str(page.context["form"].errors["scopes"])
    assert ApiKey.objects.count() == 0
    operator.post("/admin/accounts/apikey/add/", form(team_id))
    assert ApiKey.objects.count() == 1


def test_whoever_gives_it_has_a_permission_of_its_own_that_operators_have_not_and_cannot_take(
    member_of, team_id, client, django_user_model
):
    def holders(*codenames):
        return set(Group.objects.filter(permissions__codename__in=codenames).values_list("name", flat=True))

    member_of("operators")
    assert holders("grant_platform_scopes") == {"administrators"}
    assert holders("change_user", "add_user", "change_group", "add_group") == {"administrators"}
    giver = django_user_model.objects.create_user("giver", is_staff=True)
    client.force_login(giver)
    wanted = ["add_apikey", "view_apikey", "add_emergencypolicy", "change_emergency"]
    giver.user_permissions.set(Permission.objects.filter(codename__in=wanted))
    client.post("/admin/accounts/apikey/add/", form(team_id, scopes=POWER))
    assert ApiKey.objects.count() == 0, "to make rules is another power"
    giver.user_permissions.add(Permission.objects.get(codename="grant_platform_scopes"))
    client.post("/admin/accounts/apikey/add/", form(team_id, scopes=POWER))
    assert ApiKey.objects.get().scopes == POWER


def test_an_operator_does_not_add_the_power_to_a_key_and_may_leave_it_where_it_is(member_of, team_id):
    operator = member_of("operators")
    plain, _ = create_api_key(team_id=team_id, name="plain", scopes=["climate:read"])
    strong, _ = create_api_key(team_id=team_id, name="strong", scopes=POWER)
    address = "/admin/accounts/apikey/{}/change/"
    page = operator.post(address.format(plain.pk), {"name": "plain", "scopes": POWER, "expires_at": ""})
    assert "scopes" in page.context["adminform"].form.errors
    operator.post(address.format(strong.pk), {"name": "renamed", "scopes": POWER, "expires_at": ""})
    assert set(ApiKey.objects.values_list("name", flat=True)) == {"plain", "renamed"}
    assert ApiKey.objects.get(name="plain").scopes == ["climate:read"]
