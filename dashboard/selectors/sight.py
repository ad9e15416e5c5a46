"""Who looks, and what may they see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from accounts.domain.scopes import Scope
from accounts.selectors import find_principal_of_person
from dashboard.domain.sight import Sight, sight_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


def get_sight(user: AbstractBaseUser | AnonymousUser) -> Sight:
    """What `user` (or a visitor, who is anonymous) may see in this deployment. At most three queries."""
    is_known = user.is_authenticated and user.is_active
    principal = find_principal_of_person(user) if is_known else None  # type: ignore[arg-type]
    return sight_of(
        visitors=settings.VISITORS_MAY_SEE,
        is_known=is_known,
        is_staff=bool(getattr(user, "is_staff", False)),
        sees_everything=bool(principal and principal.sees_everything),
        visible_team_ids=principal.visible_team_ids if principal else frozenset(),
        organisation_id=principal.organisation_id if principal else None,
        budget_team_id=principal.team_id if principal and principal.may(Scope.BUDGETS_WRITE) else None,
        trading_team_id=principal.team_id if principal and principal.may(Scope.MARKET_TRADE) else None,
        session_team_id=principal.team_id if principal and principal.may(Scope.SESSIONS_WRITE) else None,
    )
