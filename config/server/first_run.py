"""What a deployment on one's own machine begins with: an administrator, and a team that may try everything."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth import get_user_model
from django.db import transaction

from accounts.domain.principal import ANY
from accounts.domain.scopes import ALL_SCOPES, Role
from accounts.services import keys, organisations
from budgets.domain.periods import Period
from budgets.domain.units import Unit
from budgets.services import create_budget
from market.services.fund import deposit_to_fund

ACTOR = "first run"
USERNAME = "admin"
ORGANISATION = "Demo organisation"
TEAM = "Demo team"
TEAM_TOKENS = Decimal(50_000_000)
SHARES_OF_TEAM = (("Early warning desk", Decimal(10_000_000)), ("Research and teaching", Decimal(5_000_000)))
DEPOSIT_MICRO_USD = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Credentials:
    """Shown once; only digests of them are kept."""

    username: str
    password: str
    api_key: str


def is_first_run() -> bool:
    """Whether nobody can log in yet."""
    return not get_user_model().objects.exists()


@transaction.atomic
def create_demo(*, now: datetime) -> Credentials:
    """Create it all or nothing: administrator, organisation, team, budgets, the Fund's first deposit, a key."""
    password = secrets.token_urlsafe(12)
    user_id = organisations.create_administrator(username=USERNAME, password=password)
    organisation_id = organisations.create_organisation(name=ORGANISATION, country_code="DE", type="ngo")
    team_id = organisations.create_team(organisation_id=organisation_id, name=TEAM, origins=[ANY], purposes=[ANY])
    organisations.add_member(user_id=user_id, team_id=team_id, role=Role.OWNER)
    _create_budgets(organisation_id, team_id, now)
    deposit_to_fund(micro_usd=DEPOSIT_MICRO_USD, actor=ACTOR, reason="demo deposit", now=now)
    _, api_key = keys.create_api_key(team_id=team_id, name="Demo key", scopes=ALL_SCOPES, created_by_id=user_id)
    return Credentials(USERNAME, password, api_key)


def _create_budgets(organisation_id: int, team_id: int, now: datetime) -> None:
    team_budget_id = create_budget(
        name=TEAM,
        organisation_id=organisation_id,
        team_id=team_id,
        parent_id=None,
        unit=Unit.TOKENS,
        limit=TEAM_TOKENS,
        period=Period.MONTH,
        actor=ACTOR,
        now=now,
        is_default=True,
    )
    for name, limit in SHARES_OF_TEAM:
        create_budget(
            name=name,
            organisation_id=organisation_id,
            team_id=team_id,
            parent_id=team_budget_id,
            unit=Unit.TOKENS,
            limit=limit,
            period=Period.MONTH,
            actor=ACTOR,
            now=now,
        )
