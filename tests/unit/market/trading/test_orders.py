"""Instruments of orders, how long these last, reference prices, and what quota is worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from budgets.domain.periods import Period
from budgets.domain.units import Unit
from climate.domain.places import EmergencyFacts
from market.domain.policy import PolicyTerms
from market.domain.trading.buyers import buyer_facts
from market.domain.trading.instruments import Contract
from market.domain.trading.orders import contract_for, holding_limit_lots, last_moment, traded_periods
from market.domain.trading.reference import mean_ticks, reference_of, service_ticks
from market.domain.trading.terms import MarketTerms
from market.domain.trading.value import ValueInputs, value_of
from tests.unit.market.examples import BANGLADESH
from tests.unit.market.examples import terms as terms_of

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)
NOTHING = ValueInputs(utilisation=None, window_hours=None, score=None, delivery=None, collaboration=None)


@pytest.fixture
def terms() -> PolicyTerms:
    return terms_of()


def _contract(delivery: datetime | None = None, period: Period = Period.MONTH) -> Contract | None:
    return contract_for(
        unit=Unit.TOKENS, model_class="L", period=period, delivery=delivery, terms=MarketTerms(), now=NOW
    )


def test_an_order_is_for_this_period_or_the_start_of_one_of_the_next_three() -> None:
    assert [each.code for each in (_contract(), _contract(APRIL)) if each] == [
        "tokens-L-month-2026-03-01",
        "tokens-L-month-2026-04-01",
    ]
    assert _contract(datetime(2026, 6, 1, tzinfo=UTC)) is not None
    assert _contract(datetime(2026, 7, 1, tzinfo=UTC)) is None
    assert _contract(APRIL + timedelta(days=1)) is None
    assert _contract(APRIL, Period.ONE_OFF) is None
    assert traded_periods(Period.HOUR, NOW)[1][0] == NOW.replace(hour=11, minute=0)


def test_quota_without_an_end_is_one_instrument() -> None:
    found = _contract(period=Period.ONE_OFF)
    assert found is not None
    assert found.code == "tokens-L-one_off"
    assert last_moment(found, most_days=31, now=NOW) == NOW + timedelta(days=31)


def test_an_order_ends_with_its_period_and_one_for_a_later_period_before_that_begins() -> None:
    this, later = _contract(), _contract(APRIL)
    assert this is not None
    assert later is not None
    assert last_moment(this, most_days=31, now=NOW) == APRIL
    assert last_moment(this, most_days=2, now=NOW) == NOW + timedelta(days=2)
    assert last_moment(later, most_days=31, now=NOW) < APRIL


def test_everybody_may_buy_one_lot_and_at_most_a_share_of_all_quota() -> None:
    assert holding_limit_lots(total_base_steps=0, percent=25, lot_steps=100) == 1
    assert holding_limit_lots(total_base_steps=10_399, percent=25, lot_steps=100) == 25


def test_the_reference_is_the_mean_of_trades_by_volume_or_the_service_price(terms: PolicyTerms) -> None:
    assert mean_ticks([(100, 3), (200, 1)]) == 125
    assert mean_ticks([(1, 1), (2, 1)]) == 2  # half up
    assert mean_ticks([]) is None
    of = {"unit": Unit.TOKENS, "model_class": "", "lot_units": 100, "terms": terms}
    service, traded = reference_of([], **of), reference_of([(100, 3), (200, 1)], **of)
    assert (service.ticks, service.low_ticks, service.high_ticks, service.basis) == (300, 150, 450, "service")
    assert (traded.ticks, traded.basis, traded.calls) == (125, "trades", 2)


def test_the_service_price_of_each_unit_is_at_least_a_tick(terms: PolicyTerms) -> None:
    assert service_ticks(unit=Unit.TOKENS, model_class="S", lot_units=1000, terms=terms) == 200
    assert service_ticks(unit=Unit.CARBON_G, model_class="", lot_units=1, terms=terms) == 210
    assert service_ticks(unit=Unit.ENERGY_WH, model_class="", lot_units=10, terms=terms) == 1_500
    free = replace(terms, electricity_usd_per_kwh=Decimal(0))
    assert service_ticks(unit=Unit.ENERGY_WH, model_class="", lot_units=10, terms=free) == 1


def _value(terms: PolicyTerms, **inputs: float) -> dict[str, Decimal]:
    reference = reference_of([], unit=Unit.TOKENS, model_class="L", lot_units=100, terms=terms)
    found = value_of(reference, lot_units=100, inputs=replace(NOTHING, **inputs), terms=terms)
    assert found.value_usd == found.reference_usd + sum(each.adds_usd for each in found.premia)
    assert all(each.basis for each in found.premia)
    return {each.name: each.factor for each in found.premia}


def test_without_facts_no_premium_is_invented(terms: PolicyTerms) -> None:
    assert set(_value(terms).values()) == {Decimal(1)}


def test_premia_stay_within_the_policy_s_bounds(terms: PolicyTerms) -> None:
    most = _value(terms, utilisation=1.0, window_hours=0.0, score=1.0, delivery=1.0, collaboration=1.0)
    assert most == {
        "scarcity": Decimal("1.5"),
        "urgency": Decimal("1.25"),
        "quality": Decimal("1.1"),
        "collaboration": Decimal("1.1"),
    }
    assert _value(terms, window_hours=-5.0)["urgency"] == Decimal("1.25")
    assert _value(terms, window_hours=1000.0)["urgency"] == 1


def test_quality_counts_from_a_reputation_on(terms: PolicyTerms) -> None:
    assert _value(terms, score=0.69, delivery=1.0)["quality"] == 1
    assert _value(terms, score=0.7, delivery=0.5)["quality"] == Decimal("1.05")


def test_a_buyer_counts_by_place_and_by_the_emergency_there(terms: PolicyTerms) -> None:
    flood = EmergencyFacts(
        id=1,
        kind="flood",
        title="Flood",
        country_codes=("BD",),
        purposes=("disaster_response",),
        multiplier=5.0,
        starts_at=NOW,
        ends_at=None,
    )
    calm = buyer_facts("BD", BANGLADESH, mean_score=0.3, emergencies=[], terms=terms)
    hit = buyer_facts("BD", BANGLADESH, mean_score=0.3, emergencies=[flood], terms=terms)
    assert (calm.weight_ppm, hit.weight_ppm) == (2_000_000, 10_000_000)
    assert calm.justice_ppm < 0
    unknown = buyer_facts("XX", None, mean_score=0.3, emergencies=[flood], terms=terms)
    assert (unknown.need_score, unknown.justice_ppm, unknown.weight_ppm) == (None, 0, 1_000_000)
