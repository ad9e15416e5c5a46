from __future__ import annotations

import pytest

from climate.domain.windows import greenest_start, mean_of_window


def test_the_greenest_window_has_the_least_mean_and_is_the_earliest_of_equals():
    assert greenest_start([5, 1, 9, 1, 2, 1, 2], 2) == 3
    assert greenest_start([5, 1, 9], 1) == 1
    assert mean_of_window([5, 1, 9], 0, 3) == 5


@pytest.mark.parametrize("duration", [0, 4])
def test_a_window_longer_than_the_hours_or_empty_is_refused(duration):
    with pytest.raises(ValueError, match="window"):
        greenest_start([1, 2, 3], duration)
