"""Signed webhooks by the Standard Webhooks specification (standardwebhooks.com), to receivers that are not trusted.

No redirect is followed, no proxy used, no password sent, and of the answer only status and headers are read.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
from standardwebhooks import Webhook
from urllib3.exceptions import HTTPError

from budgets.connectors.errors import NotDelivered
from budgets.connectors.sockets import Deadline, GuardedAdapter
from budgets.domain.addresses import problem_of_url

USER_AGENT = "commonwatt/0.1 (webhooks)"
SECRET_BYTES = 32
GONE = 410
TOO_SLOW = "no answer in time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What this deployment lets webhooks do. `private_hosts` are names, in small letters."""

    must_be_https: bool
    private_hosts: frozenset[str] = frozenset()
    connect_seconds: float = 5.0
    total_seconds: float = 15.0


def new_secret() -> str:
    """A signing secret as receivers of Standard Webhooks expect it."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def signed_headers(*, message_id: str, body: bytes, secret: str, at: datetime) -> dict[str, str]:
    """The three headers of the specification."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at.astimezone(UTC), body.decode()),
    }


def send_webhook(url: str, *, body: bytes, headers: Mapping[str, str], rules: Rules, now: datetime) -> int:
    """POST a body of JSON; return the status, one of 2xx. Raises NotDelivered."""
    if problem_of_url(url, must_be_https=rules.must_be_https):
        raise NotDelivered("refused: the address is not one that webhooks may go to")
    with Deadline(rules.total_seconds) as deadline:
        try:
            answer = _post(url, body, headers, rules, deadline)
        except NotDelivered:
            if deadline.is_over:
                raise NotDelivered(TOO_SLOW) from None
            raise
        # The causes are left out: their words hold the address, and an address may hold a key.
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _unanswered(error, deadline) from None
    if deadline.is_over:  # a connection that was shut looks like the end of the headers
        raise NotDelivered(TOO_SLOW)
    return _judged(answer, now)


def _post(url: str, body: bytes, headers: Mapping[str, str], rules: Rules, deadline: Deadline) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False  # neither proxies nor a .netrc
        adapter = GuardedAdapter(
            deadline, exceptions=rules.private_hosts, connect_seconds=min(rules.connect_seconds, rules.total_seconds)
        )
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        own = {"Content-Type": "application/json", "User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        with session.post(
            url,
            data=body,
            headers={**own, **headers},
            timeout=rules.total_seconds,
            allow_redirects=False,
            stream=True,
        ) as answer:
            return answer


def _unanswered(error: Exception, deadline: Deadline) -> NotDelivered:
    if deadline.is_over or isinstance(error, requests.Timeout):
        return NotDelivered(TOO_SLOW)
    if isinstance(error, requests.exceptions.SSLError):
        return NotDelivered("the host's certificate is not good")
    return NotDelivered(f"the connection failed ({type(error).__name__})")


def _judged(answer: requests.Response, now: datetime) -> int:
    status = answer.status_code
    if 200 <= status < 300:
        return status
    words = f"answered {status}"
    if 300 <= status < 400:
        words = f"answered {status}: redirects are not followed"
    elif status == GONE:
        words = "answered 410: it wants no more"
    retry_after = _seconds(answer.headers.get("Retry-After"), now=now)
    raise NotDelivered(words, status=status, retry_after_seconds=retry_after, is_gone=status == GONE)


def _seconds(retry_after: str | None, *, now: datetime) -> float | None:
    """Seconds of a Retry-After header, which may also be a date; None if it says nothing."""
    if not retry_after:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        until = parsedate_to_datetime(retry_after)
        return max(0.0, ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds())
    except (ValueError, OverflowError):  # the latter of an offset that no zone has
        return None
