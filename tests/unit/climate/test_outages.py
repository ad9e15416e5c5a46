from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from climate.domain.outages import OutageFacts, share_left, tokens_left

HOUR = datetime(2026, 3, 4, 10, tzinfo=UTC)


def outage(start_minute=0, minutes=60, share=0.0, **changes):
    values = {
        "id": 1,
        "region": "aa-north-1",
        "model_class": None,
        "kind": "outage",
        "starts_at": HOUR + timedelta(minutes=start_minute),
        "ends_at": None if minutes is None else HOUR + timedelta(minutes=start_minute + minutes),
        "capacity_share": share,
        "reason": "a test",
        "author": "test",
        "created_at": HOUR,
    }
    return OutageFacts(**{**values, **changes})


def left(*outages, hour=HOUR, model_class="L"):
    return share_left(outages, region="aa-north-1", model_class=model_class, hour=hour)


@pytest.mark.parametrize(
    ("start_minute", "minutes", "hours_out"),
    [
        (0, 60, [0]),
        (59, 1, [0]),
        (59, 2, [0, 1]),
        (-30, 30, [-1]),
        (-1, 200, [-1, 0, 1, 2, 3]),
        (0, None, [0, 1, 2, 3]),
    ],
)
def test_an_outage_counts_for_every_hour_that_it_touches_and_for_no_other(start_minute, minutes, hours_out):
    there = outage(start_minute, minutes)
    shares = {step: left(there, hour=HOUR + timedelta(hours=step)) for step in range(-1, 4)}
    assert [step for step, share in shares.items() if share == 0.0] == hours_out


def test_of_several_the_lowest_share_counts():
    assert left(outage(share=0.5), outage(share=0.2), outage(share=0.8)) == 0.2


def test_other_regions_and_model_classes_are_left_alone():
    assert left(outage(region="bb-south-1")) == 1.0
    assert left(outage(model_class="S")) == 1.0
    assert left(outage(model_class="L")) == 0.0


def test_what_was_withdrawn_does_not_count():
    assert left(outage(is_withdrawn=True)) == 1.0


def test_tokens_are_rounded_down():
    half = [outage(share=0.5)]
    assert tokens_left(7, half, region="aa-north-1", model_class="L", hour=HOUR) == 3
    assert tokens_left(7, [], region="aa-north-1", model_class="L", hour=HOUR) == 7
