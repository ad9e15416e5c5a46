"""Setting up who may ask."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import ApiKey, Claim, Membership, Organisation, Team, User
from accounts.selectors import find_principal_by_secret
from accounts.services.keys import create_api_key
from accounts.services.organisations import add_member, create_administrator, create_organisation, create_team
from config.kernel.errors import Conflict, InvalidInput, NotFound

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"name": " "}, "name"),
        ({"country_code": "bd"}, "country_code"),
        ({"country_code": "BGD"}, "country_code"),
        ({"country_code": "BD\n"}, "country_code"),
        ({"type": "bank"}, "type"),
    ],
)
def test_a_malformed_organisation_is_refused_by_field(facts, field):
    with pytest.raises(InvalidInput) as refusal:
        create_organisation(**{"name": "Relief", "country_code": "BD", "type": "ngo", **facts})
    assert refusal.value.field == field
    assert Organisation.objects.count() == 0


def test_names_are_taken_once():
    organisation_id = create_organisation(name="Relief", country_code="BD", type="ngo")
    create_team(organisation_id=organisation_id, name="A", origins=[], purposes=[])
    with pytest.raises(Conflict):
        create_organisation(name="Relief", country_code="KE", type="sme")
    with pytest.raises(Conflict):
        create_team(organisation_id=organisation_id, name="A", origins=[], purposes=[])
    assert (Organisation.objects.count(), Team.objects.count()) == (1, 1)


def test_a_team_has_its_claims(team_id):
    claims = Claim.objects.filter(team_id=team_id).values_list("kind", "value")
    assert set(claims) == {("origin", "KE"), ("purpose", "disaster_response")}


def test_a_team_of_no_organisation_or_with_a_bad_origin_is_refused():
    with pytest.raises(NotFound):
        create_team(organisation_id=99, name="A", origins=[], purposes=[])
    organisation_id = create_organisation(name="Relief", country_code="BD", type="ngo")
    with pytest.raises(InvalidInput) as refusal:
        create_team(organisation_id=organisation_id, name="A", origins=["Kenya"], purposes=[])
    assert refusal.value.field == "origins"
    assert Team.objects.count() == 0


def test_an_administrator_needs_a_strong_password():
    with pytest.raises(InvalidInput) as refusal:
        create_administrator(username="root", password="12345678")
    assert refusal.value.field == "password"
    assert User.objects.count() == 0
    create_administrator(username="root", password="correct horse battery")
    user = User.objects.get()
    assert user.is_superuser
    assert user.is_staff
    assert user.check_password("correct horse battery")
    assert "password" not in user.history.values().get()


def test_a_member_has_one_role_in_a_team(team_id):
    user = User.objects.create_user("amina")
    assert add_member(user_id=user.pk, team_id=team_id, role="viewer") == add_member(
        user_id=user.pk, team_id=team_id, role="owner"
    )
    assert Membership.objects.get().role == "owner"
    with pytest.raises(InvalidInput):
        add_member(user_id=user.pk, team_id=team_id, role="king")
    with pytest.raises(NotFound):
        add_member(user_id=99, team_id=team_id, role="owner")
    with pytest.raises(NotFound):
        add_member(user_id=user.pk, team_id=99, role="owner")
    assert Membership.objects.get().role == "owner"


@pytest.mark.parametrize("scopes", [[], ["everything"], ["requests:read", "everything"]])
def test_a_key_with_an_unknown_scope_or_none_is_refused(team_id, scopes):
    with pytest.raises(InvalidInput) as refusal:
        create_api_key(team_id=team_id, name="k", scopes=scopes)
    assert refusal.value.field == "scopes"
    assert ApiKey.objects.count() == 0


def test_the_command_prints_a_key_that_works(team_id):
    out = StringIO()
    call_command(
        "create_api_key",
        "Delta Relief / Floods",
        "--name",
        "ci",
        "--scope",
        "requests:write",
        "--days",
        "7",
        stdout=out,
    )
    found = find_principal_by_secret(out.getvalue().strip(), now=timezone.now())
    assert found is not None
    assert found[0].team_id == team_id


@pytest.mark.parametrize(
    "arguments", [["Nobody / Floods", "--scope", "requests:write"], ["Delta Relief / Floods", "--scope", "all"]]
)
def test_the_command_refuses_in_words(team_id, arguments):
    with pytest.raises(CommandError):
        call_command("create_api_key", *arguments, "--name", "ci")
    assert ApiKey.objects.count() == 0
