"""What leaves this deployment as a webhook, where it may go, and how long a receiver may take."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook, WebhookVerificationError

from budgets.connectors import sockets
from budgets.connectors.errors import NotDelivered
from budgets.connectors.webhooks import Rules, new_secret, send_webhook, signed_headers
from tests.integration.budgets.receiver import receiving, status

BODY = json.dumps({"type": "test", "data": {"name": "Überschwemmung"}}, ensure_ascii=False).encode()
OPEN = Rules(must_be_https=False, private_hosts=frozenset({"127.0.0.1", "hooks.example.test"}), total_seconds=5.0)
CLOSED = Rules(must_be_https=False)
HASTY = Rules(must_be_https=False, private_hosts=frozenset({"127.0.0.1"}), total_seconds=0.3)


def send(url: str, rules: Rules = OPEN, headers: dict[str, str] | None = None) -> int:
    return send_webhook(url, body=BODY, headers=headers or {}, rules=rules, now=datetime.now(UTC))


def names_resolve_to(monkeypatch, *answers: str) -> list[str]:
    """The DNS gives these answers, one after the other; the last one for ever. Returns the names that were asked."""
    asked: list[str] = []

    def getaddrinfo(host, port, *_args, **_kwargs):
        asked.append(host)
        address = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(sockets, "socket", SimpleNamespace(**{**vars(socket), "getaddrinfo": getaddrinfo}))
    return asked


@pytest.fixture
def certificate(tmp_path):
    """A key and a certificate for hooks.example.test that nobody vouches for, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example.test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path = tmp_path / "both.pem"
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + signed.public_bytes(pem))
    return path


