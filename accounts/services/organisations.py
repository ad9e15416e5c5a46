"""Organisations, teams and people: what an administrator or a first run sets up."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.domain.principal import ANY
from accounts.domain.scopes import Role
from accounts.models import Claim, Membership, Organisation, Team, User, country_code_validator
from accounts.services.groups import ensure_groups
from config.kernel.errors import Conflict, InvalidInput, NotFound

__all__ = ["add_member", "create_administrator", "create_organisation", "create_team", "ensure_groups"]


@transaction.atomic
def create_organisation(*, name: str, country_code: str, type: str) -> int:
    """Register an organisation and return its id.

    Raises InvalidInput naming the field at fault, Conflict if the name is taken.
    """
    if not name.strip():
        raise InvalidInput("An organisation needs a name.", field="name")
    _check_country_code(country_code, field="country_code")
    if type not in Organisation.Type.values:
        raise InvalidInput(f"Choose a type among {', '.join(Organisation.Type.values)}.", field="type")
    if Organisation.objects.filter(name=name).exists():
        raise Conflict(f"There is an organisation named {name} already.", field="name", code="name_taken")
    return Organisation.objects.create(name=name, country_code=country_code, type=type).pk


@transaction.atomic
def create_team(*, organisation_id: int, name: str, origins: Collection[str], purposes: Collection[str]) -> int:
    """Add a team with the origins and purposes its keys may claim (`*` is any); return its id.

    Raises InvalidInput, NotFound for an unknown organisation, Conflict if the name is taken in it.
    """
    if not name.strip():
        raise InvalidInput("A team needs a name.", field="name")
    for origin in origins:
        if origin != ANY:
            _check_country_code(origin, field="origins")
    if not Organisation.objects.filter(pk=organisation_id).exists():
        raise NotFound("There is no such organisation.", field="organisation_id")
    if Team.objects.filter(organisation_id=organisation_id, name=name).exists():
        raise Conflict(f"There is a team named {name} already.", field="name", code="name_taken")
    team = Team.objects.create(organisation_id=organisation_id, name=name)
    for kind, values in ((Claim.Kind.ORIGIN, origins), (Claim.Kind.PURPOSE, purposes)):
        for value in sorted(set(values)):
            Claim.objects.create(team=team, kind=kind, value=value)
    return team.pk


@transaction.atomic
def create_administrator(*, username: str, password: str) -> int:
    """Make a person who may do everything in the administration; return their id.

    Raises InvalidInput naming `password` if it is too weak, Conflict if the username is taken.
    """
    if User.objects.filter(username=username).exists():
        raise Conflict(f"There is a person named {username} already.", field="username", code="name_taken")
    try:
        validate_password(password, User(username=username))
    except ValidationError as weak:
        raise InvalidInput(" ".join(weak.messages), field="password", code="weak_password") from weak
    return User.objects.create_superuser(username=username, password=password).pk


@transaction.atomic
def add_member(*, user_id: int, team_id: int, role: str) -> int:
    """Give a person a role in a team, or another role if they are in it; return the membership's id.

    Raises InvalidInput for an unknown role, NotFound for an unknown person or team.
    """
    if role not in set(Role):
        raise InvalidInput(f"Choose a role among {', '.join(Role)}.", field="role")
    if not User.objects.filter(pk=user_id).exists():
        raise NotFound("There is no such person.", field="user_id")
    if not Team.objects.filter(pk=team_id).exists():
        raise NotFound("There is no such team.", field="team_id")
    membership, _ = Membership.objects.update_or_create(user_id=user_id, team_id=team_id, defaults={"role": role})
    return membership.pk


def _check_country_code(code: str, *, field: str) -> None:
    try:
        country_code_validator(code)
    except ValidationError as malformed:
        raise InvalidInput(f"{code!r} is not a country code of two capital letters.", field=field) from malformed
