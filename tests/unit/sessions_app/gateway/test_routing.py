"""Who serves a call, in which order, and why the others do not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.gateway.deployments import (
    BreakerState,
    Candidate,
    DeploymentFacts,
    HealthFacts,
    Reach,
    RegionFigures,
)
from sessions_app.domain.gateway.routing import Ranking, RouteAsk, Why, rank
from sessions_app.domain.gateway.terms import Routing

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
GREEN = Routing(carbon_percent=100, price_percent=0, latency_percent=0, sticky_minutes=30, sticky_gain_percent=10)
ASK = RouteAsk(call_id="call-1", origin="BD", input_tokens=1000, output_tokens=500)
REACH = Reach(places={"BD": (23.7, 90.4)})


def test_the_least_grams_come_first_with_the_buildings_overhead() -> None:
    clean_hall = candidate(1, intensity=100, pue=1.9)
    lean_hall = candidate(2, intensity=120, pue=1.1)

    ranking = order(clean_hall, lean_hall)

    assert names(ranking) == ["d2", "d1"]
    first = ranking.ordered[0]
    assert first.grams == pytest.approx((1000 * 0.09 + 500 * 0.6) / 1000 * 1.1 * 120 / 1000)
    assert ranking.regions == ["region-2", "region-1"]


def test_a_score_is_the_weighted_share_of_the_mean_so_that_100_is_the_average() -> None:
    weights = replace(GREEN, carbon_percent=50, price_percent=30, latency_percent=20)
    dear = candidate(1, intensity=100, price=3_000_000, first_byte_ms=100.0)
    cheap = candidate(2, intensity=300, price=1_000_000, first_byte_ms=300.0)

    found = {each.candidate.deployment.name: each for each in order(dear, cheap, routing=weights).ordered}

    assert found["d1"].parts == pytest.approx({"carbon": 25.0, "price": 45.0, "latency": 10.0})
    assert found["d1"].score == pytest.approx(80.0)
    assert found["d2"].score == pytest.approx(75 + 15 + 30)


def test_an_unknown_price_counts_as_the_dearest_and_an_unknown_time_as_the_average() -> None:
    weights = replace(GREEN, carbon_percent=0, price_percent=50, latency_percent=50)
    unknown = candidate(1, price=None, first_byte_ms=None)
    known = candidate(2, price=2_000_000, first_byte_ms=200.0)
    slow = candidate(3, price=1_000_000, first_byte_ms=400.0)

    found = {each.candidate.deployment.name: each for each in order(unknown, known, slow, routing=weights).ordered}

    assert found["d1"].parts["price"] == pytest.approx(found["d2"].parts["price"])
    assert found["d1"].parts["latency"] == pytest.approx(50.0)
    assert found["d1"].price_micro_usd is None


def test_an_unknown_price_is_dearer_than_none() -> None:
    cheapest = replace(GREEN, carbon_percent=0, price_percent=100)

    ranking = order(candidate(1, price=None), candidate(2, price=0), routing=cheapest)

    assert names(ranking) == ["d2", "d1"]
    assert ranking.ordered[1].price_micro_usd is None


def test_deployments_of_one_score_share_a_place() -> None:
    ranking = order(candidate(1, intensity=300), candidate(2), candidate(3), candidate(4, intensity=200))

    assert ranking.places == {"d2": 1, "d3": 1, "d4": 3, "d1": 4}


def test_callers_are_not_told_where_a_secret_should_be() -> None:
    ranking = order(candidate(1, problem="The variable UPSTREAM_KEY_X is not set."))

    assert "UPSTREAM_KEY_X" not in ranking.left_out[0].words
    assert ranking.left_out[0].why is Why.NOT_USABLE


def test_a_host_in_our_own_network_is_sent_no_addresses_of_images() -> None:
    by_address = replace(ASK, needs={"image_urls": "messages"})
    inside = candidate(1, takes_image_urls=True, takes_inline_images=True, is_private=True)
    outside = candidate(2, takes_image_urls=True)

    ranking = order(inside, outside, ask=by_address)

    assert names(ranking) == ["d2"]
    (left_out,) = ranking.left_out
    assert (left_out.why, left_out.param) == (Why.CAPABILITY, "messages")
    assert "send them as data URLs" in left_out.words
    assert names(order(inside, ask=replace(ASK, needs={"inline_images": "messages"}))) == ["d1"]


def test_each_that_is_left_out_says_why_and_by_which_parameter() -> None:
    asked = replace(
        ASK,
        needs={"tools": "tools"},
        residency=("SE",),
        least_output_tokens=200,
        problem_of=lambda provider: "n: it gives one answer." if provider == "echo" else "",
    )
    able = {"takes_tools": True}
    candidates = [
        candidate(1, **able, country="SE"),
        candidate(2, country="SE"),
        candidate(3, **able, country="DE"),
        candidate(4, **able, country="SE", max_output_tokens=100),
        candidate(5, **able, country="SE", context_window_tokens=1100),
        candidate(6, **able, country="SE", problem="It is switched off."),
        candidate(7, **able, country="SE", health=open_until(NOW + timedelta(seconds=5))),
        candidate(8, **able, country="SE", health=HealthFacts(cool_until=NOW + timedelta(seconds=9))),
        candidate(9, **able, country="SE", provider="echo"),
        candidate(10, **able, country="SE", serves_chat=False, serves_embeddings=True),
        replace(candidate(11, **able), region=None),
    ]

    ranking = order(*candidates, ask=asked)

    assert names(ranking) == ["d1"]
    assert {each.name: (each.why, each.param) for each in ranking.left_out} == {
        "d2": (Why.CAPABILITY, "tools"),
        "d3": (Why.RESIDENCY, ""),
        "d4": (Why.WINDOW, "max_tokens"),
        "d5": (Why.WINDOW, "messages"),
        "d6": (Why.NOT_USABLE, ""),
        "d7": (Why.BREAKER, ""),
        "d8": (Why.COOLING, ""),
        "d9": (Why.CAPABILITY, "n"),
        "d10": (Why.ENDPOINT, "model"),
        "d11": (Why.NOT_USABLE, ""),
    }
    assert ranking.retry_after_seconds(NOW) == 5
    assert {each["why"] for each in ranking.to_json()["left_out"]} >= {"breaker", "residency"}


def test_an_open_breaker_whose_time_is_over_may_be_tried_and_one_that_is_being_tried_may_not() -> None:
    due = candidate(1, health=open_until(NOW))
    tried = candidate(2, health=HealthFacts(state=BreakerState.HALF_OPEN, probe_until=NOW + timedelta(seconds=1)))

    ranking = order(due, tried)

    assert names(ranking) == ["d1"]
    assert ranking.ordered[0].candidate.needs_probe


def test_the_latency_class_bounds_the_distance_and_where_nobody_is_near_the_nearest_serves() -> None:
    near, far = candidate(1, intensity=600, latitude=19.1, longitude=72.9), candidate(2, latitude=59.3, longitude=18.1)

    assert names(order(near, far, ask=replace(ASK, latency_km=4000.0))) == ["d1"]
    assert names(order(near, far, ask=replace(ASK, latency_km=100.0))) == ["d1"]
    assert names(order(near, far)) == ["d2", "d1"]
    entered = replace(REACH, entered_km={("BD", "region-2"): 50.0})
    assert names(order(near, far, ask=replace(ASK, latency_km=100.0), reach=entered)) == ["d2"]


def test_a_session_stays_unless_another_is_better_by_the_gain() -> None:
    here, slightly, much = candidate(1, intensity=100), candidate(2, intensity=95), candidate(3, intensity=50)
    sticky = replace(ASK, sticky_deployment_id=1)

    stays = order(here, slightly, ask=sticky)
    moves = order(here, slightly, much, ask=sticky)

    assert (names(stays), stays.stuck_to) == (["d1", "d2"], "d1")
    assert (names(moves), moves.stuck_to) == (["d3", "d2", "d1"], "")


def test_equal_ones_share_the_calls_by_their_weights_and_a_call_falls_on_the_same_one_everywhere() -> None:
    light, heavy = candidate(1, weight=1.0), candidate(2, weight=3.0)
    asks = [replace(ASK, call_id=f"call-{number}") for number in range(2000)]

    firsts = Counter(names(order(light, heavy, ask=ask))[0] for ask in asks)

    assert 0.70 < firsts["d2"] / 2000 < 0.80
    for ask in asks[:50]:
        assert names(order(light, heavy, ask=ask)) == names(order(heavy, light, ask=ask))


def test_what_a_provider_charges_is_rounded_up_and_unknown_where_a_price_that_counts_is() -> None:
    facts = candidate(1, price=2_500_000).deployment

    assert facts.provider_micro_usd(input_tokens=3, output_tokens=0) == 8
    assert facts.provider_micro_usd(input_tokens=0, output_tokens=0) == 0
    assert replace(facts, output_micro_usd_per_million=None).provider_micro_usd(input_tokens=3, output_tokens=1) is None
    cheap = replace(facts, cached_micro_usd_per_million=0)
    assert cheap.provider_micro_usd(input_tokens=3, output_tokens=0, cached_tokens=3) == 0
    assert facts.provider_micro_usd(input_tokens=3, output_tokens=0, cached_tokens=3) == 8


figures = st.tuples(
    st.integers(10, 1300),
    st.sampled_from([1.07, 1.2, 1.9]),
    st.none() | st.integers(0, 10**8),
    st.none() | st.integers(1, 10**5),
)
percentages = st.tuples(st.integers(0, 100), st.integers(0, 100)).map(
    lambda pair: (min(pair), max(pair) - min(pair), 100 - max(pair))
)


@given(st.lists(figures, min_size=1, max_size=8), percentages, st.integers(0, 7))
def test_the_order_does_not_depend_on_the_order_in_which_they_are_looked_at(given_figures, weights, turn) -> None:
    routing = replace(GREEN, carbon_percent=weights[0], price_percent=weights[1], latency_percent=weights[2])
    candidates = [_of(number, each) for number, each in enumerate(given_figures)]
    shuffled = [*candidates[turn:], *candidates[:turn]][::-1]

    assert names(order(*candidates, routing=routing)) == names(order(*shuffled, routing=routing))
    assert len(order(*candidates, routing=routing).ordered) == len(candidates)


@given(st.lists(figures, min_size=2, max_size=8), percentages)
def test_none_that_is_better_in_every_figure_comes_after(given_figures, weights) -> None:
    routing = replace(GREEN, carbon_percent=weights[0], price_percent=weights[1], latency_percent=weights[2])
    ordered = order(*[_of(number, each) for number, each in enumerate(given_figures)], routing=routing).ordered

    for place, later in enumerate(ordered):
        for earlier in ordered[:place]:
            measures = [(later.grams, earlier.grams)]
            measures += [(a, b) for a, b in [(later.price_micro_usd, earlier.price_micro_usd)] if None not in (a, b)]
            measures += [(a, b) for a, b in [(later.first_byte_ms, earlier.first_byte_ms)] if None not in (a, b)]
            if len(measures) == 3:
                assert later.score >= earlier.score - 1e-5
                assert not (all(a < b * 0.999 for a, b in measures) and later.score > earlier.score + 1e-5)


@given(st.lists(figures, min_size=1, max_size=8), percentages)
def test_scores_average_100(given_figures, weights) -> None:
    routing = replace(GREEN, carbon_percent=weights[0], price_percent=weights[1], latency_percent=weights[2])
    ordered = order(*[_of(number, each) for number, each in enumerate(given_figures)], routing=routing).ordered

    assert sum(each.score for each in ordered) / len(ordered) == pytest.approx(100, rel=1e-9)


def _of(number: int, figures: tuple) -> Candidate:
    intensity, pue, price, first_byte_ms = figures
    return candidate(number, intensity=intensity, pue=pue, price=price, first_byte_ms=first_byte_ms)


def candidate(
    number: int,
    *,
    intensity: float = 100.0,
    pue: float = 1.2,
    price: int | None = 1_000_000,
    first_byte_ms: float | None = 100.0,
    country: str = "SE",
    latitude: float = 59.3,
    longitude: float = 18.1,
    health: HealthFacts | None = None,
    **changes: object,
) -> Candidate:
    facts = {
        "id": number,
        "name": f"d{number}",
        "provider": "openai",
        "base_url": "https://models.example.org",
        "upstream_model": "m",
        "served_name": "m",
        "aliases": (),
        "model_class": "L",
        "region": f"region-{number}",
        "context_window_tokens": 8000,
        "max_output_tokens": 2000,
        "input_micro_usd_per_million": price,
        "output_micro_usd_per_million": price,
    }
    return Candidate(
        deployment=DeploymentFacts(**{**facts, **changes}),
        health=health or HealthFacts(first_byte_ms=first_byte_ms),
        region=RegionFigures(
            code=f"region-{number}",
            name="Region",
            city="City",
            zone="ZONE",
            country=country,
            latitude=latitude,
            longitude=longitude,
            pue=pue,
            pue_is_assumed=False,
            intensity_g_per_kwh=intensity,
            low_g_per_kwh=None,
            high_g_per_kwh=None,
            renewable_share=None,
            basis="live",
            source="test",
            as_of=NOW,
        ),
    )


def open_until(until: datetime) -> HealthFacts:
    return HealthFacts(state=BreakerState.OPEN, opened_at=NOW, open_until=until)


def order(*candidates: Candidate, ask: RouteAsk = ASK, routing: Routing = GREEN, reach: Reach = REACH) -> Ranking:
    return rank(candidates, ask, routing=routing, reach=reach, now=NOW)


def names(ranking: Ranking) -> list[str]:
    return [each.candidate.deployment.name for each in ranking.ordered]
