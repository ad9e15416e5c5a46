"""What a viewer may see. One rule for pages and sockets alike."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one viewer may see; `None` for team ids stands for every team.

    `figures` are map, regions, sources and sums without names; `details` are decisions,
    requests and budgets of `team_ids`. `sum_team_ids` are the teams that the headline sums.
    `organisation_id` is the viewer's own, whose common budgets belong to no team.
    `budget_team_id` is the team whose budgets the viewer may change, if any; `trading_team_id` the
    one that they may trade for, `session_team_id` whose sessions they may act in. `own_team_ids` are
    those that they belong to.
    """

    figures: bool
    details: bool
    team_ids: frozenset[int] | None = frozenset()
    sum_team_ids: frozenset[int] | None = frozenset()
    organisation_id: int | None = None
    is_known: bool = False
    is_staff: bool = False
    budget_team_id: int | None = None
    trading_team_id: int | None = None
    session_team_id: int | None = None
    own_team_ids: frozenset[int] = frozenset()

    @property
    def sealed_team_ids(self) -> frozenset[int] | None:
        """Whose orders, money, conduct and sessions the viewer may see, whatever visitors see: staff all (None)."""
        return None if self.is_staff else self.own_team_ids

    def sees_team(self, team_id: int | None) -> bool:
        """Whether decisions of this team may be shown to the viewer."""
        return self.details and (self.team_ids is None or team_id in self.team_ids)

    def sees_budget(self, *, team_id: int | None, organisation_id: int) -> bool:
        """Whether a budget may be shown to the viewer: of a team they see, or common to their organisation."""
        is_common = team_id is None and organisation_id == self.organisation_id
        return self.details and (is_common or self.team_ids is None or team_id in self.team_ids)

    def may_change_budget(self, *, team_id: int | None) -> bool:
        """Whether the viewer may change a budget: their team owns it. Common ones are changed in the admin."""
        return team_id is not None and team_id == self.budget_team_id


def sight_of(
    *,
    visitors: str,
    is_known: bool,
    is_staff: bool,
    sees_everything: bool,
    visible_team_ids: frozenset[int],
    organisation_id: int | None = None,
    budget_team_id: int | None = None,
    trading_team_id: int | None = None,
    session_team_id: int | None = None,
) -> Sight:
    """What a viewer may see where visitors see `visitors` (nothing, figures or everything).

    Logging in never takes away what a visitor may see.
    """
    everything = visitors == "everything" or (is_known and sees_everything)
    figures = is_known or visitors in ("figures", "everything")
    team_ids = None if everything else visible_team_ids if is_known else frozenset()
    return Sight(
        figures=figures,
        details=is_known or everything,
        team_ids=team_ids,
        sum_team_ids=None if visitors != "nothing" else team_ids,
        organisation_id=organisation_id if is_known else None,
        is_known=is_known,
        is_staff=is_known and is_staff,
        budget_team_id=budget_team_id if is_known else None,
        trading_team_id=trading_team_id if is_known else None,
        session_team_id=session_team_id if is_known else None,
        own_team_ids=visible_team_ids if is_known else frozenset(),
    )
