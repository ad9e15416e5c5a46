"""A request before the gateway: its headers, and the hosts under which it may come."""

import pytest

from config.kernel.errors import InvalidInput
from sessions_app.api.gateway.requests import Request


async def nothing(*_):
    return {}


def request_with(*headers: tuple[bytes, bytes]) -> Request:
    scope = {"type": "http", "scheme": "http", "method": "POST", "path": "/v1/models", "headers": list(headers)}
    return Request(scope=scope, receive=nothing, send=nothing, view="gateway-models")


def test_a_header_that_comes_twice_is_its_values_in_a_row():
    headers = request_with((b"X-One", b"a"), (b"authorization", b"Bearer 1"), (b"Authorization", b"Bearer 2")).headers
    assert headers == {"x-one": "a", "authorization": "Bearer 1, Bearer 2"}


def test_a_host_is_served_as_the_settings_say_also_when_they_change(settings):
    settings.ALLOWED_HOSTS = ["one.example"]
    request_with((b"host", b"one.example:8000")).check_origin()
    for other in (b"two.example", b"one.example.evil", b"one.example/x", b""):
        with pytest.raises(InvalidInput, match="not served under this host"):
            request_with((b"host", other)).check_origin()
    settings.ALLOWED_HOSTS = ["two.example"]
    request_with((b"host", b"two.example")).check_origin()
    with pytest.raises(InvalidInput):
        request_with((b"host", b"one.example:8000")).check_origin()
