"""What of a state is kept near."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sessions_app.domain.tiers import Part, fits_hot, least_salient_half, salience

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)


def _part(key="/tasks/t1", tokens=10, seq=1, read_minutes=None):
    read_at = None if read_minutes is None else NOW - timedelta(minutes=read_minutes)
    return Part(key=key, bytes=tokens * 4, tokens=tokens, changed_seq=seq, read_at=read_at)


def _worth(part):
    return salience(part, head_seq=100, now=NOW, half_life_minutes=240)


def test_what_is_new_asked_for_or_in_focus_weighs_more():
    old = _worth(_part(seq=1))
    assert old < _worth(_part(seq=90))
    assert old < _worth(_part(seq=1, read_minutes=10))
    assert _worth(_part(read_minutes=500)) < _worth(_part(read_minutes=10))
    assert _worth(_part("/notes", seq=99)) < _worth(_part("/focus", seq=99))


def test_a_clock_that_steps_back_makes_nothing_worth_more_than_three():
    assert _worth(_part("/focus", seq=100, read_minutes=-60)) <= 3


def test_small_is_by_tokens_and_by_bytes():
    assert fits_hot(_part(tokens=200), most_tokens=200, most_bytes=1024)
    assert not fits_hot(_part(tokens=201), most_tokens=200, most_bytes=1024)
    assert not fits_hot(_part(tokens=200), most_tokens=200, most_bytes=799)


def test_the_least_salient_half_of_the_tokens_goes():
    parts = [(_part(f"/k{n}", tokens=10), float(n)) for n in range(5)]
    assert [part.key for part in least_salient_half(reversed(parts))] == ["/k0", "/k1"]
    assert least_salient_half([]) == []
