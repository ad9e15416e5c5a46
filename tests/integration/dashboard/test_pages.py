from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from climate.models import CarbonReading, Region, RegionCapacity
from dashboard import sections
from market.domain.asks import WhatIf
from market.models import Decision
from market.selectors import get_request_answer
from market.services import run_allocation_pass, settle
from tests.integration.dashboard.conftest import REGION, ask_for_tokens

PAGES_OF_FIGURES = ["/", "/regions/", f"/regions/{REGION}/"]
PAGES_OF_CLIMATE = ["/zones/", "/zones/DE/", "/greenest/", "/alerts/", "/sources/"]


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.mark.parametrize("path", [*PAGES_OF_FIGURES, "/requests/"])
def test_a_page_is_complete_without_scripts(world, client, path):
    response = client.get(path)
    assert response.status_code == 200
    assert REGION in text_of(response)


def test_the_overview_shows_every_part_with_unit_basis_and_source(world, client):
    page = text_of(client.get("/"))
    for words in (
        "2,000 tokens",
        "g CO₂e/kWh",
        "estimated, unverified",
        "run now at home region",
        "Delta Relief · Floods",
        "Budget of Floods",
        "Climate adaptation",
        "Data sources",
        "modelled",
    ):
        assert words in page


def test_the_map_colours_countries_and_places_a_dot_for_each_region(world, client):
    page = client.get("/").content.decode()
    assert re.search(r'<path class="b[0-6]" data-land="276" data-title="Germany"', page)
    assert f'data-dot="{REGION}"' in page


def test_without_a_live_answer_the_page_says_so(world, client):
    banner = re.search(r'id="notice"([^>]*)>([^<]*)', client.get("/").content.decode())
    assert banner
    assert "hidden" not in banner.group(1)
    assert banner.group(2).startswith("No live source has answered yet")


def test_with_a_live_answer_the_warning_is_gone_and_the_figure_is_labelled(world, client):
    now = datetime.now(UTC)
    CarbonReading.objects.create(
        zone_id="DE",
        source="energy-charts",
        starts_at=now.replace(minute=0, second=0, microsecond=0),
        period_minutes=60,
        intensity_g_per_kwh=123.4,
        received_at=now,
    )
    page = client.get("/").content.decode()
    assert re.search(r'id="notice"[^>]*hidden>', page)
    assert re.search(r'data-title="Germany" data-value="120" data-note="live', page)


def test_a_decision_explains_itself_and_its_price_in_the_feed(world, client):
    page = text_of(client.get("/"))
    assert re.search(r"Service \$\d.* Carbon \$\d.* Justice .* Renewable discount .* Total \$\d", page)


def test_the_page_of_a_region_shows_hours_room_and_decisions(world, client):
    response = client.get(f"/regions/{REGION}/")
    assert response.content.decode().count("data-unix=") == 49
    page = text_of(response)
    assert "(now)" in page
    assert "Promised" in page
    assert "4,000" in page  # both decisions were placed here, in this hour
    assert "Floods" in page


def test_the_page_of_a_request_tells_its_whole_story(world, client):
    page = text_of(client.get(reverse("request", args=[world.delta_request_id])))
    for words in (
        "granted",
        "Service",
        "Justice",
        "Total",
        "purpose",
        "geographic",
        "Location-based",
        REGION,
        "Not settled",
    ):
        assert words in page


def test_money_on_the_page_of_a_request_is_exact(world, client):
    sums = {"service_micro_usd": 1_234_567_000_001, "justice_micro_usd": -600_000, "renewable_micro_usd": 0}
    Decision.objects.filter(request=world.delta_request_id).update(**sums)
    page = text_of(client.get(reverse("request", args=[world.delta_request_id])))
    for amount in ("$1,234,567.000001", "−$0.600000", "$0.000000"):
        assert amount in page


