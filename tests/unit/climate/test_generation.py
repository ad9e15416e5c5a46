"""Generation by source becomes intensity and shares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from climate.connectors.contract import Place
from climate.connectors.generation import TooLittleKnown, mix_of, readings_of

KINDS = {"G": "gas", "N": "nuclear", "S": "solar", "W": "wind", "P": "pumped storage", "O": "oil", "X": "other"}
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hourly(hours: int, megawatts: float) -> dict[datetime, float]:
    return {NOON + HOUR * hour: megawatts for hour in range(hours)}


def found(series, *, since=NOON, until=NOON + 24 * HOUR, **more):
    return readings_of("XX", series, KINDS, period_minutes=60, since=since, until=until, **more)


def hours_of(collected) -> list[int]:
    return [round((reading.starts_at - NOON) / HOUR) for reading in collected.readings]


def test_a_mix_is_weighted_by_the_factors_of_its_sources():
    mix = mix_of({"G": 500, "N": 300, "W": 200}, KINDS)
    assert mix.intensity_g_per_kwh == pytest.approx(0.5 * 490 + 0.3 * 12 + 0.2 * 11)
    assert (mix.renewable_share, mix.carbon_free_share, mix.flag) == (pytest.approx(0.2), pytest.approx(0.5), "")


def test_what_has_no_factor_is_left_out_and_named_with_its_share():
    mix = mix_of({"G": 800, "P": 150, "X": 50}, KINDS)
    assert (mix.intensity_g_per_kwh, mix.renewable_share) == (pytest.approx(490), 0)
    assert mix.flag == "not counted: pumped storage 15.0 %, other 5.0 % of the mix"


def test_a_code_that_nobody_knows_is_called_unknown():
    assert mix_of({"G": 90, "B99": 10}, KINDS).flag == "not counted: unknown 10.0 % of the mix"


def test_negative_amounts_count_as_none():
    assert mix_of({"G": 100, "P": -400, "W": -3}, KINDS) == mix_of({"G": 100}, KINDS)


@pytest.mark.parametrize("amounts", [{"G": 49, "X": 51}, {"G": 0}, {"P": 5}, {}])
def test_with_less_than_half_known_there_is_no_mix(amounts):
    with pytest.raises(TooLittleKnown):
        mix_of(amounts, KINDS)


def test_half_is_enough():
    assert mix_of({"G": 50, "X": 50}, KINDS).intensity_g_per_kwh == pytest.approx(490)


def test_the_newest_periods_wait_until_every_type_has_reported():
    assert hours_of(found({"G": hourly(5, 100), "N": hourly(3, 100)})) == [0, 1, 2]


def test_only_periods_that_began_in_time_and_are_over_count():
    collected = found({"G": hourly(10, 100)}, since=NOON + 2 * HOUR, until=NOON + 5 * HOUR)
    assert hours_of(collected) == [2, 3, 4]
    assert hours_of(found({"G": hourly(10, 100)}, until=NOON + 5 * HOUR - timedelta(seconds=1))) == [0, 1, 2, 3]


def test_a_small_type_that_fell_silent_holds_nothing_back_but_is_named():
    collected = found({"G": hourly(8, 100), "O": hourly(2, 5)})
    assert hours_of(collected) == list(range(8))
    assert [reading.flag for reading in collected.readings] == [""] * 2 + ["not reported: oil"] * 6


def test_a_large_type_that_fell_silent_leaves_the_hours_out_and_is_a_problem():
    collected = found({"G": hourly(8, 100), "N": hourly(2, 100)})
    assert hours_of(collected) == [0, 1]
    assert collected.problems == ("XX: nuclear is no longer reported",)


def test_hours_that_are_little_known_are_left_out_and_the_newest_is_named():
    collected = found({"G": hourly(3, 10), "X": hourly(3, 90)})
    assert collected.readings == ()
    assert collected.problems == ("XX 2026-03-04 14:00: only 10 % of the mix is of known sources",)


def test_nothing_reported_is_nothing():
    assert found({}) == found({"G": {}})
    assert found({}).readings == ()


MIDNIGHT = datetime(2026, 1, 14, tzinfo=UTC)
VALENCIA = Place(latitude=39.5, longitude=-0.4)
GUESSED = "not reported: solar, taken as 0 by low sun or by the days around"


def day(hours, megawatts=100.0, *, days=1):
    return {MIDNIGHT + HOUR * (24 * number + hour): megawatts for number in range(days) for hour in hours}


def of_days(series, *, days=1, place=VALENCIA, **more):
    return found(series, since=MIDNIGHT, until=MIDNIGHT + timedelta(days=days), place=place, **more)


def test_solar_power_that_is_not_reported_at_night_is_none_and_loses_no_hour():
    collected = of_days({"G": day(range(24)), "S": day(range(8, 17))})
    by_hour = {each.starts_at.hour: each for each in collected.readings}
    assert (len(by_hour), collected.problems) == (24, ())
    assert {hour for hour, each in by_hour.items() if each.intensity_g_per_kwh < 489} == set(range(8, 17))
    # The sun rises at 7:25 and sets at 17:00: of the hours at the edge it is not certain.
    assert {hour for hour, each in by_hour.items() if each.flag} == {7}
    assert by_hour[7].flag == GUESSED


def test_solar_power_that_is_not_reported_by_day_is_waited_for():
    collected = of_days({"G": day(range(24)), "S": day(range(8, 12))})
    assert [each.starts_at.hour for each in collected.readings] == [*range(12), *range(16, 24)]
    late = of_days({"G": day(range(13)), "S": day(range(8, 12))})
    assert [each.starts_at.hour for each in late.readings] == list(range(12))


def test_where_the_place_is_not_known_what_recurs_daily_is_a_night_and_says_so():
    collected = of_days({"G": day(range(24), days=2), "S": day(range(8, 17), days=2)}, days=2, place=None)
    assert len(collected.readings) == 48
    assert {each.starts_at.hour for each in collected.readings if each.flag == GUESSED} == {*range(8), *range(17, 24)}


def test_solar_power_that_stopped_for_a_day_and_more_is_no_night():
    collected = of_days({"G": day(range(24), days=2), "S": day(range(8, 12))}, days=2)
    assert "XX: solar is no longer reported" in collected.problems
    noon = MIDNIGHT + 36 * HOUR
    assert next(each.flag for each in collected.readings if each.starts_at == noon) == "no longer reported: solar"


def test_a_night_of_months_is_no_silence():
    north = Place(latitude=78.2, longitude=15.6)
    collected = of_days({"G": day(range(24), days=3), "S": {MIDNIGHT: 0.0}}, days=3, place=north)
    assert (len(collected.readings), {each.flag for each in collected.readings}, collected.problems) == (72, {""}, ())


def test_after_a_day_of_silence_of_a_large_type_hours_are_used_again_and_say_so():
    day_later = found({"G": hourly(30, 100), "N": hourly(2, 100)}, until=NOON + 30 * HOUR)
    assert hours_of(day_later) == list(range(30))
    assert {each.flag for each in day_later.readings[2:]} == {"no longer reported: nuclear"}
    assert day_later.problems == ("XX: nuclear is no longer reported",)


def test_a_large_type_that_was_silent_before_is_named_until_it_is_reported_again():
    last_flag = "not counted: other 1.0 % of the mix; no longer reported: nuclear, wind"
    collected = found({"G": hourly(3, 100), "W": hourly(3, 20)}, last_flag=last_flag)
    assert {each.flag for each in collected.readings} == {"no longer reported: nuclear"}
    assert collected.problems == ("XX: nuclear is no longer reported",)
