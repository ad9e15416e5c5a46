"""The gateway reaches public addresses only, whatever a name or a number stands for."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sessions_app.connectors import guarding
from sessions_app.connectors.guarding import Rules
from sessions_app.connectors.http import close_sessions
from sessions_app.connectors.openai_compatible import OpenAICompatible, call_url
from sessions_app.connectors.registry import provider_of
from sessions_app.domain.gateway.wire import Fault, Target, UpstreamError
from tests.integration.sessions_app.replaying import ask_of, replay

STRICT = Rules(must_be_https=True)
LOOSE = Rules(must_be_https=False)
ANSWER = b'{"choices": [{"message": {"role": "assistant", "content": "in"}, "finish_reason": "stop"}]}'


def _target(url: str) -> Target:
    return Target(deployment_id=1, provider="openai", base_url=url, model="m", connect_seconds=2, first_byte_seconds=2)


async def _fault(url: str, rules: Rules) -> UpstreamError:
    try:
        with pytest.raises(UpstreamError) as raised:
            await OpenAICompatible(rules).chat(_target(url), ask_of(), max_output_tokens=5)
        return raised.value
    finally:
        await close_sessions()


@pytest.fixture
def resolved(monkeypatch):
    """Names stand for what a test says; the list tells what was asked."""
    asked: list[str] = []

    def use(*answers: str) -> list[str]:
        left = list(answers)

        def getaddrinfo(host, port, **_more):
            asked.append(host)
            address = left.pop(0) if len(left) > 1 else left[0]
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

        monkeypatch.setattr(guarding.socket, "getaddrinfo", getaddrinfo)
        return asked

    return use


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "100.100.100.200",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "127.1",
        "017700000001",
    ],
)
@pytest.mark.parametrize("rules", [STRICT, LOOSE], ids=["https", "http"])
def test_numbers_that_stand_for_a_private_address_are_not_called(host, rules, resolved):
    asked = resolved("8.8.8.8")

    fault = asyncio.run(_fault(f"https://{host}", rules))

    assert fault.fault is Fault.BLOCKED
    assert asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "ftp://example.org",
        "file:///etc/passwd",
        "https://",
        "https://user:word@example.org",
        "https://example.org\\@127.0.0.1",
        "https://example.org#@127.0.0.1",
        "https://exa mple.org",
        "https://example.org:0",
        "https://[::1",
    ],
)
def test_an_address_that_is_none_is_not_called(url, resolved):
    asked = resolved("8.8.8.8")

    assert asyncio.run(_fault(url, STRICT)).fault is Fault.BLOCKED
    assert asked == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"])
def test_a_name_that_stands_for_a_private_address_is_not_called(address, resolved):
    async def run() -> None:
        async with replay(ANSWER) as seen:
            resolved(address)
            fault = await _fault(seen.url.replace("127.0.0.1", "inner.example.org"), LOOSE)
            assert fault.fault is Fault.BLOCKED
            assert seen.connections == 0

    asyncio.run(run())


def test_a_name_that_changes_is_asked_once_for_each_connection_and_checked_each_time(resolved):
    rules = Rules(must_be_https=False, private_hosts=frozenset({"inner.example.org"}))

    async def run() -> None:
        async with replay(ANSWER) as seen:
            asked = resolved("127.0.0.1", "169.254.169.254")
            url = seen.url.replace("127.0.0.1", "inner.example.org")
            await OpenAICompatible(rules).chat(_target(url), ask_of(), max_output_tokens=5)
            await close_sessions()
            fault = await _fault(url, rules)
            assert fault.fault is Fault.BLOCKED  # not even an exception may be one of a cloud's secrets
            assert (seen.connections, len(asked)) == (1, 2)

    asyncio.run(run())


def test_one_bad_address_among_good_ones_is_enough(monkeypatch):
    def getaddrinfo(host, port, **_more):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(guarding.socket, "getaddrinfo", getaddrinfo)

    assert asyncio.run(_fault("https://both.example.org", STRICT)).fault is Fault.BLOCKED


def test_a_name_that_nobody_knows_is_no_breach(monkeypatch):
    def getaddrinfo(*_asked, **_more):
        raise socket.gaierror

    monkeypatch.setattr(guarding.socket, "getaddrinfo", getaddrinfo)

    assert asyncio.run(_fault("https://unknown.example.org", STRICT)).fault is Fault.UNAVAILABLE


def test_a_name_that_is_not_answered_is_waited_for_no_longer_than_connecting_may_take(monkeypatch):
    is_over = threading.Event()
    monkeypatch.setattr(guarding.socket, "getaddrinfo", lambda *_asked, **_more: is_over.wait(5) and [])
    target = replace(_target("https://slow.example.org"), connect_seconds=0.1, first_byte_seconds=5)

    async def run() -> None:
        try:
            await OpenAICompatible(STRICT).chat(target, ask_of(), max_output_tokens=5)
        finally:
            await close_sessions()

    began = time.monotonic()
    with pytest.raises(UpstreamError) as raised:
        asyncio.run(run())
    is_over.set()

    assert raised.value.fault is Fault.TIMEOUT
    assert time.monotonic() - began < 2


def test_a_redirect_is_not_followed():
    async def run() -> None:
        async with replay(ANSWER) as inner, replay(b"", status=307, headers=f"Location: {inner.url}\r\n") as outer:
            rules = Rules(must_be_https=True, private_hosts=frozenset({"127.0.0.1"}))
            assert (await _fault(outer.url, rules)).fault is Fault.MALFORMED
            assert (outer.connections, inner.connections) == (1, 0)

    asyncio.run(run())


def test_no_proxy_and_no_netrc_is_used(monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password word")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    async def run() -> None:
        async with replay(ANSWER) as seen, replay(ANSWER) as proxy:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
                monkeypatch.setenv(name, proxy.url)
            rules = Rules(must_be_https=True, private_hosts=frozenset({"127.0.0.1"}))
            await OpenAICompatible(rules).chat(_target(seen.url), ask_of(), max_output_tokens=5)
            assert (seen.connections, proxy.connections) == (1, 0)
            assert "authorization" not in seen.headers[0]

    asyncio.run(run())


def test_a_secret_that_no_header_holds_is_told_without_it():
    async def run() -> UpstreamError:
        rules = Rules(must_be_https=True, private_hosts=frozenset({"127.0.0.1"}))
        async with replay(ANSWER) as seen:
            target = seen.target(secret="two\r\nlines: s3cret")
            with pytest.raises(UpstreamError) as raised:
                await OpenAICompatible(rules).chat(target, ask_of(), max_output_tokens=5)
            assert seen.bodies == []
            return raised.value

    fault = asyncio.run(run())

    assert fault.fault is Fault.REFUSED
    assert "s3cret" not in str(fault)


def test_settings_say_which_private_hosts_are_open(settings):
    settings.UPSTREAM_PRIVATE_HOSTS = []

    async def call(url: str) -> str:
        reply = await provider_of("openai").chat(_target(url), ask_of(), max_output_tokens=5)
        return str(reply.choices[0]["message"]["content"])

    async def run() -> None:
        async with replay(ANSWER) as seen:
            with pytest.raises(UpstreamError) as raised:
                await call(seen.url)
            assert raised.value.fault is Fault.BLOCKED
            settings.UPSTREAM_PRIVATE_HOSTS = ["127.0.0.1"]
            assert await call(seen.url) == "in"

    asyncio.run(run())


def _self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "both.pem").write_bytes(plain + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


def test_a_certificate_that_nobody_vouches_for_gets_no_secret(tmp_path):
    rules = Rules(must_be_https=True, private_hosts=frozenset({"127.0.0.1"}))

    async def run() -> None:
        async with replay(ANSWER, tls=_self_signed(tmp_path)) as seen:
            fault = await _fault(seen.url, rules)
            assert (fault.fault, fault.words) == (Fault.UNAVAILABLE, "The provider's certificate is not good.")
            assert seen.headers == []

    asyncio.run(run())


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://api.example.org", "https://api.example.org/v1/chat"),
        ("https://api.example.org/", "https://api.example.org/v1/chat"),
        ("https://api.example.org:8443", "https://api.example.org:8443/v1/chat"),
        ("https://api.example.org/v1", "https://api.example.org/v1/chat"),
        ("https://api.example.org/openai/v2/", "https://api.example.org/openai/v2/chat"),
    ],
)
def test_a_base_url_without_a_path_gets_the_usual_one(base, url):
    assert call_url(base, "chat", usual_path="/v1") == url
