"""Times without trade: by a price that moves too far, and by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config.kernel.errors import Conflict, InvalidInput, NotFound
from market.events import TradingChanged
from market.models import Auction, Instrument, Order, Trade, TradingHalt
from market.selectors import find_halt, get_auction, list_halts, list_instruments_now
from market.services import end_due_halts, halt_trading, resume_trading, run_due_calls
from tests.integration.market.trading.calling import CALL, assert_sound, make_buyers, make_sellers
from tests.integration.market.trading.desk import buy, make_trader
from tests.integration.world import NOW, load_world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _world(db) -> None:
    load_world()


def test_a_price_too_far_from_the_reference_halts_and_the_call_after_may_go_there():
    make_sellers(limit="0.0000042"), make_buyers(limit="0.0000045")
    run_due_calls(now=CALL)
    halted = Auction.objects.get()
    assert (halted.status, halted.volume_lots, Trade.objects.count()) == ("halted", 0, 0)
    halt = TradingHalt.objects.get()
    assert (halt.kind, halt.until, halt.instrument) == ("volatility", CALL + HOUR, halted.instrument)
    told = get_auction(halted.pk)
    assert (told.curve, told.rationing, told.row.bid_lots, told.row.ask_lots) == (None, None, None, None)
    with pytest.raises(Conflict) as refusal:
        buy(make_trader("Another"), now=CALL + timedelta(minutes=5))
    assert refusal.value.code == "halted"
    run_due_calls(now=CALL + HOUR)
    auction = Auction.objects.first()
    assert auction.status == "cleared"
    assert auction.price_ticks * 100 > auction.reference_ticks * 125
    halt.refresh_from_db()
    assert (halt.ended_at, halt.ended_by) == (CALL + HOUR, "clock")
    assert_sound()


def test_after_the_market_has_reopened_another_leap_halts_again():
    make_sellers(10, limit="0.0000042"), make_buyers(limit="0.0000045")
    run_due_calls(now=CALL)
    run_due_calls(now=CALL + HOUR)
    assert Auction.objects.first().status == "cleared"
    # The reference is now what that call traded at; its collar goes further up.
    for index in range(5):
        buy(make_trader(f"Hasty {index}"), 1_000, "0.000003", now=CALL + HOUR)
    Order.objects.filter(status="open", side="sell").update(limit_ticks=220, adder_ticks=0)
    run_due_calls(now=CALL + 2 * HOUR)
    assert Auction.objects.first().status == "halted"


def test_what_an_operator_halts_does_not_trade_until_it_is_resumed(django_capture_on_commit_callbacks):
    make_sellers(), make_buyers()
    code = Instrument.objects.get().code
    halt = halt_trading(instrument_code=code, reason="a bug", until=None, actor="person ann", now=NOW)
    run_due_calls(now=CALL)
    assert (Auction.objects.get().status, Auction.objects.get().explanation) == ("halted", "Halted: a bug")
    assert set(Order.objects.values_list("status", flat=True)) == {"open"}
    assert find_halt(code, at=CALL).reason == "a bug"
    assert list_instruments_now(now=CALL)[0].halt.id == halt.pk
    resume_trading(halt_id=halt.pk, actor="person ann", now=CALL)
    with pytest.raises(Conflict):
        resume_trading(halt_id=halt.pk, actor="person ann", now=CALL)
    run_due_calls(now=CALL + HOUR)
    assert Auction.objects.first().status == "cleared"
    assert_sound()


def test_everything_is_halted_at_once_and_a_halt_with_an_end_ends_by_itself():
    make_sellers(), make_buyers()
    halt_trading(instrument_code=None, reason="maintenance", until=CALL + timedelta(minutes=30), actor="ann", now=NOW)
    run_due_calls(now=CALL)
    assert Auction.objects.get().status == "halted"
    assert end_due_halts(now=CALL + timedelta(minutes=29)) == 0
    assert end_due_halts(now=CALL + timedelta(minutes=30)) == 1
    assert end_due_halts(now=CALL + timedelta(minutes=30)) == 0
    assert list_halts(is_open=True) == []
    run_due_calls(now=CALL + HOUR)
    assert Auction.objects.first().status == "cleared"


def test_a_halt_is_told_with_its_reason_once_it_is_committed(django_capture_on_commit_callbacks, monkeypatch):
    told = []
    monkeypatch.setattr("market.services.trading.halts.publish", told.append)
    halt_trading(instrument_code=None, reason="maintenance", until=None, actor="ann", now=NOW)
    assert told == [TradingChanged(instrument=None, is_halted=True, reason="maintenance", at=NOW)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"reason": " "}, "reason"), ({"until": NOW}, "until")],
)
def test_a_halt_needs_a_reason_and_an_end_to_come(changes, field):
    values = {"instrument_code": None, "reason": "why", "until": None, "actor": "ann", "now": NOW}
    with pytest.raises(InvalidInput) as refusal:
        halt_trading(**{**values, **changes})
    assert refusal.value.field == field
    assert not TradingHalt.objects.exists()


def test_what_is_halted_is_not_halted_again_and_what_is_unknown_not_at_all():
    halt_trading(instrument_code=None, reason="why", until=None, actor="ann", now=NOW)
    with pytest.raises(Conflict) as refusal:
        halt_trading(instrument_code=None, reason="why", until=None, actor="ann", now=NOW)
    assert refusal.value.code == "already_halted"
    with pytest.raises(NotFound):
        halt_trading(instrument_code="tokens-any-month-1999-01-01", reason="why", until=None, actor="ann", now=NOW)
    with pytest.raises(NotFound):
        resume_trading(halt_id=999, actor="ann", now=NOW)