def test_a_capacity_is_shown_with_who_says_so(world, client):
    request = reverse("request", args=[world.delta_request_id])
    assert "assumed: no provider publishes its token capacity" in text_of(client.get(f"/regions/{REGION}/"))
    assert "Free tokens capacity: assumed" in text_of(client.get(request))
    RegionCapacity.objects.filter(region=REGION).update(source="contract 12")
    assert "contract 12" in text_of(client.get(f"/regions/{REGION}/"))
    assert "Free tokens capacity: partly assumed" in text_of(client.get(request))
    RegionCapacity.objects.update(source="contract 12")
    assert "Free tokens capacity" not in text_of(client.get(request))


def test_a_contracted_supply_is_shown_with_its_source(world, client):
    Region.objects.filter(pk=REGION).update(contracted_cfe_share=0.4, contracted_cfe_source="Contract 7, hourly.")
    page = text_of(client.get(f"/regions/{REGION}/"))
    assert "40 %" in page
    assert "Contract 7, hourly." in page


def test_of_a_region_in_many_hours_only_the_chosen_one_is_marked(world, client):
    request_id = ask_for_tokens(world.delta_team_id, latest=datetime.now(UTC) + timedelta(hours=3))
    run_allocation_pass(now=datetime.now(UTC), trigger="test", actor="test")
    starts_at = datetime.fromisoformat(get_request_answer(request_id)[1]["starts_at"])
    page = client.get(reverse("request", args=[request_id])).content.decode()
    rows = re.findall(r'<tr class="now">(.*?)</tr>', page, re.DOTALL)
    assert len(rows) == 1
    assert page.count(f">{REGION}</a></th>") > 1  # it was looked at in several hours
    assert REGION in rows[0]
    assert f"<td>{starts_at:%d %b %H}:00</td>" in rows[0]


def test_the_hour_is_shown_only_where_there_was_a_choice_of_hours(world, client):
    page = client.get(reverse("request", args=[world.delta_request_id])).content.decode()
    assert page.count('<tr class="now">') == 1
    assert "Hour (UTC)" not in page


@pytest.mark.parametrize(
    ("policy", "words"),
    [("default", "contracted, hourly matched supply only"), ("seed-2025", "share of the serving grid")],
)
def test_the_renewable_discount_says_by_what_its_policy_measures_it(world, client, policy, words):
    request_id = ask_for_tokens(world.delta_team_id, policy=policy)
    page = text_of(client.get(reverse("request", args=[request_id])))
    assert re.search(rf"Renewable discount subtracted: [^$]*{words}", page)
    assert ("contracted, hourly" in page) == (policy == "default")


def test_a_settled_request_shows_what_was_used(world, client):
    settle(
        request_id=world.delta_request_id,
        used_tokens=1800,
        quality=0.9,
        collaboration=0.1,
        actor="test",
        now=datetime.now(UTC),
    )
    page = text_of(client.get(reverse("request", args=[world.delta_request_id])))
    assert "Used tokens 1,800" in page
    assert "Not settled" not in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"price_cap_micro_usd": 1}, "denied"),
        ({"latest": datetime.now(UTC) + timedelta(hours=8)}, "waiting"),
        ({"what_if": WhatIf(intensity_g_per_kwh=300.0, renewable_share=0.4)}, "Simulated."),
    ],
    ids=["denied", "queued", "simulated"],
)
def test_a_request_without_a_grant_has_a_page_too(world, client, changes, words):
    request_id = ask_for_tokens(world.delta_team_id, **changes)
    page = text_of(client.get(reverse("request", args=[request_id])))
    assert words in page
    assert words.rstrip(".").lower() in text_of(client.get("/")).lower()


