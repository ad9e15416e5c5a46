"""The carbon adder of a lot, by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from budgets.domain.periods import Period
from budgets.domain.units import Unit
from climate.domain.places import RegionFacts
from climate.domain.signal import Basis, Signal
from market.domain.trading.clean import CleanFacts, Site, clean_facts, site_of
from market.domain.trading.instruments import Contract
from tests.unit.market.examples import terms

NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)
DIRTY = Site(pue=1.15, cfe_share=0.3, intensity_g_per_kwh=480.0, basis="live")


def contract(unit: Unit = Unit.TOKENS, model_class: str = "L", lot_units: int = 100) -> Contract:
    return Contract(
        unit=unit, model_class=model_class, period=Period.MONTH, starts_at=NOW, ends_at=None, lot_units=lot_units
    )


def facts(site: Site = DIRTY, what: Contract | None = None, **changes: Any) -> CleanFacts:
    return clean_facts(
        region_id="r", basis="history", site=site, contract=what or contract(), terms=replace(terms(), **changes)
    )


def test_a_lot_of_tokens_pays_for_what_running_them_will_emit():
    # 100 tokens of class L: 0.06 Wh x 1.15 x 480 g/kWh = 0.03312 g; at 210 US$/t 6.9552 micro-USD.
    found = facts()

    assert (found.adder_ticks, found.lot_ug) == (7, 33_120)
    assert found.grams_of(1000) == 34


def test_quota_of_any_class_counts_as_the_reference_class():
    assert facts(what=contract(model_class="")).adder_ticks == facts(what=contract(model_class="L")).adder_ticks


def test_quota_of_energy_is_at_the_meter_already():
    # 10 Wh x 480 g/kWh = 4.8 g; at 210 US$/t 1008 micro-USD.
    assert facts(what=contract(Unit.ENERGY_WH, "", 10)).adder_ticks == 1008


def test_a_policy_with_flat_energy_counts_its_own_figure_as_its_decisions_do():
    # 100 tokens x 0.0001 kWh = 10 Wh, without a PUE.
    found = facts(flat_kwh_per_token=Decimal("0.0001"), carbon_usd_per_t=Decimal(100))

    assert found.adder_ticks == 480


def test_quota_of_carbon_has_no_adder_because_it_is_priced_carbon():
    assert facts(what=contract(Unit.CARBON_G, "", 1)).adder_ticks == 0


@pytest.mark.parametrize(("share", "is_clean"), [(0.7, True), (0.6999, False), (None, False), (1.0, True)])
def test_supply_is_clean_from_the_share_of_the_policy(share, is_clean):
    found = facts(replace(DIRTY, cfe_share=share))

    assert (found.is_clean, found.adder_ticks == 0) == (is_clean, is_clean)


def region(contracted: float | None, pue: float | None = None) -> RegionFacts:
    return RegionFacts(
        code="r",
        provider="p",
        name="n",
        city="c",
        zone="DE",
        country_code="DE",
        latitude=0,
        longitude=0,
        pue=pue,
        pue_source="",
        contracted_cfe_share=contracted,
    )


def signal(grid: float | None) -> Signal:
    return Signal(
        zone="DE",
        starts_at=NOW,
        period_minutes=60,
        intensity_g_per_kwh=400.0,
        basis=Basis.LIVE,
        source="s",
        as_of=NOW,
        carbon_free_share=grid,
    )


def test_contracted_supply_comes_first_and_the_rest_is_the_grids():
    site = site_of(region(0.5), signal(0.6), default_pue=1.2)

    assert site.cfe_share == pytest.approx(0.5 + 0.5 * 0.6)
    assert site.intensity_g_per_kwh == pytest.approx(200.0)
    assert (site.pue, site.basis) == (1.2, "live")


def test_nothing_known_of_supply_stays_unknown():
    assert site_of(region(None, 1.1), signal(None), default_pue=1.2).cfe_share is None


def test_an_unknown_region_has_the_worlds_intensity_and_is_not_clean():
    found = facts(site_of(None, None, default_pue=1.15))

    assert (found.intensity_g_per_kwh, found.intensity_basis, found.cfe_share) == (480.0, "world", None)
    assert found.adder_ticks == 7
