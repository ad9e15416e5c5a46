"""The caller, as every service below a door sees it."""

from __future__ import annotations

from dataclasses import dataclass, field

from accounts.domain.scopes import Scope

ANY = "*"
"""A claim to every origin or every purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks, for which team, with which scopes and claims.

    `team_id` is the team that acts and pays; `visible_team_ids` are those whose work it may read.
    A person without a team, such as an administrator, has `team_id` None and cannot submit work.
    """

    actor: str
    team_id: int | None
    team_name: str = ""
    organisation_id: int | None = None
    organisation_name: str = ""
    organisation_type: str = ""
    country_code: str = ""
    scopes: frozenset[Scope] = frozenset()
    claimable_origins: frozenset[str] = frozenset()
    claimable_purposes: frozenset[str] = frozenset()
    visible_team_ids: frozenset[int] = field(default_factory=frozenset)
    sees_everything: bool = False
    user_id: int | None = None
    api_key_id: int | None = None

    @classmethod
    def of(cls, auth: object) -> Principal:
        """What authentication left on a request, as what it is. The permission class has checked it."""
        if not isinstance(auth, cls):
            raise TypeError("This door was entered without a principal.")
        return auth

    def may(self, scope: Scope) -> bool:
        """Whether the caller holds `scope`."""
        return scope in self.scopes

    def may_claim_origin(self, country_code: str) -> bool:
        """The registered country is always one's own to claim; others need a registered claim."""
        return country_code == self.country_code or bool({ANY, country_code} & self.claimable_origins)

    def may_claim_purpose(self, purpose: str) -> bool:
        """Whether the team is registered for work of this purpose."""
        return bool({ANY, purpose} & self.claimable_purposes)

    def may_see_team(self, team_id: int | None) -> bool:
        """Whether work of this team may be shown to the caller."""
        return self.sees_everything or team_id in self.visible_team_ids
