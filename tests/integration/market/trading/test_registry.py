"""Registry units: none twice, verified ones only, all of an order or nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from config.kernel.errors import InvalidInput, NotFound
from market.domain.trading.registry import UnitBlock
from market.models import Auction, Order, Policy, RegistryUnit, RegistryUse, Trade
from market.services.trading.registry import UnitsRefused, free_units, import_units, keep_units, use_units
from tests.integration.market.trading.desk import Trader, make_trader, sell
from tests.integration.world import NOW, make_team

pytestmark = [pytest.mark.usefixtures("loaded_world"), pytest.mark.django_db]
BLOCK = UnitBlock(
    registry="VERRA",
    serial_prefix="VCU-",
    serial_first=1,
    serial_last=2,
    project_id="VCS-1",
    project_name="Wind",
    vintage=2023,
    methodology="ACM0002",
    verification_body="Verifier",
    retirement_beneficiary="Desk",
    retirement_reason="cover",
    retired_on=date(2026, 1, 1),
)
GRAMS = 2_000_000


@pytest.fixture
def seller() -> Trader:
    return make_trader("Seller")


def bring(team_id: int, *blocks: UnitBlock) -> list[int]:
    return import_units(team_id=team_id, blocks=blocks, actor="test", now=NOW)


def keep(order: Order, grams: int, unit_ids: list[int] | None = None) -> int:
    return keep_units(order=order, grams=grams, unit_ids=unit_ids, now=NOW)


def used() -> list[int]:
    return list(RegistryUnit.objects.order_by("pk").values_list("used_g", flat=True))


def sold(order: Order, lots: int) -> Auction:
    """A clearing in which so many lots of the order were sold."""
    auction = Auction.objects.create(
        instrument=order.instrument,
        kind=Auction.Kind.CALL,
        status=Auction.Status.CLEARED,
        policy=Policy.objects.filter(is_default=True, is_current=True).get(),
        closed_at=NOW + timedelta(hours=Auction.objects.count()),
        ran_at=NOW,
        reference_ticks=300,
        reference_basis="service",
        low_ticks=150,
        high_ticks=450,
        price_ticks=300,
        volume_lots=lots,
    )
    Trade.objects.create(
        auction=auction,
        order=order,
        instrument=order.instrument,
        team_id=order.team_id,
        budget_id=order.budget_id,
        side=order.side,
        lots=lots,
        price_ticks=300,
        gross_micro_usd=300 * lots,
        money_micro_usd=300 * lots,
        at=NOW,
    )
    return auction


def test_blocks_that_overlap_with_a_stored_one_are_refused_with_row_and_column(seller):
    bring(seller.team.team_id, BLOCK)
    other = replace(BLOCK, serial_prefix="OTHER-")

    with pytest.raises(UnitsRefused, match="Row 2, serial_first: overlaps with VERRA VCU-1-2") as refused:
        bring(seller.team.team_id, other, replace(BLOCK, serial_first=2, serial_last=9))

    assert refused.value.facts["errors"][0]["field"] == "units[1].serial_first"
    assert RegistryUnit.objects.count() == 1


def test_the_same_block_again_fills_in_what_was_empty_and_changes_nothing_else(seller):
    (first,) = bring(seller.team.team_id, replace(BLOCK, retired_on=None, retirement_reason=""))
    again = bring(seller.team.team_id, BLOCK)

    unit = RegistryUnit.objects.get()
    assert again == [first]
    assert (unit.retired_on, unit.retirement_reason) == (date(2026, 1, 1), "cover")
    assert unit.history.count() == 2
    with pytest.raises(UnitsRefused, match="Row 1, vintage: is stored as 2023"):
        bring(seller.team.team_id, replace(BLOCK, vintage=2024))


def test_a_block_of_one_team_is_not_taken_for_another(seller):
    bring(seller.team.team_id, BLOCK)

    with pytest.raises(UnitsRefused, match="is stored for another team"):
        bring(make_team("Other").team_id, BLOCK)
    with pytest.raises(NotFound):
        bring(999_999, replace(BLOCK, serial_prefix="X-"))


@pytest.mark.parametrize("span", [(1, 2), (0, 1), (2, 3), (0, 9)])
def test_the_database_itself_refuses_a_serial_number_twice(seller, span):
    bring(seller.team.team_id, BLOCK)
    first, last = span
    values = {"team_id": seller.team.team_id, "imported_at": NOW, "imported_by": "test", "registry": "VERRA"}

    with pytest.raises(IntegrityError), transaction.atomic():
        RegistryUnit.objects.create(serial_prefix="VCU-", serial_first=first, serial_last=last, **values)
    elsewhere = RegistryUnit.objects.create(serial_prefix="GS-", serial_first=first, serial_last=last, **values)
    with pytest.raises(IntegrityError), transaction.atomic():
        RegistryUnit.objects.filter(pk=elsewhere.pk).update(serial_prefix="VCU-")
    RegistryUnit.objects.filter(pk=elsewhere.pk).update(serial_last=last + 1)


def test_units_are_kept_for_an_order_and_used_as_it_sells(seller):
    (unit,) = bring(seller.team.team_id, BLOCK)
    order = sell(seller, 1_000)

    assert keep(order, 1_001) == 1_001
    assert (used(), Order.objects.get().covered_g) == ([1_001], 1_001)
    auction = sold(order, 3)
    use_units(auction_id=auction.pk)
    use_units(auction_id=auction.pk)

    use = RegistryUse.objects.get(unit=unit)
    assert (use.used_g, use.kept_g, used()) == (301, 700, [1_001])


def test_what_a_closed_order_did_not_sell_is_free_again(seller):
    bring(seller.team.team_id, BLOCK)
    order = sell(seller, 1_000)
    keep(order, 1_000)
    use_units(auction_id=sold(order, 3).pk)

    free_units(order)

    assert used() == [300]


def test_a_reversed_sale_gives_its_units_back(seller):
    bring(seller.team.team_id, BLOCK)
    order = sell(seller, 1_000)
    keep(order, 1_000)
    auction = sold(order, 10)
    Order.objects.filter(pk=order.pk).update(status="filled", filled_lots=10, closed_at=NOW)
    use_units(auction_id=auction.pk)
    assert used() == [1_000]

    Trade.objects.filter(auction=auction).update(is_reversed=True)
    use_units(auction_id=auction.pk)

    assert used() == [0]


def test_the_oldest_vintage_goes_first_and_several_blocks_cover_one_order(seller):
    newer, older = bring(seller.team.team_id, BLOCK, replace(BLOCK, serial_prefix="OLD-", serial_last=1, vintage=2020))
    order = sell(seller, 1_000)

    keep(order, 1_500_000)

    kept = dict(RegistryUse.objects.values_list("unit", "kept_g"))
    assert kept == {older: 1_000_000, newer: 500_000}


def test_an_order_is_covered_wholly_or_told_how_many_grams_lack(seller):
    bring(seller.team.team_id, BLOCK)
    first, second = sell(seller, 1_000), sell(seller, 1_000)
    keep(first, GRAMS - 10)

    with pytest.raises(InvalidInput) as refused:
        keep(second, 100)

    assert (refused.value.field, refused.value.code, refused.value.facts["lacking_g"]) == ("units", "not_covered", 90)
    assert (used(), RegistryUse.objects.count()) == ([GRAMS - 10], 1)


def test_units_that_are_not_verified_or_anothers_cover_nothing(seller):
    (bare,) = bring(seller.team.team_id, replace(BLOCK, retired_on=None, serial_prefix="BARE-"))
    (theirs,) = bring(make_team("Other").team_id, BLOCK)
    order = sell(seller, 1_000)

    for unit_ids, code in (([bare], "not_verified"), ([theirs], "unknown_units"), (None, "not_covered")):
        with pytest.raises(InvalidInput) as refused:
            keep(order, 1, unit_ids)
        assert (refused.value.field, refused.value.code) == ("units", code)
    assert used() == [0, 0]
