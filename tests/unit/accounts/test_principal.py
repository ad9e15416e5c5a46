"""Who may claim and see what."""

from accounts.domain.principal import Principal
from accounts.domain.scopes import ALL_SCOPES, SCOPES_OF_ROLE, Role, Scope


def principal(**facts: object) -> Principal:
    return Principal(**{"actor": "key cw_test", "team_id": 1, "country_code": "BD", **facts})


def test_the_registered_country_may_always_be_claimed():
    assert principal().may_claim_origin("BD")
    assert not principal().may_claim_origin("KE")


def test_a_star_claims_any_origin_and_any_purpose():
    anyone = principal(claimable_origins=frozenset("*"), claimable_purposes=frozenset("*"))
    assert anyone.may_claim_origin("KE")
    assert anyone.may_claim_purpose("disaster_response")


def test_no_purpose_may_be_claimed_without_a_registered_claim():
    assert not principal().may_claim_purpose("disaster_response")
    assert principal(claimable_purposes=frozenset({"disaster_response"})).may_claim_purpose("disaster_response")


def test_only_visible_teams_are_seen_unless_the_caller_sees_everything():
    mine = principal(visible_team_ids=frozenset({1, 2}))
    assert mine.may_see_team(2)
    assert not mine.may_see_team(3)
    assert not mine.may_see_team(None)
    assert principal(sees_everything=True).may_see_team(3)


def test_viewers_and_auditors_only_read():
    for role in (Role.VIEWER, Role.AUDITOR):
        assert SCOPES_OF_ROLE[role] == {
            Scope.CLIMATE_READ,
            Scope.REQUESTS_READ,
            Scope.BUDGETS_READ,
            Scope.MARKET_READ,
            Scope.SESSIONS_READ,
        }


def test_every_role_has_scopes_and_an_owner_has_all():
    assert set(SCOPES_OF_ROLE) == set(Role)
    assert SCOPES_OF_ROLE[Role.OWNER] == ALL_SCOPES
