"""Where webhooks may go."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from budgets.domain.addresses import host_of, masked, may_reach, problem_of_host, problem_of_url


@pytest.mark.parametrize("text", ["93.184.215.14", "2606:4700::1111", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"])
def test_public_addresses_may_be_reached(text):
    assert may_reach(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "127.8.8.8", "100.64.0.1", "192.0.0.192", "0.1.2.3"),
        *("198.18.0.1", "fd00:ec2::254", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "fec0::1"),
        "64:ff9b::7f00:1",
    ],
)
def test_private_addresses_are_closed_however_they_are_written(text):
    assert not may_reach(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        *("169.254.169.254", "fe80::1", "224.0.0.1", "ff02::1", "0.0.0.0", "::", "255.255.255.255", "168.63.129.16"),
        *("fd00:ec2::254", "100.100.100.200", "64:ff9b:1::7f00:1", "::7f00:1", "::ffff:169.254.169.254"),
    ],
)
def test_metadata_multicast_and_reserved_addresses_are_closed_for_exceptions_too(text):
    assert not may_reach(ip_address(text))
    assert not may_reach(ip_address(text), is_exception=True)


@pytest.mark.parametrize("text", ["127.0.0.1", "10.0.0.1", "::1", "fd12::1", "100.64.0.1"])
def test_an_exception_opens_private_addresses(text):
    assert may_reach(ip_address(text), is_exception=True)


@pytest.mark.parametrize("url", ["https://example.org/hook?key=1", "https://example.org:8443/", "https://[2606::1]/a"])
def test_an_address_with_a_host_is_good(url):
    assert problem_of_url(url, must_be_https=True) == ""


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.org/hook", "ftp://example.org/", "file:///etc/passwd", "https://", "https:///hook"),
        *("https://user:pass@example.org/", "https://user@example.org/", "https://example.org/#part"),
        *("https://example.org:0/", "https://example.org:99999/", "https://[::1/", "https://exa mple.org/"),
        *("https://example.org/\r\nX: y", "https://example.org\\@127.0.0.1/", "https://exämple.org/"),
        f"https://example.org/{'a' * 500}",
    ],
)
def test_anything_else_is_no_address_of_a_webhook(url):
    assert problem_of_url(url, must_be_https=False)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.org/services/T0/key", "https://example.org/…"),
        ("https://example.org:8443/?token=key", "https://example.org:8443/…"),
        ("https://example.org?token=key", "https://example.org/…"),
        ("https://example.org/", "https://example.org/"),
        ("https://[::1/key", "…"),
    ],
)
def test_a_masked_address_ends_with_its_host(url, shown):
    assert masked(url) == shown


def test_http_is_for_ones_own_machine():
    assert problem_of_url("http://example.org/", must_be_https=False) == ""
    assert problem_of_url("http://example.org/", must_be_https=True) == "Begin with https://."


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "::1", "2130706433", "0x7f.1", "127.1", "0177.0.0.1"])
def test_a_private_address_is_refused_as_a_host_before_anything_is_sent(host):
    assert problem_of_host(host, exceptions=frozenset())


@pytest.mark.parametrize("host", ["example.org", "93.184.215.14", "dead.beef", "fab.cafe"])
def test_names_and_public_addresses_pass(host):
    assert problem_of_host(host, exceptions=frozenset()) == ""


def test_an_exception_is_by_name():
    assert problem_of_host("127.0.0.1", exceptions=frozenset({"127.0.0.1"})) == ""
    assert host_of("http://LocalHost:8000/x") == "localhost"
    assert host_of("http://[::1]:80/") == "::1"
