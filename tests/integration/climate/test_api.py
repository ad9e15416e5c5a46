from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from accounts.domain.scopes import Scope
from climate.models import CarbonForecast, CarbonReading, Emergency, ForecastScore, GridZone, Region
from tests.integration.world import load_world, make_team

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)


@pytest.fixture
def client(db, time_machine):
    time_machine.move_to(NOW, tick=False)
    load_world()
    return make_team().client


def results(client, path):
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.json()
    return answer.json()["results"]


def test_regions_come_with_capacity_pue_and_intensity_and_say_where_it_comes_from(client):
    rows = results(client, "regions/")
    assert len({row["provider"] for row in rows if row["is_active"]} - {"own"}) == 3
    assert len(rows) >= 42
    assert {row["code"] for row in rows if not row["is_active"]} == {"own-example-berlin", "own-example-nairobi"}
    for row in rows:
        assert row["intensity"]["basis"]
        assert row["intensity"]["source"]
        assert row["intensity"]["as_of"]
        assert set(row["capacity_tokens_per_hour"]) == {"S", "M", "L", "XL", "XXL"}
        assert (row["pue"] is None) or row["pue_source"]


def test_one_region_is_read_by_its_code(client):
    row = client.get("/api/v1/regions/aws-eu-north-1/").json()
    assert (row["zone"], row["country"]) == ("SE-SE3", "SE")
    assert set(row["capacity_source"]) == set(row["capacity_tokens_per_hour"])
    assert row["capacity_source"]["L"].startswith("assumed: no provider publishes its token capacity")
    own = client.get("/api/v1/regions/own-example-berlin/").json()
    assert own["contracted_cfe_share"] == 0.3
    assert own["contracted_cfe_source"].startswith("assumed for the example")
    assert client.get("/api/v1/regions/atlantis/").status_code == 404


def test_a_zone_answers_hour_by_hour_with_the_rung_of_each(client):
    CarbonReading.objects.create(
        zone_id="DE",
        source="test",
        starts_at=NOW - timedelta(hours=2, minutes=20),
        period_minutes=60,
        intensity_g_per_kwh=321,
        received_at=NOW - timedelta(hours=1),
    )
    rows = results(client, "zones/DE/intensity/?from=2026-03-04T08:00:00Z&to=2026-03-04T09:59:00Z")
    assert [(row["starts_at"], row["basis"]) for row in rows] == [
        ("2026-03-04T08:00:00Z", "live"),
        ("2026-03-04T09:00:00Z", "modelled"),
    ]
    assert rows[0]["intensity_g_per_kwh"] == 321
    assert [row["measured_until"] for row in rows] == ["2026-03-04T09:00:00Z", None]
    assert any(why.startswith("live:") for why in rows[1]["skipped"])


def test_an_offset_is_heeded_and_the_hours_are_those_of_utc(client):
    rows = results(client, "zones/DE/intensity/?from=2026-03-04T10:30:00%2B05:30&to=2026-03-04T10:59:00%2B05:30")
    assert [row["starts_at"] for row in rows] == ["2026-03-04T05:00:00Z"]


def test_a_forecast_begins_with_the_next_hour(client):
    rows = results(client, "zones/NA/forecast/?hours=3")
    assert [row["starts_at"][11:16] for row in rows] == ["11:00", "12:00", "13:00"]
    assert {row["zone"] for row in rows} == {"NA"}


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("zones/DE/intensity/?from=soon", "from"),
        ("zones/DE/intensity/?from=2026-13-01T00:00:00Z", "from"),
        ("zones/DE/intensity/?from=2026-03-05T00:00:00Z&to=2026-03-04T00:00:00Z", "from"),
        ("zones/DE/intensity/?from=2025-03-05T00:00:00Z", "from"),
        ("zones/DE/intensity/?to=0001-01-01T00:00:00Z", "to"),
        ("zones/DE/intensity/?to=1999-12-31T23:59:59Z", "to"),
        ("zones/DE/intensity/?from=9999-12-31T23:00:00Z&to=9999-12-31T23:30:00Z", "to"),
        ("zones/DE/intensity/?from=0001-01-01T00:00:00%2B14:00&to=2026-03-04T00:00:00Z", "from"),
        ("zones/DE/forecast/?hours=0", "hours"),
        ("zones/DE/forecast/?hours=97", "hours"),
        ("zones/DE/forecast/?hours=many", "hours"),
        ("greenest/?hours=3&duration=4", "duration"),
        ("greenest/?regions=atlantis-1", "regions"),
        ("greenest/?home=atlantis-1", "home"),
        ("greenest/?top=0", "top"),
        ("zones/?live=maybe", "live"),
        ("zones/?ordering=colour", "ordering"),
        ("zones/DE/intensity/?kind=residual", "kind"),
        ("zones/DE/intensity/?scope=chimney", "scope"),
    ],
)
def test_a_parameter_that_cannot_be_is_refused_by_name(client, path, field):
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field


def test_an_unknown_zone_is_a_404(client):
    for path in ("", "intensity/", "intensity/?kind=marginal", "forecast/", "scores/"):
        assert client.get(f"/api/v1/zones/ZZ/{path}").status_code == 404


