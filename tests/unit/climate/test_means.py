"""The mean of several periods."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from climate.domain.means import LONGEST_FLAG_CHARACTERS, Stretch, mean_of

RECEIVED = datetime(2026, 3, 4, 10, tzinfo=UTC)
HALF = Stretch(
    minutes=30,
    intensity_g_per_kwh=100,
    lowest_g_per_kwh=100,
    highest_g_per_kwh=100,
    renewable_share=0.2,
    carbon_free_share=None,
    flag="",
    received_at=RECEIVED,
)


def test_each_part_weighs_as_much_as_it_is_long():
    other = replace(HALF, minutes=15, intensity_g_per_kwh=400, highest_g_per_kwh=410, renewable_share=0.8)
    mean = mean_of([HALF, other], longest_minutes=60)
    assert (mean.minutes, mean.intensity_g_per_kwh) == (45, 200)
    assert (mean.lowest_g_per_kwh, mean.highest_g_per_kwh) == (100, 410)
    assert mean.renewable_share == pytest.approx(0.4)


def test_a_share_that_one_part_does_not_know_is_unknown():
    known = replace(HALF, carbon_free_share=0.5)
    assert mean_of([HALF, known], longest_minutes=60).carbon_free_share is None
    assert mean_of([known, known], longest_minutes=60).carbon_free_share == 0.5


def test_every_remark_is_kept_once_and_the_newest_receipt_counts():
    late = replace(HALF, flag="estimated; jump", received_at=RECEIVED.replace(hour=12))
    mean = mean_of([late, replace(HALF, flag="estimated")], longest_minutes=60)
    assert (mean.flag, mean.received_at.hour) == ("estimated; jump", 12)


def test_remarks_that_find_no_room_are_said_to_be_missing():
    flag = mean_of([replace(HALF, flag=f"{i} " + "x" * 90) for i in range(4)], longest_minutes=60).flag
    assert len(flag) == LONGEST_FLAG_CHARACTERS
    assert flag.endswith("; ...")


def test_parts_that_overlap_cover_no_more_than_there_is():
    assert mean_of([HALF, HALF, HALF], longest_minutes=60).minutes == 60


def test_nothing_has_no_mean():
    with pytest.raises(ValueError, match="no mean"):
        mean_of([], longest_minutes=60)


@given(st.lists(st.tuples(st.integers(1, 60), st.floats(10, 1300)), min_size=1, max_size=30))
def test_a_mean_lies_between_its_parts(parts):
    stretches = [
        replace(HALF, minutes=minutes, intensity_g_per_kwh=value, lowest_g_per_kwh=value, highest_g_per_kwh=value)
        for minutes, value in parts
    ]
    mean = mean_of(stretches, longest_minutes=1440)
    assert mean.lowest_g_per_kwh <= mean.intensity_g_per_kwh + 1e-9
    assert mean.intensity_g_per_kwh <= mean.highest_g_per_kwh + 1e-9
