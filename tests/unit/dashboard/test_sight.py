from __future__ import annotations

import pytest

from dashboard.domain.sight import Sight, sight_of


def see(visitors: str, *, known: bool = False, everything: bool = False, teams: tuple[int, ...] = ()) -> Sight:
    return sight_of(
        visitors=visitors, is_known=known, is_staff=False, sees_everything=everything, visible_team_ids=frozenset(teams)
    )


@pytest.mark.parametrize(
    ("visitors", "figures", "details"),
    [("nothing", False, False), ("figures", True, False), ("everything", True, True)],
)
def test_a_visitor_sees_what_the_deployment_allows(visitors: str, figures: bool, details: bool) -> None:
    sight = see(visitors)
    assert (sight.figures, sight.details) == (figures, details)
    assert sight.sees_team(7) is details


@pytest.mark.parametrize("visitors", ["nothing", "figures"])
def test_a_member_sees_the_own_teams_and_no_other(visitors: str) -> None:
    sight = see(visitors, known=True, teams=(7,))
    assert sight.figures
    assert sight.details
    assert sight.sees_team(7)
    assert not sight.sees_team(8)
    assert not sight.sees_team(None)


def test_staff_see_every_team() -> None:
    assert see("nothing", known=True, everything=True).sees_team(8)


def test_logging_in_takes_nothing_away() -> None:
    assert see("everything", known=True, teams=(7,)).sees_team(8)
    assert see("figures", known=True, teams=(7,)).sum_team_ids is None


def test_sums_of_other_teams_stay_closed_where_visitors_see_nothing() -> None:
    assert see("nothing", known=True, teams=(7,)).sum_team_ids == frozenset({7})


def test_a_person_without_a_team_sees_figures_but_nobodys_work() -> None:
    sight = see("nothing", known=True)
    assert sight.figures
    assert not sight.sees_team(7)


def test_rights_of_a_principal_do_not_help_a_visitor() -> None:
    assert not see("figures", everything=True, teams=(7,)).sees_team(7)