def test_the_greenest_window_is_the_least_mean_and_says_what_it_saves(client):
    rows = results(client, "greenest/?hours=24&duration=4&regions=aws-eu-central-1,aws-eu-north-1")
    assert [row["region"] for row in rows] == ["aws-eu-north-1", "aws-eu-central-1"]
    for row in rows:
        assert row["mean_g_per_kwh"] <= row["now_g_per_kwh"]
        assert row["saving_percent"] == pytest.approx(100 * (1 - row["mean_g_per_kwh"] / row["now_g_per_kwh"]))
        assert row["bases"] == ["modelled"]
    assert len(results(client, "greenest/")) == Region.objects.filter(is_active=True).count()


def expect(zone, hours_ahead, value, *, band=None):
    CarbonForecast.objects.create(
        zone_id=zone,
        source="test",
        issued_at=NOW - timedelta(minutes=5),
        starts_at=NOW.replace(minute=0) + timedelta(hours=hours_ahead),
        period_minutes=60,
        intensity_g_per_kwh=value,
        low_g_per_kwh=None if band is None else value - band,
        high_g_per_kwh=None if band is None else value + band,
    )


def report(zone, **changes):
    values = {
        "source": "test",
        "starts_at": NOW.replace(minute=0),
        "period_minutes": 60,
        "intensity_g_per_kwh": 400,
        "received_at": NOW,
    }
    return CarbonReading.objects.create(zone_id=zone, **{**values, **changes})


def test_a_window_says_what_it_saves_here_and_against_home_and_how_sure_that_is(client):
    report("DE")  # now, at 400 g/kWh
    expect("DE", 3, 200, band=40)
    expect("FR", 0, 50, band=10)
    (row,) = results(client, "greenest/?hours=4&duration=1&regions=aws-eu-central-1&home=aws-eu-west-3")
    assert row["starts_at"] == "2026-03-04T13:00:00Z"
    assert (row["low_g_per_kwh"], row["mean_g_per_kwh"], row["high_g_per_kwh"]) == (160, 200, 240)
    assert row["saving"] == {
        "percent": 50,
        "g_per_kwh": 200,
        "low_percent": 40,
        "high_percent": 60,
        "low_g_per_kwh": 160,
        "high_g_per_kwh": 240,
    }
    assert (row["bases"], row["sources"], row["now_bases"]) == (["forecast"], ["test"], ["live"])
    assert (row["home"]["region"], row["home"]["now_g_per_kwh"]) == ("aws-eu-west-3", 50)
    assert row["home"]["saving"]["g_per_kwh"] == -150  # it costs


def test_an_expected_hour_without_a_range_leaves_the_saving_without_one(client):
    report("DE")
    expect("DE", 3, 200)
    (row,) = results(client, "greenest/?hours=4&duration=1&regions=aws-eu-central-1")
    assert (row["saving_percent"], row["saving"]["low_percent"], row["saving"]["high_percent"]) == (50, None, None)
    assert row["home"] is None


def test_the_best_windows_of_all_may_come_from_one_region_and_share_no_hour(client):
    rows = results(client, "greenest/?hours=24&duration=4&regions=aws-eu-central-1,aws-eu-north-1&top=5")
    assert {row["region"] for row in rows} == {"aws-eu-north-1"}
    starts = sorted(datetime.fromisoformat(row["starts_at"]) for row in rows)
    assert all(later - earlier >= timedelta(hours=4) for earlier, later in pairwise(starts))
    assert [row["mean_g_per_kwh"] for row in rows] == sorted(row["mean_g_per_kwh"] for row in rows)


def test_zones_are_listed_found_and_ordered(client):
    first = client.get("/api/v1/zones/").json()
    assert len(first["results"]) == 100
    assert first["next"].endswith("?page=2")
    rows = results(client, "zones/?page_size=500")
    assert len(rows) == GridZone.objects.count() > 340
    assert [row["code"] for row in rows] == sorted(row["code"] for row in rows)
    assert {row["code"] for row in results(client, "zones/?search=sweden%20se3")} == {"SE-SE3"}
    assert {row["country"] for row in results(client, "zones/?country=NA")} == {"NA"}
    by_intensity = [
        row["intensity"]["intensity_g_per_kwh"] for row in results(client, "zones/?ordering=-intensity&page_size=20")
    ]
    assert by_intensity == sorted(by_intensity, reverse=True)


def test_a_zone_names_the_source_that_is_live_there_and_its_place(client):
    assert client.get("/api/v1/zones/DE/").json()["live_source"] is None
    report("DE")
    zone = client.get("/api/v1/zones/DE/").json()
    assert (zone["country"], zone["country_name"], zone["live_source"]) == ("DE", "Germany", "test")
    assert (zone["intensity"]["basis"], zone["intensity"]["intensity_g_per_kwh"]) == ("live", 400)
    assert [row["code"] for row in results(client, "zones/?live=true")] == ["DE"]
    assert "DE" not in {row["code"] for row in results(client, "zones/?live=false&page_size=500")}


