from __future__ import annotations

import pytest

from config.cache import ForgivingRedisCache


@pytest.fixture
def dead():
    """A cache whose server refuses every connection."""
    return ForgivingRedisCache("redis://127.0.0.1:9", {"OPTIONS": {"socket_connect_timeout": 0.2}})


def test_a_dead_cache_is_an_empty_cache(dead):
    dead.set("a", 1)
    assert dead.get("a", "nothing") == "nothing"
    assert dead.delete("a") is False


def test_counting_with_a_dead_cache_lets_everybody_pass(dead):
    assert dead.add("counter", 0) is True
    assert dead.incr("counter", 1) == 1
