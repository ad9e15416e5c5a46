"""Reads: who is behind a key or a login."""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Prefetch, Q

from accounts.domain.principal import Principal
from accounts.domain.scopes import PLATFORM_SCOPES, SCOPES_OF_ROLE, Role, Scope
from accounts.domain.secrets import PREFIX_CHARACTERS, digest_of, looks_like_secret
from accounts.models import ApiKey, Claim, Membership, Team, User
from config.kernel.actors import KEY, PERSON, key_actor, person_actor
from config.kernel.errors import NotFound

_permission_of: dict[Scope, str] = {}
"""By platform scope the permission that gives it to people, as the apps above have registered it."""

REMEMBERED_FOR = timedelta(seconds=1)
"""So long a key may be taken as found without asking the database: a revoked key works no longer than that."""
MOST_REMEMBERED = 10_000
_remembered: dict[str, tuple[datetime, datetime | None, Principal]] = {}


def find_principal_by_secret(secret: str, *, now: datetime) -> tuple[Principal, ApiKey] | None:
    """The caller behind a key's secret; None if the key is unknown, expired, revoked or its team is inactive.

    An unknown prefix and a wrong secret cost the same: one query and one digest.
    """
    if not looks_like_secret(secret):
        return None
    key = ApiKey.objects.filter(prefix=secret[:PREFIX_CHARACTERS]).select_related("team__organisation").first()
    expected = key.digest if key else "0" * 64
    if not hmac.compare_digest(digest_of(secret, pepper=settings.API_KEY_PEPPER), expected) or key is None:
        return None
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
        return None
    if not (key.team.is_active and key.team.organisation.is_active):
        return None
    scopes = frozenset(Scope(value) for value in key.scopes if value in tuple(Scope))
    principal = _principal(key_actor(key.prefix), key.team, scopes, api_key_id=key.pk)
    if len(_remembered) >= MOST_REMEMBERED:
        _remembered.clear()
    _remembered[expected] = (now, key.expires_at, principal)
    return principal, key


def is_key_in_force(api_key_id: int, *, now: datetime) -> bool:
    """Whether work that a key has asked for may go on: it is neither revoked nor expired, and its team is active."""
    lasting = Q(expires_at=None) | Q(expires_at__gt=now)
    active = Q(team__is_active=True, team__organisation__is_active=True)
    return ApiKey.objects.filter(lasting, active, pk=api_key_id, revoked_at=None).exists()


def find_remembered_principal(secret: str, *, now: datetime, within: timedelta = REMEMBERED_FOR) -> Principal | None:
    """The caller behind a secret that this process has found within the last second, without the database.

    `within` longer than that is for work that is checked again once the database answers.
    """
    if not looks_like_secret(secret):
        return None
    found = _remembered.get(digest_of(secret, pepper=settings.API_KEY_PEPPER))
    if found is None:
        return None
    found_at, expires_at, principal = found
    if abs(now - found_at) > within or (expires_at is not None and expires_at <= now):
        return None
    return principal


def forget_principals() -> None:
    """Look every key up again: one was just revoked, or a team switched off."""
    _remembered.clear()


def find_principal_of_person(user: User, *, team_id: int | None = None) -> Principal | None:
    """The caller behind a login, acting for `team_id` or else for the first team; None if not in it.

    Inactive teams do not count. Staff see everything; without a membership they act for no team.
    """
    memberships = list(
        Membership.objects.filter(user=user, team__is_active=True, team__organisation__is_active=True)
        .select_related("team__organisation")
        .prefetch_related(Prefetch("team__claims"))
        .order_by("pk")
    )
    actor = person_actor(user.get_username())
    chosen = next((m for m in memberships if team_id in (None, m.team_id)), None)
    visible = frozenset(m.team_id for m in memberships)
    if chosen is None:
        return _without_team(user, actor) if user.is_staff and team_id is None else None
    scopes = SCOPES_OF_ROLE[Role(chosen.role)] | _platform_scopes(user)
    return _principal(actor, chosen.team, scopes, visible=visible, user=user)


def _without_team(user: User, actor: str) -> Principal:
    """A member of staff who acts for no team: reads, and what the administration permits them."""
    reading = frozenset({Scope.CLIMATE_READ, Scope.REQUESTS_READ, Scope.BUDGETS_READ, Scope.MARKET_READ})
    scopes = reading | _platform_scopes(user)
    return Principal(actor=actor, team_id=None, scopes=scopes, sees_everything=True, user_id=user.pk)


def register_platform_scope(scope: Scope, *, permission: str) -> None:
    """Let staff with `permission`, which the app above that calls owns, hold `scope` as people."""
    _permission_of[scope] = permission


def may_on_platform(user: User | AnonymousUser, scope: Scope) -> bool:
    """The one rule for power over every team: a member of staff with the registered permission, at every door."""
    permission = _permission_of.get(scope)
    return permission is not None and user.is_staff and user.has_perm(permission)


def _platform_scopes(user: User) -> frozenset[Scope]:
    """What the administration permits a member of staff beyond their teams."""
    return frozenset(scope for scope in PLATFORM_SCOPES if may_on_platform(user, scope))


def _principal(
    actor: str,
    team: Team,
    scopes: frozenset[Scope],
    *,
    visible: frozenset[int] = frozenset(),
    api_key_id: int | None = None,
    user: User | None = None,
) -> Principal:
    claims: dict[str, set[str]] = defaultdict(set)
    for claim in team.claims.all():
        claims[claim.kind].add(claim.value)
    return Principal(
        actor=actor,
        team_id=team.pk,
        team_name=team.name,
        organisation_id=team.organisation_id,
        organisation_name=team.organisation.name,
        organisation_type=team.organisation.type,
        country_code=team.organisation.country_code,
        scopes=scopes,
        claimable_origins=frozenset(claims[Claim.Kind.ORIGIN]),
        claimable_purposes=frozenset(claims[Claim.Kind.PURPOSE]),
        visible_team_ids=visible | {team.pk},
        sees_everything=bool(user and user.is_staff),
        user_id=user.pk if user else None,
        api_key_id=api_key_id,
    )


def find_people_behind(actors: Collection[str]) -> dict[str, str | None]:
    """The username behind each actor: of a key, who made it; None where nobody knows."""
    names = {actor: actor.removeprefix(PERSON) for actor in actors if actor.startswith(PERSON)}
    prefixes = [actor.removeprefix(KEY) for actor in actors if actor.startswith(KEY)]
    made_by = ApiKey.objects.filter(prefix__in=prefixes, created_by__isnull=False)
    names |= {key_actor(prefix): name for prefix, name in made_by.values_list("prefix", "created_by__username")}
    return {actor: names.get(actor) for actor in actors}


def find_team_id(*, organisation_name: str, team_name: str) -> int | None:
    """The id of a team by its full name, or None."""
    return (
        Team.objects.filter(organisation__name=organisation_name, name=team_name).values_list("pk", flat=True).first()
    )


def get_principal_of_team(*, team_id: int, actor: str, scopes: frozenset[Scope]) -> Principal:
    """A caller that a command on this machine speaks for. Raises NotFound."""
    team = Team.objects.select_related("organisation").prefetch_related("claims").filter(pk=team_id).first()
    if team is None:
        raise NotFound("There is no such team.")
    return _principal(actor, team, scopes)
