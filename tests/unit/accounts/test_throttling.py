"""The rate of one key."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache.backends.locmem import LocMemCache
from rest_framework.test import APIRequestFactory

from accounts.api.throttling import PerKeyThrottle
from accounts.domain.principal import Principal


@pytest.fixture
def throttle():
    throttle = PerKeyThrottle()
    throttle.cache = LocMemCache("throttle-test", {})
    throttle.cache.clear()
    throttle.num_requests, throttle.duration = 10, 60
    throttle.timer = lambda: 600.0
    return throttle


def request_of(actor):
    request = APIRequestFactory().get("/")
    request.auth = Principal(actor=actor, team_id=1)
    return request


def test_the_rate_is_let_through_and_no_more(throttle):
    answers = [throttle.allow_request(request_of("key a"), None) for _ in range(12)]
    assert answers == [True] * 10 + [False] * 2
    assert 0 < throttle.wait() <= 60


def test_one_key_does_not_use_up_the_rate_of_another(throttle):
    for _ in range(10):
        throttle.allow_request(request_of("key a"), None)
    assert throttle.allow_request(request_of("key b"), None)


def test_the_window_slides(throttle):
    for _ in range(10):
        throttle.allow_request(request_of("key a"), None)
    throttle.timer = lambda: 600.0 + 60 + 1
    assert not throttle.allow_request(request_of("key a"), None), "no double burst at the edge of a window"
    throttle.timer = lambda: 600.0 + 60 + 30
    assert [throttle.allow_request(request_of("key a"), None) for _ in range(6)] == [True] * 5 + [False]


def test_what_is_taken_back_was_never_counted(throttle):
    assert throttle.allow_caller("key a", 10)
    throttle.take_back("key a", 3)
    assert [throttle.allow_caller("key a", 1) for _ in range(4)] == [True] * 3 + [False]


def test_parallel_requests_are_all_counted(throttle):
    throttle.num_requests = 50
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: throttle.allow_request(request_of("key a"), None), range(200)))
    assert 0 < sum(answers) <= 50