def test_the_signature_is_what_the_specification_says():
    secret = new_secret()
    with receiving() as receiver:
        headers = signed_headers(message_id="msg_1", body=BODY, secret=secret, at=datetime.now(UTC))
        assert send(receiver.url, headers=headers) == 204
    (came,) = receiver.received

    assert Webhook(secret).verify(came.body, came.headers)["data"] == {"name": "Überschwemmung"}
    assert came.headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(came.body, came.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(came.body.replace(b"test", b"tost"), came.headers)


@pytest.mark.parametrize("code", [400, 401, 404, 500, 503])
def test_anything_but_success_is_told_with_its_status(code):
    with receiving(status(code)) as receiver, pytest.raises(NotDelivered, match=str(code)) as failed:
        send(receiver.url)

    assert failed.value.status == code


def test_a_receiver_may_say_how_long_to_wait_and_that_it_wants_no_more():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    with receiving(status(429, Retry_After="120")) as receiver:
        with pytest.raises(NotDelivered) as busy:
            send(receiver.url)
        receiver.answer = status(503, Retry_After=later)
        with pytest.raises(NotDelivered) as down:
            send(receiver.url)
        receiver.answer = status(503, Retry_After="soon")
        with pytest.raises(NotDelivered) as vague:
            send(receiver.url)
        receiver.answer = status(410)
        with pytest.raises(NotDelivered) as gone:
            send(receiver.url)

    assert busy.value.retry_after_seconds == 120
    assert 80 < down.value.retry_after_seconds <= 90
    assert vague.value.retry_after_seconds is None
    assert gone.value.is_gone
    assert not busy.value.is_gone


def test_no_redirect_is_followed():
    with receiving() as inside, receiving(status(307, Location=inside.url)) as receiver:
        with pytest.raises(NotDelivered, match="redirects are not followed"):
            send(receiver.url)

        assert len(receiver.received) == 1
        assert inside.received == []


def test_a_receiver_that_hangs_is_left_in_time():
    with receiving(lambda *_: receiver.released.wait(10)) as receiver:
        began = time.monotonic()
        with pytest.raises(NotDelivered, match="no answer in time"):
            send(receiver.url, HASTY)

        assert time.monotonic() - began < 3


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_a_receiver_that_drips_is_left_in_time(beginning):
    """Each byte begins the time-out of the socket anew; a connection that was shut looks like the end of headers."""

    def drip(handler, _received):
        handler.wfile.write(beginning)
        while not receiver.released.wait(0.02):
            handler.wfile.write(b"x")

    with receiving(drip) as receiver:
        began = time.monotonic()
        with pytest.raises(NotDelivered, match="no answer in time"):
            send(receiver.url, HASTY)

        assert time.monotonic() - began < 3


def test_an_endless_body_is_not_read():
    def endless(handler, _received):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not receiver.released.is_set():
            handler.wfile.write(b"x" * 65536)

    with receiving(endless) as receiver:
        assert send(receiver.url) == 200


def test_a_name_that_is_not_resolved_in_time_holds_up_nobody(monkeypatch):
    slow = {**vars(socket), "getaddrinfo": lambda *_args, **_kwargs: time.sleep(1) or []}
    monkeypatch.setattr(sockets, "socket", SimpleNamespace(**slow))

    with pytest.raises(NotDelivered, match=r"no answer in time|not resolved in time"):
        send("http://hooks.example.test/", HASTY)


def test_a_private_address_is_not_connected_to():
    with receiving() as receiver:
        with pytest.raises(NotDelivered, match="private or reserved"):
            send(receiver.url, CLOSED)
        with pytest.raises(NotDelivered, match="private or reserved"):
            send(receiver.url.replace("127.0.0.1", "2130706433"), CLOSED)

        assert receiver.received == []


@pytest.mark.parametrize("url", ["http://user:pass@127.0.0.1/", "ftp://127.0.0.1/", "http://127.0.0.1\\@example.org/"])
def test_an_address_that_cannot_be_meant_is_refused(url):
    with pytest.raises(NotDelivered, match="not one that webhooks may go to"):
        send(url)


def test_production_sends_over_tls_only():
    with receiving() as receiver, pytest.raises(NotDelivered):
        send(receiver.url, Rules(must_be_https=True, private_hosts=OPEN.private_hosts))

    assert receiver.received == []


def test_a_name_that_answers_otherwise_the_second_time_is_asked_once(monkeypatch):
    """DNS rebinding: public when it is checked, this machine when it is connected to."""
    with receiving() as receiver:
        asked = names_resolve_to(monkeypatch, "203.0.113.9", "127.0.0.1")
        monkeypatch.setattr(sockets, "may_reach", lambda address, is_exception: str(address) == "203.0.113.9")
        tried: list[str] = []

        def connect(address, *_args, **_kwargs):
            tried.append(address[0])
            raise ConnectionRefusedError

        monkeypatch.setattr(sockets, "create_connection", connect)
        with pytest.raises(NotDelivered, match="cannot be reached"):
            send(f"http://rebinding.example.test:{receiver.port}/", CLOSED)

        assert (asked, tried, receiver.received) == (["rebinding.example.test"], ["203.0.113.9"], [])


def test_a_public_name_for_a_private_address_is_refused(monkeypatch):
    with receiving() as receiver:
        names_resolve_to(monkeypatch, "127.0.0.1")
        with pytest.raises(NotDelivered, match="private or reserved"):
            send(f"http://localtest.example.test:{receiver.port}/", CLOSED)

        assert receiver.received == []


def test_the_name_stays_in_the_host_header_though_an_address_is_connected_to(monkeypatch):
    with receiving() as receiver:
        names_resolve_to(monkeypatch, "127.0.0.1")
        send(f"http://hooks.example.test:{receiver.port}/x?y=1")

        assert receiver.received[0].headers["host"] == f"hooks.example.test:{receiver.port}"
        assert receiver.received[0].path == "/x?y=1"


def test_the_name_stays_in_tls_and_the_certificate_is_checked(monkeypatch, certificate):
    named: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, name, _context: named.append(name)
    with receiving() as receiver:
        receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)
        names_resolve_to(monkeypatch, "127.0.0.1")
        with pytest.raises(NotDelivered, match="certificate is not good"):
            send(f"https://hooks.example.test:{receiver.port}/")

        assert named == ["hooks.example.test"]
        assert receiver.received == []


def test_no_proxy_of_the_environment_is_used(monkeypatch):
    with receiving() as receiver, receiving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        send(receiver.url)

        assert (len(receiver.received), len(proxy.received)) == (1, 0)


def test_neither_address_nor_secret_is_in_words_or_logs(caplog):
    caplog.set_level(logging.DEBUG)
    with receiving(status(500)) as receiver, pytest.raises(NotDelivered) as failed:
        send(f"{receiver.url}?key=hunter2", headers={"webhook-signature": "v1,hunter3"})
    with pytest.raises(NotDelivered) as refused:
        send("http://127.0.0.1:9/?key=hunter2")

    assert "hunter" not in f"{failed.value}{refused.value}"
    assert "hunter" not in caplog.text
