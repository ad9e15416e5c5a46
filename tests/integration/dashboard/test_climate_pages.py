"""Zones, greenest windows and sources."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from climate.domain.signal import OWN_FORECAST_SOURCE
from climate.models import CarbonForecast, CarbonReading, DataSource, ForecastScore, GridZone, QuarantinedValue
from climate.selectors.sources import key_digest_of
from tests.integration.dashboard.test_pages import text_of

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
THIS_HOUR = NOW.replace(minute=0)


@pytest.fixture
def at_ten_twenty(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def grid(at_ten_twenty, world):
    return world


def report(zone: str, hours_ago: int = 0, **changes) -> None:
    values = {
        "zone_id": zone,
        "source": "energy-charts",
        "starts_at": THIS_HOUR - hours_ago * HOUR,
        "period_minutes": 60,
        "intensity_g_per_kwh": 400.0,
        "received_at": NOW,
    }
    CarbonReading.objects.create(**{**values, **changes})


def expect(zone: str, hours_ahead: int, value: float, band: float | None = None, source=OWN_FORECAST_SOURCE) -> None:
    CarbonForecast.objects.create(
        zone_id=zone,
        source=source,
        issued_at=NOW,
        starts_at=THIS_HOUR + hours_ahead * HOUR,
        period_minutes=60,
        intensity_g_per_kwh=value,
        low_g_per_kwh=None if band is None else value - band,
        high_g_per_kwh=None if band is None else value + band,
    )


def rows_of(response) -> list[str]:
    """The lines of the zones' table, as text."""
    body = response.content.decode().partition('id="zone-rows">')[2].partition("</tbody>")[0]
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", line)).strip() for line in body.split("</tr>")][:-1]


def test_the_age_of_a_live_value_is_that_of_what_was_measured(grid, client):
    report("IE", hours_ago=1, received_at=NOW - timedelta(minutes=3))
    assert rows_of(client.get("/zones/"))[0].endswith("live Energy-Charts 20 min ago")
    page = text_of(client.get("/zones/IE/"))
    assert "Energy-Charts, 20 min ago" in page
    assert "carried over from the period that ended 10:00 UTC" in page


# --- zones -------------------------------------------------------------------------


def test_every_zone_is_listed_with_figure_basis_and_source_and_live_ones_come_first(grid, client):
    report("SE-SE3", intensity_g_per_kwh=21.0)
    rows = [row for number in range(1, 5) for row in rows_of(client.get("/zones/", {"page": number}))]
    assert len({row.split()[0] for row in rows}) == len(rows) == GridZone.objects.count()
    assert rows[0].startswith("SE-SE3 South Central Sweden, Sweden 21 live Energy-Charts")
    assert all("live" not in row.split() for row in rows[1:])
    assert any(re.match(r"NA Namibia \d+ modelled \S+", row) for row in rows)


def test_zones_come_a_hundred_at_a_time_and_a_page_that_is_none_is_the_last_one(grid, client):
    first = client.get("/zones/")
    assert (len(rows_of(first)), 'href="?page=2"' in first.content.decode()) == (100, True)
    assert rows_of(client.get("/zones/", {"page": "99"})) == rows_of(client.get("/zones/", {"page": "4"}))
    found = client.get("/zones/", {"search": "s", "page": "2"}).content.decode()
    assert 'href="?search=s&amp;page=1"' in found


@pytest.mark.parametrize("path", ["/zones/", "/zones/DE/", "/regions/aws-eu-north-1/"])
def test_what_is_now_is_fetched_again_when_readings_were_collected(grid, client, path):
    page = client.get(path).content.decode()
    assert 'data-refresh="readings.collected"' in page
    assert "js/refresh" in page
    assert "data-part" in page


def test_zones_are_found_by_code_name_or_country_without_scripts(grid, client):
    assert [row.split()[0] for row in rows_of(client.get("/zones/", {"search": "sweden se3"}))] == ["SE-SE3"]
    nothing = text_of(client.get("/zones/", {"search": "atlantis"}))
    assert "No zone matches." in nothing


def test_the_page_of_a_zone_has_its_hours_ranges_reasons_and_regions(grid, client):
    report("DE")
    expect("DE", 30, 200.0, band=40.0)
    page = client.get("/zones/DE/")
    assert page.content.decode().count("data-unix=") == 24 + 1 + 96
    text = text_of(page)
    assert "Last 24 h and next 96 h" in text
    assert re.search(r"200 160 to 240 our forecast Commonwatt", text)
    assert "aws-eu-central-1" in text
    assert "Not scored yet." in text
    assert "Marginal intensity" not in text


