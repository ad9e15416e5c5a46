"""What a source is asked for, and what is not asked because the answer is known."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from climate.connectors.asking import ask_each, tried
from climate.connectors.http import SourceHttp, SourceMisbehaved
from climate.domain.collected import Collected
from climate.domain.outage import is_down
from climate.domain.reach import OVERLAP
from climate.models import CarbonReading, Country, DataSource, GridZone, Region, RememberedAnswer
from climate.services.collect.memory import LARGEST_BYTES, OLDEST, StoredMemory
from tests.integration.climate.collect.toy import HOUR, NOW, collect, readings, row
from tests.integration.climate.provider import Reply

GOOD = readings(row(0, 310.0))
MINUTE = timedelta(minutes=1)


def since(asked) -> datetime:
    return datetime.fromisoformat(asked.params["since"])


def zones_asked(toy) -> list[str]:
    return [asked.params["zone"] for asked in toy.provider.asked]


def region(zone: str, *, is_active: bool) -> None:
    country, _ = Country.objects.get_or_create(code="DE", iso3="DEU", name="Germany", latitude=51, longitude=10)
    Region.objects.create(
        code=f"own-{zone.lower()}",
        provider="own",
        name=zone,
        country=country,
        zone_id=zone,
        latitude=51,
        longitude=10,
        is_active=is_active,
    )


# --- which zones ----------------------------------------------------------------------------------


def test_a_source_is_asked_for_its_zones_as_far_as_they_are_known(toy):
    toy.connect(zones=("DE", "FR", "ATLANTIS"))
    toy.provider.replies(GOOD)
    toy.collect()

    assert sorted(zones_asked(toy)) == ["DE", "FR"]


def test_a_source_of_all_the_world_is_asked_for_the_zones_of_active_regions(toy):
    region("FR", is_active=True)
    region("DE", is_active=False)
    toy.connect(zones=None)
    toy.provider.replies(GOOD)
    toy.collect()

    assert zones_asked(toy) == ["FR"]


@pytest.mark.parametrize("offered", [None, ("DE", "FR")])
def test_a_deployment_chooses_zones_and_is_told_of_those_that_are_none(toy, offered):
    toy.connect(zones=offered)
    toy.configure(options={"zones": " FR, XX ,FR"})
    toy.provider.replies(GOOD)

    done = toy.collect()

    assert zones_asked(toy) == ["FR"]
    assert done.problems == ("XX is no zone of this source: see its setting of zones",)
    assert toy.source.last_error == done.problems[0]


def test_a_connector_is_given_places_options_and_keys(toy):
    asks = []
    GridZone.objects.filter(pk="DE").update(latitude=51.0, longitude=10.0)
    toy.connect(zones=("DE", "FR"), collect=lambda http, ask: asks.append(ask) or Collected())
    toy.configure(options={"version": "v4"}, secrets={"TOY_KEY": "hush"})
    toy.collect()

    (ask,) = asks
    assert {zone: (place.latitude, place.longitude) for zone, place in ask.places.items()} == {"DE": (51.0, 10.0)}
    assert (ask.now, ask.options, ask.secrets) == (NOW, {"version": "v4"}, {"TOY_KEY": "hush"})
    assert "hush" not in repr(ask)


# --- since when -----------------------------------------------------------------------------------


def test_the_first_asking_reaches_as_far_back_as_the_source_does(toy):
    toy.connect(longest_look_back=timedelta(hours=48))
    toy.provider.replies(GOOD)
    toy.collect()

    assert since(toy.provider.asked[0]) == NOW.replace(minute=0) - timedelta(hours=47)


def test_what_was_had_is_asked_for_again_only_as_far_as_sources_revise(toy):
    toy.provider.replies(readings(*(row(hours, 300.0) for hours in range(24))))
    toy.collect()
    later = NOW + HOUR
    toy.collect(later)

    assert since(toy.provider.asked[1]) == NOW - OVERLAP


def test_after_an_outage_all_that_is_missing_is_asked_for(toy):
    toy.connect(zones=("DE", "FR"))
    toy.provider.replies(readings(*(row(hours, 300.0) for hours in range(24))))
    toy.collect()
    later = NOW + 9 * HOUR
    toy.collect(later)

    last_had_ends = NOW.replace(minute=0) + HOUR
    assert last_had_ends > NOW
    assert [since(asked) for asked in toy.provider.asked[2:]] == [NOW - OVERLAP, NOW - OVERLAP]


def test_a_zone_that_failed_alone_is_asked_from_when_it_was_last_had(toy):
    toy.connect(zones=("DE", "FR"))
    toy.provider.replies(readings(*(row(hours, 300.0) for hours in range(24))))
    toy.collect()
    CarbonReading.objects.filter(zone="FR", starts_at__gte=NOW - 9 * HOUR).delete()
    toy.collect(NOW + HOUR)

    asked = {each.params["zone"]: since(each) for each in toy.provider.asked[2:]}
    assert asked == {"DE": NOW - OVERLAP, "FR": NOW.replace(minute=0) - 8 * HOUR - OVERLAP}


def test_a_gap_is_asked_for_once_an_hour(toy):
    gap = 15
    toy.provider.replies(readings(*(row(hours, 300.0) for hours in range(24) if hours != gap)))
    toy.collect()
    toy.collect(NOW + 15 * MINUTE)
    toy.collect(NOW + HOUR)

    asked = [since(each) for each in toy.provider.asked]
    assert asked[1] == NOW - OVERLAP
    assert asked[2] == NOW.replace(minute=0) - gap * HOUR - OVERLAP


def test_an_old_gap_is_asked_for_once_a_day(toy):
    gap = 60
    toy.connect(longest_look_back=timedelta(days=5))
    toy.provider.replies(readings(*(row(hours, 300.0) for hours in range(120) if hours != gap)))
    toy.collect()
    for hours in (1, 2, 14):
        toy.collect(NOW + hours * HOUR)

    asked = [since(each) for each in toy.provider.asked[1:]]
    assert min(asked[:2]) > NOW - 7 * HOUR
    assert asked[2] == NOW.replace(minute=0) - gap * HOUR - OVERLAP, "it is the next day"


def test_what_is_revised_for_days_is_asked_for_every_six_hours(toy):
    toy.connect(longest_look_back=timedelta(days=5), revised_within=timedelta(days=3))
    toy.provider.replies(readings(*(row(hours, 300.0) for hours in range(-3, 120))))
    for hours in range(5):
        toy.collect(NOW + hours * HOUR)

    asked = [since(each) for each in toy.provider.asked[1:]]
    noon = NOW + 2 * HOUR
    assert asked == [NOW - OVERLAP, datetime(2026, 3, 1, 6, tzinfo=UTC), noon - OVERLAP, noon + HOUR - OVERLAP]


def test_where_the_requests_do_not_reach_for_all_zones_each_asking_goes_on_where_the_last_one_stopped(toy):
    toy.connect(zones=("DE", "FR", "PL"), requests_per_hour=2, collect=_as_far_as_it_goes)
    toy.provider.replies(GOOD)
    first, second = toy.collect(), toy.collect(NOW + HOUR)

    assert (first.requests, second.requests) == (2, 2)
    assert set(zones_asked(toy)) == {"DE", "FR", "PL"}


def _as_far_as_it_goes(http, ask):
    return ask_each(ask.zones, lambda zone: collect(http, replace(ask, zones=(zone,))))


def test_a_source_that_answered_all_we_may_ask_of_it_is_not_down_until_that_hour_is_over(toy):
    toy.connect(requests_per_hour=1)
    toy.provider.replies(GOOD)
    toy.collect()
    toy.collect(NOW + 15 * MINUTE)

    assert toy.state(NOW + 21 * MINUTE).state == "ok"
    down = [is_down(toy.state(NOW + minutes * MINUTE), now=NOW + minutes * MINUTE) for minutes in (21, 59, 65, 66)]
    assert down == [False, False, False, True]


def test_a_source_that_never_answered_within_our_limit_is_down(toy):
    toy.connect(requests_per_hour=4)
    toy.provider.replies(GOOD, Reply(status=500))
    toy.collect(NOW - HOUR)
    toy.collect(NOW + 15 * MINUTE)
    toy.collect(NOW + 16 * MINUTE)
    toy.provider.replies(Reply(status=500))
    DataSource.objects.update(state="ok")

    assert toy.state(NOW + 17 * MINUTE).requests_in_hour == 4
    assert is_down(toy.state(NOW + 17 * MINUTE), now=NOW + 17 * MINUTE)


def test_when_to_ask_from_is_one_query_however_many_zones(toy, django_assert_max_num_queries):
    toy.provider.replies(readings(*(row(hours, 300.0) for hours in range(24) if hours % 3)))
    toy.connect(zones=("DE",))
    toy.collect()
    toy.connect(zones=("DE", "FR", "PL"), collect=lambda http, ask: Collected())
    with django_assert_max_num_queries(40) as one:
        toy.collect(NOW + 2 * HOUR)
    GridZone.objects.bulk_create(GridZone(code=f"Z{number}", name="z") for number in range(30))
    toy.connect(zones=tuple(f"Z{number}" for number in range(30)), collect=lambda http, ask: Collected())
    with django_assert_max_num_queries(len(one)):
        toy.collect(NOW + 4 * HOUR)


# --- what is remembered ---------------------------------------------------------------------------


def test_an_unchanged_answer_is_served_from_memory(toy):
    first = readings(row(0, 310.0), headers={"ETag": '"one"', "Last-Modified": "Wed, 04 Mar 2026 10:00:00 GMT"})
    toy.connect(collect=_fixed)
    toy.provider.replies(first, Reply(status=304))
    toy.collect()
    before = toy.stored()

    done = toy.collect(NOW + 15 * MINUTE)

    assert (done.state, done.readings, done.new, done.revised) == ("ok", 1, 0, 0)
    asked = toy.provider.asked[1].headers
    assert asked["if-none-match"] == '"one"'
    assert asked["if-modified-since"] == "Wed, 04 Mar 2026 10:00:00 GMT"
    assert toy.stored() == before
    assert toy.source.last_success_at == NOW + 15 * MINUTE


def _fixed(http, ask):
    return collect(http, type(ask)(now=NOW, zones=ask.zones, secrets=ask.secrets))


def test_a_changed_answer_takes_the_place_of_the_remembered_one(toy):
    toy.connect(collect=_fixed)
    toy.provider.replies(
        readings(row(0, 310.0), headers={"ETag": '"one"'}),
        readings(row(0, 320.0), headers={"ETag": '"two"'}),
        Reply(status=304),
    )
    toy.collect()
    assert toy.collect(NOW + 15 * MINUTE).revised == 1
    assert toy.collect(NOW + 30 * MINUTE).revised == 0

    assert toy.provider.asked[2].headers["if-none-match"] == '"two"'
    assert list(toy.stored().values()) == [320.0]
    assert RememberedAnswer.objects.count() == 1


@pytest.mark.parametrize("body", [b"<html>maintenance</html>", b"null"])
def test_a_useless_answer_is_never_remembered(toy, body):
    toy.connect(collect=_fixed)
    toy.provider.replies(Reply(body=body, headers={"ETag": '"bad"'}))
    toy.collect()
    toy.collect(NOW + 15 * MINUTE)

    assert not RememberedAnswer.objects.exists()
    assert "if-none-match" not in toy.provider.asked[1].headers


def test_a_remembered_answer_that_cannot_be_read_is_forgotten(toy):
    toy.connect(collect=_fixed)
    toy.provider.replies(readings(headers={"ETag": '"one"'}), Reply(status=304))
    toy.collect()
    RememberedAnswer.objects.update(content=zlib.compress(b"<html>"))

    assert toy.collect(NOW + 15 * MINUTE).state == "failing"
    assert not RememberedAnswer.objects.exists()


def test_an_answer_that_cannot_have_changed_is_not_asked_for(toy):
    slot_end = NOW + 25 * MINUTE

    def until_the_slot_ends(http, ask):
        http.get("/forecast", params={"zone": "DE"}, fresh_until=slot_end).json()
        return Collected()

    toy.connect(collect=until_the_slot_ends)
    toy.provider.replies(GOOD)
    requests = [toy.collect(NOW + minutes * MINUTE).requests for minutes in (0, 10, 24, 25, 26)]

    assert requests == [1, 0, 0, 1, 1], "after its end it is asked for, and what comes then may change at any time"
    assert toy.state().state == "ok"


def test_what_is_remembered_does_not_make_a_dead_source_look_alive(toy):
    def remembered_and_asked(http, ask):
        http.get("/forecast", fresh_until=NOW + HOUR).json()
        _, problems = tried("now", lambda: http.get("/now").json())
        return Collected(problems=problems)

    toy.connect(collect=remembered_and_asked)
    toy.provider.replies(GOOD)
    assert toy.collect().state == "ok"
    toy.provider.replies(Reply(status=503))

    done = toy.collect(NOW + 15 * MINUTE)

    assert (done.state, toy.source.last_success_at) == ("failing", NOW)
    assert "now: the source answered 503" in toy.source.last_error


def test_memory_holds_no_key(toy):
    toy.connect(collect=_fixed, needs=("TOY_KEY",))
    toy.configure(secrets={"TOY_KEY": "hush-hush"})
    toy.provider.replies(readings(row(0, 310.0), headers={"ETag": '"one"'}), Reply(status=304))
    toy.collect()

    assert "hush-hush" not in repr(list(RememberedAnswer.objects.values()))
    toy.configure(secrets={"TOY_KEY": "another"})
    toy.collect(NOW + 15 * MINUTE)
    assert "if-none-match" not in toy.provider.asked[1].headers, "what one key may see is not shown to another"


def test_memory_is_bounded_in_age_and_size(toy):
    toy.connect(collect=_fixed)
    toy.provider.replies(readings(headers={"ETag": '"one"'}))
    toy.collect()
    toy.collect(NOW + OLDEST)
    assert "if-none-match" not in toy.provider.asked[1].headers
    assert RememberedAnswer.objects.count() == 1

    large = Reply(body=b'{"readings": []}' + b" " * LARGEST_BYTES, headers={"ETag": '"large"'})
    toy.provider.replies(large)
    assert toy.collect(NOW + OLDEST + MINUTE).state == "ok"
    assert not RememberedAnswer.objects.exists()


def test_memory_of_a_source_is_bounded_in_number(toy, monkeypatch):
    from climate.connectors.http import Remembered
    from climate.services.collect import memory

    monkeypatch.setattr(memory, "MOST_OF_A_SOURCE", 3)
    for number in range(5):
        kept = StoredMemory("toy", now=NOW + number * MINUTE)
        kept.remember(f"question {number}", Remembered(content=b"{}", etag="1"))
        kept.write()

    later = StoredMemory("toy", now=NOW + HOUR)
    assert [later.recall(f"question {number}") is not None for number in range(5)] == [False, False, True, True, True]


# --- where keys go --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given", [{"headers": {"X-Key": "hush"}}, {"auth": ("me", "hush")}, {"params": {"key": "hush"}}]
)
def test_a_key_is_not_sent_to_an_address_that_an_answer_named(toy, given):
    http = SourceHttp("http://127.0.0.1:9", allowed_hosts=["127.0.0.1:9", toy.provider.host], now=NOW)

    with pytest.raises(SourceMisbehaved, match="refused to send a key to another host"):
        http.get(f"{toy.provider.url}/next", **given)
    assert toy.provider.asked == []


def test_an_address_on_an_allowed_host_may_be_asked(toy):
    toy.provider.replies(GOOD)
    http = SourceHttp("http://127.0.0.1:9", allowed_hosts=[toy.provider.host], now=datetime.now(UTC))

    assert http.get(f"{toy.provider.url}/next", headers={"Accept": "application/json"}).status == 200
    with pytest.raises(SourceMisbehaved, match="it is not a configured host"):
        http.get("/readings")


def test_encryption_is_not_given_up_on_the_way(toy):
    http = SourceHttp("https://127.0.0.1:9", allowed_hosts=["127.0.0.1:9", toy.provider.host], now=NOW)

    with pytest.raises(SourceMisbehaved, match="without encryption"):
        http.get(f"{toy.provider.url}/next")
    assert toy.provider.asked == []