def test_readings_come_as_reported_one_kind_at_a_time_with_their_revision(client):
    report("DE", revision=2, flag="estimated by the source")
    report("DE", scope="direct", intensity_g_per_kwh=350)
    report("DE", kind="marginal", intensity_g_per_kwh=700, source="other")
    average = results(client, "zones/DE/intensity/?kind=average")
    assert [(row["scope"], row["intensity_g_per_kwh"]) for row in average] == [("direct", 350), ("lifecycle", 400)]
    assert (average[1]["revision"], average[1]["flags"]) == (2, ["estimated by the source"])
    marginal = results(client, "zones/DE/intensity/?kind=marginal")
    assert [(row["kind"], row["source"], row["intensity_g_per_kwh"]) for row in marginal] == [
        ("marginal", "other", 700)
    ]
    assert results(client, "zones/DE/intensity/?source=other") == []  # that is not average
    assert [row["scope"] for row in results(client, "zones/DE/intensity/?scope=direct")] == ["direct"]
    assert {row["revision"] for row in results(client, "zones/DE/intensity/")} == {None}


def test_what_many_sources_said_is_paged_to_the_end(client):
    minutes = timedelta(minutes=5)
    CarbonReading.objects.bulk_create(
        CarbonReading(
            zone_id="DE",
            source=f"meter-{source}",
            starts_at=NOW - (step + 1) * minutes,
            period_minutes=5,
            intensity_g_per_kwh=200,
            received_at=NOW - minutes,
        )
        for step in range(3_400)
        for source in range(3)
    )
    asked = "zones/DE/intensity/?kind=average&from=2026-02-20T00:00:00Z&page_size=500"
    last = client.get(f"/api/v1/{asked}&page=21").json()
    assert (len(last["results"]), last["next"]) == (200, None)
    assert client.get(f"/api/v1/{asked}&page=20").json()["next"].endswith("page=21&page_size=500")


def test_an_unknown_zone_costs_no_ladder(client, django_assert_max_num_queries):
    for path, most in (("scores/", 9), ("forecast/", 12), ("intensity/", 12)):
        with django_assert_max_num_queries(most):
            assert client.get(f"/api/v1/zones/ZZ/{path}").status_code == 404


def test_scores_are_empty_until_hours_were_scored_and_then_say_how_wrong_forecasts_were(client):
    assert results(client, "zones/DE/scores/") == []
    for day, covered in ((1, 18), (2, 20), (40, 0)):
        ForecastScore.objects.create(
            zone_id="DE",
            source="commonwatt",
            kind="average",
            scope="lifecycle",
            lead="2-24",
            day=(NOW - timedelta(days=day)).date(),
            hours=24,
            absolute_error_sum_g_per_kwh=240,
            relative_error_sum=1.2,
            banded_hours=24,
            covered_hours=covered,
        )
    (row,) = results(client, "zones/DE/scores/")
    assert (row["source"], row["lead"], row["hours"]) == ("commonwatt", "2-24", 48)
    assert row["mape_percent"] == pytest.approx(5.0)
    assert row["mae_g_per_kwh"] == pytest.approx(10.0)
    assert row["coverage_percent"] == pytest.approx(100 * 38 / 48)


def test_the_list_of_zones_takes_a_bounded_number_of_queries(client, django_assert_max_num_queries):
    results(client, "zones/")
    with django_assert_max_num_queries(10):
        results(client, "zones/?page_size=500")


def test_sources_tell_that_they_were_never_asked(client):
    rows = results(client, "sources/")
    open_to_all = {row["name"] for row in rows if not row["needs"]}
    assert {"gb-carbon-intensity", "energy-charts", "gdacs"} <= open_to_all
    for row in rows:
        is_open = row["name"] in open_to_all
        assert row["age_minutes"] is None
        assert (row["state"], row["is_stale"]) == (("never", True) if is_open else ("unconfigured", False))


def test_only_emergencies_in_force_are_listed(client):
    for title, ends_at in (("over", NOW - timedelta(hours=1)), ("on", None)):
        Emergency.objects.create(
            kind="flood",
            title=title,
            country_codes=["BD"],
            purposes=["disaster_response"],
            multiplier=5,
            reason="test",
            starts_at=NOW - timedelta(days=1),
            ends_at=ends_at,
        )
    assert [(row["title"], row["countries"]) for row in results(client, "emergencies/")] == [("on", ["BD"])]


def test_the_list_of_regions_takes_a_bounded_number_of_queries(client, django_assert_max_num_queries):
    results(client, "regions/")
    with django_assert_max_num_queries(9):
        results(client, "regions/")


def test_a_key_without_the_scope_gets_nothing(client):
    blind = make_team("Blind", scopes=[Scope.BUDGETS_READ]).client
    for path in (
        "regions/",
        "zones/",
        "zones/DE/",
        "zones/DE/intensity/",
        "zones/DE/forecast/",
        "zones/DE/scores/",
        "greenest/",
        "sources/",
        "emergencies/",
    ):
        assert blind.get(f"/api/v1/{path}").status_code == 403
