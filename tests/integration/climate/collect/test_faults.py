"""Every way in which a provider can fail, over a real connection: the source says so, and nothing else changes."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from climate.connectors.http import LIMITS
from climate.models import DataSource
from climate.selectors import get_signal
from climate.services.collect import ask as asking
from tests.integration.climate.collect.toy import NOW, readings, row
from tests.integration.climate.provider import Reply, provider

GOOD = readings(row(1, 300.0), row(0, 310.0))
HTML = b"<!doctype html><html>maintenance</html>"
TOO_SLOW = "the source did not answer in time"
FAULTS = {
    "500": (Reply(status=500), "failing", "the source answered 500", 3),
    "429 without a pause": (Reply(status=429), "failing", "the source answered 429", 3),
    "404": (Reply(status=404, body=b"{}"), "failing", "the source answered 404", 1),
    "400": (Reply(status=400, body=b'{"error": "since"}'), "failing", "the source answered 400", 1),
    "304 to nothing known": (Reply(status=304), "failing", "the source answered 304 though nothing is known of it", 1),
    "HTML with 200": (Reply(body=HTML), "failing", "the answer is not JSON", 1),
    "HTML with 403": (
        Reply(status=403, body=HTML),
        "refused",
        "the source answered 403: it does not let us in",
        1,
    ),
    "401": (Reply(status=401), "refused", "the source answered 401: it does not let us in", 1),
    "nothing": (Reply(body=b""), "failing", "the answer is not JSON", 1),
    "half of the JSON": (Reply(body=b'{"readings": [["2026'), "failing", "the answer is not JSON", 1),
    "less than promised": (
        replace(GOOD, missing=50),
        "failing",
        "the answer broke off",
        3,
    ),
    "null": (Reply(body=b"null"), "failing", "the answer has no readings in it", 1),
    "null inside": (Reply(body=b'{"readings": null}'), "failing", "the answer is not in the promised format", 1),
    "a null value": (readings(row(0, None)), "failing", "the answer is not in the promised format", 1),
    "very deep": (Reply(body=b"[" * 200_000), "failing", "the answer is not JSON", 1),
    "silence": (replace(GOOD, wait_seconds=0.6), "failing", TOO_SLOW, 3),
    "a drip of the body": (replace(GOOD, drip_seconds=0.05), "failing", TOO_SLOW, 3),
    "a drip of the head": (replace(GOOD, drip_seconds=0.05, drip_head=True), "failing", TOO_SLOW, 3),
    "too large": (Reply(body=b" " * 5_000_001), "failing", "the answer is larger than 5000000 bytes", 1),
    "a foreign host": (
        Reply(status=302, headers={"Location": "http://169.254.169.254/latest/?key=1"}),
        "failing",
        "refused to ask 169.254.169.254: it is not a configured host",
        1,
    ),
    "no web address": (
        Reply(status=302, headers={"Location": "file:///etc/passwd"}),
        "failing",
        "refused to follow an address that begins with file:",
        1,
    ),
    "a password in the address": (
        Reply(status=302, headers={"Location": "http://you:me@127.0.0.1:9/"}),
        "failing",
        "refused to follow an address with a password in it",
        1,
    ),
    "a redirect to itself": (
        Reply(status=302, headers={"Location": "/readings"}),
        "failing",
        "more than 3 redirects",
        4,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_marks_the_source_and_changes_nothing_else(toy, fault):
    toy.provider.replies(GOOD)
    toy.collect(NOW - timedelta(hours=2, minutes=20))
    DataSource.objects.create(name="other", title="Another")
    before, others = toy.rows(), list(DataSource.objects.exclude(pk="toy").values())
    toy.provider.asked.clear()
    answer, state, words, requests = FAULTS[fault]
    toy.provider.replies(answer)

    done = toy.collect()

    assert (done.state, done.problems, done.requests) == (state, (words,), requests)
    assert (done.new, done.revised, done.quarantined) == (0, 0, 0)
    source = toy.source
    assert (source.state, source.last_error, source.consecutive_failures) == (state, words, 1)
    assert (source.last_attempt_at, source.last_success_at) == (NOW, NOW - timedelta(hours=2, minutes=20))
    assert toy.rows() == before
    assert list(DataSource.objects.exclude(pk="toy").values()) == others
    assert len(toy.provider.asked) == requests
    assert not toy.state().is_running


def test_a_server_that_is_not_there_marks_the_source(toy):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        toy.configure(url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        done = toy.collect()

    assert (done.state, done.problems) == ("failing", ("the source cannot be reached (ConnectionError)",))
    assert toy.stored() == {}
    assert get_signal("DE", at=NOW, now=NOW).basis != "live"


def test_an_error_that_passes_is_tried_again_after_a_pause_that_doubles(toy, waited):
    toy.provider.replies(Reply(status=500), Reply(status=502), GOOD)

    assert toy.collect().state == "ok"
    assert len(waited) == 2
    assert 0.5 <= waited[0] <= 1.0
    assert 1.0 <= waited[1] <= 1.5


@pytest.mark.parametrize("name", ["404", "HTML with 200", "401", "a foreign host"])
def test_what_another_try_cannot_mend_is_not_tried_again(toy, waited, name):
    toy.provider.replies(FAULTS[name][0])

    toy.collect()

    assert (len(toy.provider.asked), waited) == (1, [])


def test_a_short_pause_that_the_source_asks_for_is_kept(toy, waited):
    toy.provider.replies(Reply(status=429, headers={"Retry-After": "7"}), GOOD)

    assert toy.collect().state == "ok"
    assert waited == [7.0]


def test_asking_ends_when_its_time_is_over(toy, monkeypatch):
    monkeypatch.setattr(asking, "LIMITS", replace(LIMITS, read_seconds=0.3, asking_seconds=0.5))
    toy.connect(zones=("DE", "FR", "PL"))
    monkeypatch.setattr("tenacity.nap.time.sleep", threading.Event().wait)
    toy.provider.replies(Reply(status=500))

    done = toy.collect()

    assert done.state == "failing"
    assert len(toy.provider.asked) < 3


def test_a_redirect_to_an_allowed_host_is_followed_without_the_key(toy, settings):
    with provider() as elsewhere:
        settings.OUTGOING_HOSTS = [elsewhere.host]
        toy.connect(needs=("TOY_KEY",))
        toy.configure(secrets={"TOY_KEY": "hush"})
        toy.provider.replies(Reply(status=307, headers={"Location": f"{elsewhere.url}/moved"}))
        elsewhere.replies(GOOD)

        assert toy.collect().state == "ok"

        assert toy.provider.asked[0].headers["x-key"] == "hush"
        assert elsewhere.asked[0].path == "/moved"
        assert elsewhere.asked[0].params == {}
        assert "hush" not in repr(elsewhere.asked)


def test_a_redirect_on_the_same_host_keeps_the_key(toy):
    toy.connect(needs=("TOY_KEY",))
    toy.configure(secrets={"TOY_KEY": "hush"})
    toy.provider.replies(Reply(status=301, headers={"Location": "/moved"}), GOOD)

    assert toy.collect().state == "ok"
    assert [each.headers["x-key"] for each in toy.provider.asked] == ["hush", "hush"]


@pytest.mark.parametrize("fault", ["HTML with 403", "500", "less than promised", "silence", "a foreign host"])
def test_no_key_is_in_words_logs_or_database(toy, fault, caplog):
    caplog.set_level("DEBUG")
    toy.connect(needs=("TOY_KEY",))
    toy.configure(secrets={"TOY_KEY": "hush-hush"})
    toy.provider.replies(FAULTS[fault][0])

    done = toy.collect()

    said = repr((done, toy.source.__dict__, toy.rows(), [record.__dict__ for record in caplog.records]))
    assert "hush-hush" not in said