def test_a_modelled_zone_says_why_no_better_rung_was_taken(grid, client):
    text = text_of(client.get("/zones/NA/"))
    assert "Live not taken: no reading of the last 90 minutes." in text
    assert "Own forecast not taken:" in text
    assert "No source has spoken of this zone" in text


@pytest.mark.parametrize(("asked", "hours"), [("7d", 7 * 24), ("31d", 31 * 24), ("century", 24)])
def test_the_range_of_a_zone_is_switched_by_its_address(grid, client, asked, hours):
    page = client.get("/zones/DE/", {"range": asked}).content.decode()
    assert page.count("data-unix=") == hours + 1 + 96


def test_marginal_intensity_is_a_chart_of_its_own_and_never_in_the_other(grid, client):
    report("DE", source="watttime", kind="marginal", scope="direct", intensity_g_per_kwh=777.0)
    text = text_of(client.get("/zones/DE/"))
    average, _, marginal = text.partition("Marginal intensity")
    assert "780" not in average
    assert "Marginal, direct emissions, as WattTime reports them" in marginal
    assert "780" in marginal


def test_the_page_of_a_zone_says_how_right_its_forecasts_were(grid, client):
    for source, banded in ((OWN_FORECAST_SOURCE, 412), ("energy-charts", 0)):
        ForecastScore.objects.create(
            zone_id="DE",
            source=source,
            kind="average",
            scope="lifecycle",
            lead="2-24",
            day=(NOW - timedelta(days=3)).date(),
            hours=412,
            absolute_error_sum_g_per_kwh=412 * 24.0,
            relative_error_sum=412 * 0.071,
            banded_hours=banded,
            covered_hours=banded * 82 // 100,
        )
    text = text_of(client.get("/zones/DE/"))
    assert re.search(r"own forecast average, lifecycle 2 to 24 hours 7\.1 % 24 g CO₂e/kWh 82 % 412", text)
    assert re.search(
        r"Energy-Charts \(Fraunhofer ISE, Europe\) average, lifecycle 2 to 24 hours 7\.1 % 24 g CO₂e/kWh no band 412",
        text,
    )


def test_the_page_of_a_zone_names_the_sources_that_serve_it_and_how_they_do(grid, client):
    DataSource.objects.filter(pk="energy-charts").update(state="failing", last_success_at=NOW - HOUR)
    report("DE")
    expect("DE", 20, 200.0)
    text = text_of(client.get("/zones/DE/")).partition("Who speaks of this zone")[2]
    assert re.search(r"Energy-Charts .* average, lifecycle 20 min ago – not answering", text)
    assert "own forecast" in text
    assert "to 05 Mar 2026 06:00 UTC" in text


def test_an_unknown_zone_is_no_page(grid, client):
    assert client.get("/zones/ZZ/").status_code == 404


def test_regions_lead_to_their_zone(grid, client):
    assert 'href="/zones/DE/"' in client.get("/regions/aws-eu-central-1/").content.decode()


# --- greenest windows ---------------------------------------------------------------


def one_window(client, **asked) -> str:
    answer = client.get("/greenest/", {"hours": 4, "duration": 1, "regions": "aws-eu-central-1", **asked})
    assert answer.status_code == 200
    return text_of(answer)


def test_a_window_says_when_what_it_saves_and_how_sure_that_is(grid, client):
    report("DE")
    expect("DE", 3, 200.0, band=40.0)
    text = one_window(client)
    assert "Wed 04 Mar 13:00 to 14:00" in text
    assert "starts in 3 h" in text
    assert "200 g CO₂e/kWh 160 to 240 our forecast" in text
    assert "50 % 200 g/kWh less than now (400); range 40 % to 60 %" in text
    assert "Likely: it saves even where both ends of the ranges go against it." in text
    assert "Source: Commonwatt" in text


@pytest.mark.parametrize(("band", "words"), [(None, "How sure is not known"), (300.0, "Not sure: the ranges overlap")])
def test_a_saving_that_may_be_none_is_not_promised(grid, client, band, words):
    report("DE")
    for hours_ahead, value in ((1, 380.0), (2, 390.0), (3, 320.0)):
        expect("DE", hours_ahead, value, band=band, source="energy-charts")
    assert words in one_window(client)


def test_where_now_is_the_greenest_there_is_nothing_to_wait_for(grid, client):
    report("DE", intensity_g_per_kwh=20.0)
    text = one_window(client)
    assert "Nothing to wait for: now is the greenest." in text
    assert "starts now" in text


