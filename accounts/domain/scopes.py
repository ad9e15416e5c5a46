"""What a key or a role may do. The names are part of the API."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """One permission. A door names the scope that each of its methods needs."""

    CLIMATE_READ = "climate:read"
    REQUESTS_READ = "requests:read"
    REQUESTS_WRITE = "requests:write"
    REQUESTS_SIMULATE = "requests:simulate"
    BUDGETS_READ = "budgets:read"
    BUDGETS_SPEND = "budgets:spend"
    BUDGETS_WRITE = "budgets:write"
    EMERGENCIES_WRITE = "emergencies:write"
    CAPACITY_WRITE = "capacity:write"
    MARKET_READ = "market:read"
    MARKET_TRADE = "market:trade"
    MARKET_OPERATE = "market:operate"
    SESSIONS_READ = "sessions:read"
    SESSIONS_WRITE = "sessions:write"


class Role(StrEnum):
    """What a person is in a team."""

    OWNER = "owner"
    OPERATOR = "operator"
    MEMBER = "member"
    VIEWER = "viewer"
    AUDITOR = "auditor"


PLATFORM_SCOPES = frozenset({Scope.EMERGENCIES_WRITE, Scope.CAPACITY_WRITE, Scope.MARKET_OPERATE})
"""Power over every team at once. No role has one; an administrator names it for a key, or permits a person."""

ALL_SCOPES = frozenset(Scope) - PLATFORM_SCOPES
"""All that a team can hold by itself."""

_READING = frozenset(
    {Scope.CLIMATE_READ, Scope.REQUESTS_READ, Scope.BUDGETS_READ, Scope.MARKET_READ, Scope.SESSIONS_READ}
)

SCOPES_OF_ROLE: dict[Role, frozenset[Scope]] = {
    Role.OWNER: ALL_SCOPES,
    Role.OPERATOR: ALL_SCOPES,
    Role.MEMBER: _READING | {Scope.REQUESTS_WRITE, Scope.REQUESTS_SIMULATE, Scope.BUDGETS_SPEND, Scope.SESSIONS_WRITE},
    Role.VIEWER: _READING,
    Role.AUDITOR: _READING,
}
