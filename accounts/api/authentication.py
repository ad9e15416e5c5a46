"""`Authorization: Bearer cw_...`, or the browser's session with CSRF. `request.auth` is a Principal."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from accounts.domain.principal import Principal
from accounts.selectors import find_principal_by_secret, find_principal_of_person
from accounts.services.keys import note_key_use

CHALLENGE = 'Bearer realm="commonwatt"'


class ApiKeyAuthentication(BaseAuthentication):
    """A team's key in the Authorization header."""

    def authenticate(self, request: Request) -> tuple[Any, Principal] | None:
        """The key's principal; None if no Bearer header was sent."""
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        now = timezone.now()
        found = find_principal_by_secret(secret.strip(), now=now)
        if found is None:
            raise AuthenticationFailed("This API key is unknown, expired or revoked.", code="bad_key")
        principal, key = found
        note_key_use(key_id=key.pk, last_used_at=key.last_used_at, now=now)
        return AnonymousUser(), principal  # a key is nobody's login; the principal says who acts

    def authenticate_header(self, request: Request) -> str:
        """The challenge that makes a missing key a 401."""
        return CHALLENGE


class PersonAuthentication(SessionAuthentication):
    """A person logged in through the browser; `X-Commonwatt-Team` chooses among their teams."""

    def authenticate(self, request: Request) -> tuple[Any, Principal] | None:
        """The person's principal; None if nobody is logged in."""
        found = super().authenticate(request)
        if found is None:
            return None
        user, _ = found
        principal = find_principal_of_person(user, team_id=_wanted_team_id(request))
        if principal is None:
            raise PermissionDenied("You are not a member of a team that could do this.", code="no_team")
        return user, principal


def _wanted_team_id(request: Request) -> int | None:
    """The team that the header names. A header that names none is refused, not passed over."""
    wanted = request.headers.get("X-Commonwatt-Team")
    if wanted is None:
        return None
    if not (wanted.isascii() and wanted.isdigit()):
        raise PermissionDenied("X-Commonwatt-Team must be the number of a team of yours.", code="no_team")
    return int(wanted)