@pytest.mark.parametrize(
    ("job", "unit", "words"), [(10, "kwh", "2.0 kg CO₂e (1.6 kg"), (4000, "g", "2.0 kg CO₂e (1.6 kg")]
)
def test_a_job_of_known_size_is_told_in_grams(grid, client, job, unit, words):
    report("DE")
    expect("DE", 3, 200.0, band=40.0)
    saved = "2.0 kg CO₂e (1.6 kg CO₂e to 2.4 kg CO₂e) saved; estimated, unverified"
    assert saved in one_window(client, job=job, unit=unit)


def test_a_home_region_is_compared_with(grid, client):
    report("DE", intensity_g_per_kwh=100.0)
    report("FR", intensity_g_per_kwh=50.0)
    text = one_window(client, home="aws-eu-west-3")
    assert "−100 % against now in aws-eu-west-3 (50)" in text


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"hours": "2", "duration": "9"}, "The job is longer than the hours to look at."),
        ({"hours": "97"}, "less than or equal to 96"),
        ({"hours": "soon"}, "Enter a whole number."),
        ({"regions": "atlantis-1"}, "atlantis-1 is not one of the available choices"),
        ({"job": "-3"}, "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_asked_is_named_and_what_was_written_stays(grid, client, asked, words):
    answer = client.get("/greenest/", asked)
    assert answer.status_code == 200
    assert words in text_of(answer)
    assert '<ol class="windows"' not in answer.content.decode()


def test_without_a_question_every_active_region_has_its_window(grid, client):
    page = client.get("/greenest/").content.decode()
    assert page.count('<li class="window"') == page.count('type="checkbox"') > 40


# --- sources ------------------------------------------------------------------------


def card(client, name: str) -> str:
    page = client.get("/sources/").content.decode()
    found = page.partition(f'data-key="{name}"')[2].partition("</li>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found))


def test_a_source_tells_state_age_next_run_quota_licence_and_what_was_not_believed(grid, client):
    DataSource.objects.filter(pk="energy-charts").update(
        state="ok",
        last_attempt_at=NOW - timedelta(minutes=4),
        last_success_at=NOW - timedelta(minutes=4),
        key_digest=key_digest_of("energy-charts"),  # else the next run is at once, with another key
    )
    QuarantinedValue.objects.create(
        fingerprint="x",
        source="energy-charts",
        what="reading",
        value="0",
        reason="no grid has it",
        first_seen_at=NOW,
        last_seen_at=NOW,
    )
    words = card(client, "energy-charts")
    assert "answering" in words
    assert "Last good answer 4 min ago" in words
    assert re.search(r"Next run 04 Mar 2026 10:[2-4]\d UTC", words)
    assert re.search(r"Used \d+ of [\d,]+ requests this hour", words)
    assert "Not believed, last 7 days 1 value " in words
    assert "CC BY" in words


def test_a_source_without_its_key_names_what_it_needs_and_shows_no_secret(grid, client):
    words = card(client, "watttime")
    assert "needs a key" in words
    assert "Not asked: needs WATTTIME_USERNAME and WATTTIME_PASSWORD in the environment." in words


def test_a_source_that_is_paused_or_asked_us_to_wait_says_so(grid, client):
    DataSource.objects.filter(pk="energy-charts").update(is_enabled=False)
    assert "Paused by an administrator." in card(client, "energy-charts")
    DataSource.objects.filter(pk="gdacs").update(not_before=NOW + timedelta(minutes=40))
    assert "The source asked to wait until 04 Mar 2026 11:00 UTC." in card(client, "gdacs")


def test_a_source_that_fails_says_with_what(grid, client):
    DataSource.objects.filter(pk="gdacs").update(
        state="failing",
        last_attempt_at=NOW,
        consecutive_failures=5,
        last_error="HTTP 503",
        key_digest=key_digest_of("gdacs"),  # failures with another key would not count
    )
    words = card(client, "gdacs")
    assert "not answering" in words
    assert "Last error: HTTP 503" in words
    assert "Breaker open, 5 failures" in words


def test_only_people_who_may_change_sources_are_led_to_their_admin_page(grid, member, staff, client):
    link = "/admin/climate/datasource/energy-charts/change/"
    client.force_login(member)
    assert link not in client.get("/sources/").content.decode()
    client.force_login(staff)
    assert link in client.get("/sources/").content.decode()


def test_the_pages_take_a_bounded_number_of_queries(grid, client, django_assert_max_num_queries):
    for path, most in (("/zones/", 12), ("/zones/DE/?range=31d", 22), ("/greenest/", 12), ("/sources/", 18)):
        client.get(path)  # warms what the process keeps
        with django_assert_max_num_queries(most):
            client.get(path)
