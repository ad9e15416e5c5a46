"""Slots of issues and classes of lead time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from climate.domain.forecast import first_of_slots, lead_of, slot_of

ISSUED = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)


def test_a_slot_is_six_hours_from_midnight_utc():
    assert slot_of(ISSUED) == datetime(2026, 3, 4, 6, tzinfo=UTC)
    assert slot_of(datetime(2026, 3, 4, 23, 59, tzinfo=UTC)) == datetime(2026, 3, 4, 18, tzinfo=UTC)


def test_of_each_slot_the_first_issue_is_named():
    issues = [ISSUED + timedelta(hours=hours) for hours in (0, -1, 1, 2, 3, -8)]
    assert first_of_slots(issues) == {issues[1], issues[3], issues[5]}


@pytest.mark.parametrize(
    ("hours", "lead"),
    [(-3, "1"), (0, "1"), (1, "1"), (1.1, "2-24"), (24, "2-24"), (24.1, "25-48"), (49, "49-96"), (96.5, None)],
)
def test_the_lead_counts_begun_hours(hours, lead):
    assert lead_of(issued_at=ISSUED, starts_at=ISSUED + timedelta(hours=hours)) == lead
