"""The price of a call against trying every tick."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from market.domain.trading.price_choice import choose_price

orders = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=6)


@settings(max_examples=300, deadline=None)
@given(orders, orders, st.integers(1, 30), st.integers(0, 20), st.integers(-5, 40), st.integers(-5, 40))
def test_it_is_the_one_that_trying_every_tick_finds(buys, sells, low, width, reference, guess) -> None:
    def wanted(ticks: int) -> int:
        return sum(lots for limit, lots in buys if limit >= ticks)

    def offered(ticks: int) -> int:
        return sum(lots for limit, lots in sells if limit <= ticks)

    def merit(ticks: int) -> tuple[int, int, int, int]:
        over = wanted(ticks) - offered(ticks)
        return -min(wanted(ticks), offered(ticks)), abs(over), abs(ticks - reference), ticks

    price = choose_price(wanted, offered, low=low, high=low + width, reference=reference, guess=guess)
    assert price.ticks == min(range(low, low + width + 1), key=merit)
    assert (price.wanted, price.offered) == (wanted(price.ticks), offered(price.ticks))


def test_a_wide_collar_takes_few_looks() -> None:
    asked = []

    def wanted(ticks: int) -> int:
        asked.append(ticks)
        return 10 if ticks <= 123_456_789 else 0

    price = choose_price(wanted, lambda _: 5, low=1, high=10**12, reference=10**11)
    assert price.ticks == 123_456_789
    assert len(asked) < 400
