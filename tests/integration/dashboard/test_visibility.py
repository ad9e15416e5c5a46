from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import Team
from budgets.domain.periods import Period
from budgets.domain.units import Unit
from budgets.services import create_budget
from tests.integration.dashboard.conftest import REGION, make_person

FIGURES = [
    "/",
    "/regions/",
    f"/regions/{REGION}/",
    "/zones/",
    "/zones/DE/",
    "/greenest/",
    "/alerts/",
    "/sources/",
]


def test_where_visitors_see_nothing_every_page_asks_for_a_login(world, client, visitors_see):
    visitors_see("nothing")
    for path in [*FIGURES, "/requests/", reverse("request", args=[world.delta_request_id])]:
        response = client.get(path)
        assert response.status_code == 302
        assert response["Location"] == f"/login/?next={path}"


@pytest.mark.parametrize("path", FIGURES)
def test_where_visitors_see_figures_no_team_is_named(world, client, visitors_see, path):
    visitors_see("figures")
    page = client.get(path)
    assert page.status_code == 200
    for secret in ("Floods", "Delta Relief", "Storms", str(world.delta_request_id), 'href="/requests/"'):
        assert secret not in page.content.decode()


def test_where_visitors_see_figures_requests_ask_for_a_login(world, client, visitors_see):
    visitors_see("figures")
    assert client.get("/requests/").status_code == 302
    assert client.get(reverse("request", args=[world.delta_request_id])).status_code == 302


@pytest.mark.parametrize("visitors", ["nothing", "figures"])
@pytest.mark.parametrize("path", ["/", "/requests/", f"/regions/{REGION}/"])
def test_a_member_sees_the_own_team_and_no_other(member, client, visitors_see, visitors, path):
    visitors_see(visitors)
    client.force_login(member)
    page = client.get(path).content.decode()
    assert "Floods" in page
    assert "Storms" not in page


def test_a_member_sees_the_budgets_that_the_api_lists_the_organisations_own_among_them(
    world, member, client, visitors_see
):
    visitors_see("nothing")
    for team_id, name in ((world.delta_team_id, "Common pot"), (world.coast_team_id, "Foreign pot")):
        create_budget(
            name=name,
            organisation_id=Team.objects.get(pk=team_id).organisation_id,
            team_id=None,
            parent_id=None,
            unit=Unit.TOKENS,
            limit=Decimal(10),
            period=Period.MONTH,
            actor="test",
            now=datetime.now(UTC),
        )
    client.force_login(member)
    listed = {row["name"] for row in client.get("/api/v1/budgets/").json()["results"]}
    assert listed == {"Budget of Floods", "Common pot"}
    page = client.get("/").content.decode()
    assert all(name in page for name in listed)
    assert "Foreign pot" not in page
    assert "Budget of Storms" not in page


def test_a_foreign_request_is_as_unknown_as_one_that_never_was(world, member, client, visitors_see):
    visitors_see("nothing")
    client.force_login(member)
    assert client.get(reverse("request", args=[world.delta_request_id])).status_code == 200
    assert client.get(reverse("request", args=[world.coast_request_id])).status_code == 404


def test_staff_see_every_team(staff, client, visitors_see):
    visitors_see("nothing")
    client.force_login(staff)
    page = client.get("/").content.decode()
    assert "Floods" in page
    assert "Storms" in page
    assert 'href="/admin/"' in page


def test_a_person_without_a_team_sees_figures_only(world, client, visitors_see):
    visitors_see("nothing")
    client.force_login(make_person("lonely"))
    page = client.get("/")
    assert page.status_code == 200
    assert "Floods" not in page.content.decode()
    assert "No decision yet." in page.content.decode()


def test_sums_cover_only_the_own_teams_where_visitors_see_nothing(member, client, visitors_see):
    visitors_see("nothing")
    client.force_login(member)
    page = client.get("/").content.decode()
    assert "Your teams" in page
    assert '<span data-t="tokens">2,000</span>' in page
    visitors_see("figures")
    page = client.get("/").content.decode()
    assert "All teams" in page
    assert '<span data-t="tokens">4,000</span>' in page


def test_a_member_logs_in_and_out(member, client, visitors_see):
    visitors_see("nothing")
    answer = client.post("/login/", {"username": "member", "password": "a long enough password", "next": "/requests/"})
    assert answer["Location"] == "/requests/"
    assert client.get("/requests/").status_code == 200
    assert client.post("/logout/").status_code == 302
    assert client.get("/requests/").status_code == 302


def test_a_wrong_password_logs_nobody_in(member, client, visitors_see):
    visitors_see("nothing")
    answer = client.post("/login/", {"username": "member", "password": "wrong"})
    assert "do not match" in answer.content.decode()
    assert client.get("/").status_code == 302


def test_a_login_never_leads_to_another_site(member, client):
    form = {"username": "member", "password": "a long enough password", "next": "https://example.org/"}
    assert client.post("/login/", form)["Location"] == "/"


def test_guessing_passwords_ends_in_a_lock_with_words(member, client, visitors_see):
    visitors_see("nothing")
    for _ in range(10):
        answer = client.post("/login/", {"username": "member", "password": "wrong"})
    assert answer.status_code == 429
    assert "locked for a quarter of an hour" in answer.content.decode()
    answer = client.post("/login/", {"username": "member", "password": "a long enough password"})
    assert answer.status_code == 429
    assert client.get("/").status_code == 302