@pytest.mark.parametrize(
    "path", ["/regions/no-such-region/", "/requests/00000000-0000-4000-8000-000000000000/", "/nowhere/"]
)
def test_what_does_not_exist_is_not_found_in_our_own_words(world, client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert "Nothing here" in text_of(response)


def test_the_icon_that_browsers_guess_is_the_one_of_the_pages(db, client, visitors_see):
    visitors_see("nothing")
    answer = client.get("/favicon.ico")
    assert answer.status_code == 302
    assert answer["Location"] in client.get("/login/").content.decode()
    assert finders.find(answer["Location"].removeprefix("/static/"))


def test_an_empty_deployment_shows_how_to_begin(db, client):
    page = text_of(client.get("/"))
    for words in ("No active region.", "No decision yet.", "No budget yet."):
        assert words in page


def test_a_part_that_cannot_be_read_does_not_take_the_page_with_it(world, client, monkeypatch):
    def broken(sight, *, limit):
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(sections.overview, "list_feed", broken)
    response = client.get("/")
    assert response.status_code == 200
    assert "This part could not be read just now." in text_of(response)
    assert "Budget of Floods" in text_of(response)


def test_pages_of_requests_lead_to_older_ones(world, client, monkeypatch):
    monkeypatch.setattr("dashboard.views.requests.PAGE_LENGTH", 1)
    first = client.get("/requests/")
    assert f"/requests/{world.coast_request_id}/" in first.content.decode()
    assert f"/requests/{world.delta_request_id}/" not in first.content.decode()
    older = re.search(r'href="(\?before=[^"]+)"', first.content.decode())
    assert older
    second = client.get("/requests/" + older.group(1)).content.decode()
    assert f"/requests/{world.delta_request_id}/" in second
    assert f"/requests/{world.coast_request_id}/" not in second


def test_decisions_of_one_moment_are_spread_over_pages_without_a_loss(world, client, monkeypatch):
    monkeypatch.setattr("dashboard.views.requests.PAGE_LENGTH", 2)
    wanted = {str(world.delta_request_id), str(world.coast_request_id)}
    wanted |= {str(ask_for_tokens(world.delta_team_id)) for _ in range(3)}
    Decision.objects.update(made_at=datetime.now(UTC))  # as an allocation pass leaves them
    seen: list[str] = []
    address = "/requests/"
    while address:
        page = client.get(address).content.decode()
        seen += re.findall(r'<li class="decision" data-key="([^"]+)"', page)
        older = re.search(r'href="(\?before=[^"]+)"', page)
        address = "/requests/" + older.group(1) if older else ""
    assert sorted(seen) == sorted(wanted)


def test_a_request_decided_twice_is_one_line(world, client):
    first = Decision.objects.get(request=world.delta_request_id)
    first.pk, first.sequence, first.made_at = None, first.sequence + 1, datetime.now(UTC)
    first.save(force_insert=True)
    page = client.get("/").content.decode()
    assert page.count(f'data-key="{world.delta_request_id}"') == 1


@pytest.mark.parametrize(
    "before",
    [
        "yesterday",
        "2026-01-01~5",
        "2026-01-01T00:00:00Z~x",
        "~",
        f"2026-01-01T00:00:00Z~{2**70}",
        "0001-01-01T00:00:00+14:00~1",
        "9999-12-31T23:59:59-14:00~1",
    ],
)
def test_nonsense_in_the_address_is_no_error(world, client, before):
    assert client.get("/requests/", {"before": before}).status_code == 200


def test_the_number_of_queries_does_not_grow_with_the_feed(world, client, django_assert_max_num_queries):
    client.get("/")  # warms what the process keeps
    with django_assert_max_num_queries(52) as few:
        client.get("/")
    before = len(few)
    for _ in range(5):
        ask_for_tokens(world.delta_team_id)
    with django_assert_max_num_queries(before):
        client.get("/")


def test_pages_are_never_kept_by_caches_and_carry_the_strict_policy(world, client):
    response = client.get("/")
    assert response["Cache-Control"] == "private, no-store"
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]


@pytest.mark.parametrize("path", [*PAGES_OF_FIGURES, *PAGES_OF_CLIMATE])
def test_pages_only_answer_reading(world, client, path):
    assert client.post(path).status_code == 405


def test_a_form_without_its_token_is_refused_in_our_own_words(world):
    answer = Client(enforce_csrf_checks=True).post("/login/", {"username": "member", "password": "x"})
    assert answer.status_code == 403
    assert "Please try again" in text_of(answer)
