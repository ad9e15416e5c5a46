"""The replay of `benchmarks/replay.py` in miniature: a day of made-up work in three regions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from _replay_ways import (
    Outcome,
    grams_of,
    offline_optimum,
    online,
    run_now_at_home,
    run_now_in_the_cleanest,
    wait_at_home,
)
from _replay_world import TAIL_HOURS, World, build_world, make_rates, make_sizes, model_grid

HOURS = 24
WAYS: tuple[Callable[[World], Outcome], ...] = (
    run_now_at_home,
    run_now_in_the_cleanest,
    wait_at_home,
    offline_optimum,
    online,
)


@pytest.fixture(scope="module")
def world() -> World:
    grid = model_grid(("CA-ON", "DE", "ES"), datetime(2023, 6, 5, tzinfo=UTC), seed=1)
    return build_world(grid, make_sizes(1) // 10 + 1, make_rates(), requests=30_000, hours=HOURS, seed=1)


@pytest.fixture(scope="module")
def outcomes(world: World) -> dict[str, Outcome]:
    return {way.__name__: way(world) for way in WAYS}


@pytest.fixture(params=[way.__name__ for way in WAYS])
def outcome(request, outcomes: dict[str, Outcome]) -> Outcome:
    return outcomes[request.param]


def test_no_site_runs_more_in_an_hour_than_it_has_room_for(world, outcome):
    ran = np.zeros_like(world.capacity)
    np.add.at(ran, (outcome.site, outcome.hour), outcome.tokens)

    assert (ran <= world.capacity).all()
    assert ran.sum() > 0


def test_nothing_runs_outside_its_window_or_beyond_its_reach(world, outcome):
    work = world.work

    assert (outcome.hour >= work.slot[outcome.request]).all()
    assert (outcome.hour <= work.last[outcome.request]).all()
    assert world.is_eligible[world.set_of_kind[work.kind[outcome.request]], outcome.site].all()


def test_no_token_runs_twice_and_what_did_not_run_is_missed(world, outcome):
    ran = np.bincount(outcome.request, weights=outcome.tokens, minlength=len(world.work.tokens))

    assert (outcome.tokens > 0).all()
    assert (ran <= world.work.tokens).all()
    assert grams_of(world, outcome)[1] == world.work.tokens.sum() - ran.sum()


def test_online_saves_beside_running_now_at_home_but_never_what_perfect_knowledge_would(world, outcomes):
    grams = {name: grams_of(world, outcome)[0] for name, outcome in outcomes.items()}

    assert grams["offline_optimum"] < grams["online"] < grams["run_now_at_home"]
    assert grams["offline_optimum"] < min(grams["run_now_in_the_cleanest"], grams["wait_at_home"])


def test_room_kept_for_expected_work_spares_it_from_being_missed(world, outcomes):
    asked = world.work.tokens.sum()
    with_room, without = (grams_of(world, each)[1] for each in (outcomes["online"], online(world, with_expected=False)))

    assert with_room / asked < 0.01
    assert without > with_room


def test_online_knows_nothing_of_what_comes(world):
    """Work and grids of the second half changed: what began in the first half is the same."""
    half = HOURS // 2
    other = replace(world.work, tokens=np.where(world.work.slot > half, 1, world.work.tokens))
    measured = world.actual.copy()
    measured[:, half + 1 :] *= 3
    changed = replace(world, work=other, actual=measured)

    def begun(outcome: Outcome) -> set[tuple[int, ...]]:
        rows = zip(outcome.request, outcome.site, outcome.hour, outcome.tokens, strict=True)
        return {tuple(int(value) for value in row) for row in rows if row[2] <= half}

    assert begun(online(world)) == begun(online(changed))


def test_a_forecast_does_not_look_at_the_hours_it_is_for():
    start = datetime(2023, 6, 5, tzinfo=UTC)
    grid = model_grid(("DE",), start, seed=1)
    other = [replace(trace, values=trace.values.copy()) for trace in grid.traces]
    other[0].values[grid.week_at + 10 :] *= 2
    worlds = [
        build_world(each, make_sizes(1), make_rates(), requests=100, hours=HOURS, seed=1)
        for each in (grid, replace(grid, traces=tuple(other)))
    ]

    assert (worlds[0].forecast[: 10 + 1] == worlds[1].forecast[: 10 + 1]).all()
    assert (worlds[0].forecast[12] != worlds[1].forecast[12]).any()
    assert worlds[0].forecast.shape[0] == HOURS + TAIL_HOURS
