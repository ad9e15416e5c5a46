from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from market.domain.placement.giving_way import Need, Promise, who_gives_way

HERE, THERE, LATER = (0, 0), (1, 0), (0, 5)


def need(tokens=100, *cells, number=1, may_split=False, placed=()):
    return Need(
        request_id=UUID(int=number), tokens=tokens, may_split=may_split, cells=cells or (HERE,), placed=dict(placed)
    )


def promise(number, weight=0.2, **tokens):
    cells = {"here": HERE, "there": THERE, "later": LATER}
    return Promise(
        request_id=UUID(int=number), weight=weight, tokens={cells[name]: count for name, count in tokens.items()}
    )


def numbers(needs, promises, free=None):
    return sorted(each.int for each in who_gives_way(needs, promises, free or {}))


def test_nobody_gives_way_where_nobody_needs_it():
    assert numbers([], [promise(10, here=100)]) == []


def test_the_lightest_goes_first_and_is_told_for_whom():
    promises = [promise(10, weight=0.2, here=100), promise(11, weight=0.1, here=100)]
    assert who_gives_way([need(100)], promises, {}) == {UUID(int=11): UUID(int=1)}


def test_only_hours_and_sites_that_the_waiting_work_can_use_give_way():
    assert numbers([need(100, HERE)], [promise(10, there=100), promise(11, later=100)]) == []
    assert numbers([need(100, HERE, LATER)], [promise(10, there=100), promise(11, later=100)]) == [11]


def test_room_that_is_there_already_is_used_before_anybody_goes():
    promises = [promise(10, here=40), promise(11, here=60)]
    assert numbers([need(100)], promises, {HERE: 60}) == [10]


def test_work_that_cannot_be_split_takes_nothing_where_it_would_not_fit():
    assert numbers([need(100, HERE, THERE)], [promise(10, here=60), promise(11, there=60)]) == []


def test_work_that_may_be_split_takes_what_there_is():
    promises = [promise(10, here=60), promise(11, there=60), promise(12, later=60)]
    assert numbers([need(100, HERE, THERE, LATER, may_split=True)], promises) == [10, 11]


def test_what_the_plan_gives_already_counts_where_it_is():
    promises = [promise(10, here=70), promise(11, weight=0.3, there=70), promise(12, there=40)]
    assert numbers([need(100, HERE, THERE, placed={THERE: 60})], promises) == [12]
    assert numbers([need(100, HERE, placed={THERE: 60})], promises) == []
    assert numbers([need(100, HERE, may_split=True, placed={THERE: 60})], promises) == [10]


def test_none_goes_who_can_stay():
    promises = [promise(10, weight=0.1, here=10), promise(11, weight=0.1, here=10), promise(12, weight=0.2, here=100)]
    assert numbers([need(90)], promises) == [12]


def test_the_cell_where_least_is_given_back_serves():
    promises = [promise(10, here=500), promise(11, there=100)]
    assert numbers([need(100, HERE, THERE)], promises) == [11]


def test_what_a_split_promise_frees_elsewhere_serves_the_next():
    promises = [promise(10, here=100, there=100), promise(11, there=100)]
    needs = [need(100, HERE, number=1), need(200, THERE, number=2)]
    assert who_gives_way(needs, promises, {}) == {UUID(int=10): UUID(int=1), UUID(int=11): UUID(int=2)}


cells = st.sampled_from([HERE, THERE, LATER])
promised = st.lists(st.tuples(st.floats(0.1, 9), st.dictionaries(cells, st.integers(1, 50), min_size=1)), max_size=8)
wanted = st.lists(st.tuples(st.integers(1, 120), st.booleans(), st.lists(cells, min_size=1, unique=True)), max_size=5)


@given(wanted, promised, st.dictionaries(cells, st.integers(0, 30)))
def test_whoever_gives_way_is_in_a_cell_that_the_named_request_may_use(asked, standing, free):
    needs = [
        Need(request_id=UUID(int=number), tokens=tokens, may_split=split, cells=places)
        for number, (tokens, split, places) in enumerate(asked)
    ]
    promises = [
        Promise(request_id=UUID(int=100 + number), weight=weight, tokens=tokens)
        for number, (weight, tokens) in enumerate(standing)
    ]
    by_id = {each.request_id: each for each in (*needs, *promises)}
    for gone, served in who_gives_way(needs, promises, free).items():
        assert set(by_id[gone].tokens) & set(by_id[served].cells)
