"""One try of one delivery. No database: it may take as long as a receiver lets it."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from budgets.connectors import mail, webhooks
from budgets.connectors.errors import NotDelivered
from budgets.domain.alerts import ChannelKind
from budgets.domain.messages import TEST, Payload, subject_of, text_of
from budgets.models import AlertChannel, AlertDelivery
from budgets.selectors.channels import SEALED_FOR
from config.kernel.sealing import SealBroken, unseal

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """Everything that sending takes."""

    delivery_id: UUID
    channel_id: int
    kind: ChannelKind
    address: str
    sealed_secret: str
    payload: Payload
    fence: int
    attempts: int
    created_at: datetime

    @property
    def is_test(self) -> bool:
        """Whether somebody pressed the test button."""
        return bool(self.payload["type"] == TEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a try; an empty error means that it arrived."""

    began_at: datetime
    duration_ms: int
    status: int | None
    error: str
    retry_after_seconds: float | None = None
    is_gone: bool = False


def parcel_of(delivery: AlertDelivery) -> Parcel:
    """A delivery that was just claimed."""
    channel: AlertChannel = delivery.channel
    return Parcel(
        delivery_id=delivery.pk,
        channel_id=channel.pk,
        kind=ChannelKind(channel.kind),
        address=channel.address,
        sealed_secret=channel.sealed_secret,
        payload=delivery.payload,
        fence=delivery.fence,
        attempts=delivery.attempt_count,
        created_at=delivery.created_at,
    )


def send(parcel: Parcel, *, now: datetime) -> Outcome:
    """Send it; never raises."""
    began = time.monotonic()
    facts: dict[str, Any] = {"status": None, "error": ""}
    try:
        if parcel.kind is ChannelKind.EMAIL:
            _send_mail(parcel)
        else:
            facts["status"] = _send_webhook(parcel, now)
    except NotDelivered as error:
        facts = {
            "status": error.status,
            "error": error.words,
            "retry_after_seconds": error.retry_after_seconds,
            "is_gone": error.is_gone,
        }
    except SealBroken:
        facts["error"] = "the secret cannot be opened with the keys of this deployment: make a new one"
    except Exception as error:
        # A mistake of ours must not keep the others from being sent.
        logger.exception("a delivery could not be sent", extra={"delivery": str(parcel.delivery_id)})
        facts["error"] = f"it could not be sent ({type(error).__name__})"
    return Outcome(began_at=now, duration_ms=int((time.monotonic() - began) * 1000), **facts)


def webhook_rules() -> webhooks.Rules:
    """What this deployment lets webhooks do."""
    return webhooks.Rules(
        must_be_https=settings.ENVIRONMENT.is_production, private_hosts=frozenset(settings.WEBHOOK_PRIVATE_HOSTS)
    )


def _send_webhook(parcel: Parcel, now: datetime) -> int:
    body = json.dumps(parcel.payload, separators=(",", ":"), ensure_ascii=False).encode()
    secret = unseal(parcel.sealed_secret, purpose=SEALED_FOR)
    headers = webhooks.signed_headers(message_id=str(parcel.delivery_id), body=body, secret=secret, at=now)
    return webhooks.send_webhook(parcel.address, body=body, headers=headers, rules=webhook_rules(), now=now)


def _send_mail(parcel: Parcel) -> None:
    mail.send_mail(
        recipients_of(parcel.address),
        subject=subject_of(parcel.payload),
        text=text_of(parcel.payload),
        message_id=str(parcel.delivery_id),
    )


def recipients_of(address: str) -> list[str]:
    """The e-mail addresses of a channel."""
    return [each.strip() for each in address.split(",") if each.strip()]
