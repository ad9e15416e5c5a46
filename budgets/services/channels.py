"""Where alerts go: channels made, changed, tried and removed.

Who may is the door's question: an organisation's administrators all of its channels, a team those of the team.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from budgets.connectors.webhooks import new_secret
from budgets.domain.addresses import host_of, problem_of_host, problem_of_url
from budgets.domain.alerts import AlertKind, ChannelKind, DeliveryFacts, MadeChannel
from budgets.domain.messages import payload_of_test
from budgets.models import AlertChannel, AlertDelivery
from budgets.selectors.channels import SEALED_FOR, get_delivery
from budgets.services.deliveries import LEASE, fail_waiting, note
from budgets.services.sending import parcel_of, recipients_of, send, webhook_rules
from config.kernel.errors import Conflict, InvalidInput, NotFound
from config.kernel.sealing import SealBroken, is_sealed_anew, seal, sealed_anew

CHANGEABLE = ("name", "address", "alert_kinds", "least_percent", "is_active")
TAKEN = "The organisation has a channel of this name."
MOST_RECIPIENTS = 20
MOST_CHANNELS = 20
"""Of a team, or of an organisation for itself: each alert goes to all of them."""
MOST_TESTS = 20
"""Of a channel in an hour: each makes somebody else's server answer, or is a mail in somebody's box."""
LONGEST_NAME_CHARACTERS = 120
LONGEST_ADDRESS_CHARACTERS = 500


@transaction.atomic
def create_channel(
    *,
    name: str,
    organisation_id: int,
    team_id: int | None,
    kind: str,
    address: str,
    alert_kinds: Sequence[str] = (),
    least_percent: int = 0,
    is_active: bool = True,
    actor: str,
    now: datetime,
) -> MadeChannel:
    """Make a channel of an organisation, or of one of its teams; the secret of a webhook is returned this once.

    `kind` is email or webhook; `alert_kinds` empty means all. Raises InvalidInput naming the field, Conflict where
    there are too many.
    """
    if kind not in tuple(ChannelKind):
        raise InvalidInput("A channel is email or webhook.", field="kind")
    secret = new_secret() if kind == ChannelKind.WEBHOOK else None
    channel = AlertChannel(
        name=name,
        organisation_id=organisation_id,
        team_id=team_id,
        kind=kind,
        address=address,
        sealed_secret=seal(secret, purpose=SEALED_FOR) if secret else "",
        alert_kinds=list(alert_kinds),
        least_percent=least_percent,
        is_active=is_active,
        created_at=now,
    )
    check_channel(channel)
    if AlertChannel.objects.filter(organisation=organisation_id, team=team_id).count() >= MOST_CHANNELS:
        raise Conflict(f"There are {MOST_CHANNELS} channels already: change or remove one.", code="too_many_channels")
    _save(channel, actor)
    return MadeChannel(id=channel.pk, secret=secret)


@transaction.atomic
def change_channel(*, channel_id: int, actor: str, now: datetime, reason: str = "", **changes: Any) -> None:
    """Change name, address, alert_kinds, least_percent or is_active.

    What waits for a channel that is switched off has failed. Raises InvalidInput naming the field, NotFound.
    """
    channel = _locked(channel_id)
    for name, value in changes.items():
        if name not in CHANGEABLE:
            raise InvalidInput("This cannot be changed.", field=name)
        setattr(channel, name, list(value) if name == "alert_kinds" else value)
    check_channel(channel)
    _save(channel, reason or actor, update_fields=list(changes))
    if not channel.is_active:
        fail_waiting(channel.pk)


@transaction.atomic
def rotate_secret(*, channel_id: int, actor: str, now: datetime) -> str:
    """Give a webhook another secret and return it, this once. Raises NotFound, Conflict for e-mail."""
    channel = _locked(channel_id)
    if channel.kind != ChannelKind.WEBHOOK:
        raise Conflict("Only webhooks have a secret.", code="no_secret")
    secret = new_secret()
    channel.sealed_secret = seal(secret, purpose=SEALED_FOR)
    _save(channel, f"{actor}: a new secret", update_fields=["sealed_secret"])
    return secret


@transaction.atomic
def remove_channel(*, channel_id: int, actor: str, now: datetime) -> None:
    """Remove a channel with its deliveries; the history keeps what it was. Raises NotFound."""
    channel = _locked(channel_id)
    channel._change_reason = _shortened(actor)  # type: ignore[attr-defined]  # read by simple-history
    channel.delete()


def send_test(*, channel_id: int, actor: str, now: datetime) -> DeliveryFacts:
    """Send a test at once, once, and return what came of it. Raises NotFound, Conflict after many within an hour.

    A webhook takes up to 15 seconds: not to be called inside a transaction.
    """
    channel = AlertChannel.objects.filter(pk=channel_id).first()
    if channel is None:
        raise NotFound("There is no such channel.", field="channel")
    tests = AlertDelivery.objects.filter(channel=channel, alert=None, created_at__gt=now - timedelta(hours=1))
    if tests.count() >= MOST_TESTS:
        raise Conflict(f"{MOST_TESTS} tests an hour are enough: try again later.", code="too_many_tests")
    delivery = AlertDelivery.objects.create(
        channel=channel,
        payload=payload_of_test(channel_name=channel.name, by=actor, at=now, public_url=settings.PUBLIC_URL),
        next_attempt_at=now,
        leased_until=now + LEASE,
        fence=1,
        attempt_count=1,
        created_at=now,
    )
    parcel = parcel_of(delivery)
    note(parcel, send(parcel, now=now), now=now)
    return get_delivery(delivery.pk)


@transaction.atomic
def retry_delivery(*, delivery_id: UUID, actor: str, now: datetime) -> None:
    """Try a delivery that is waiting or has failed again at once; after its 24 hours once more only.

    Who wanted it is kept with the delivery. Raises NotFound, Conflict if it arrived or its channel is off.
    """
    delivery = AlertDelivery.objects.select_for_update(of=("self",)).select_related("channel").filter(pk=delivery_id)
    found = delivery.first()
    if found is None:
        raise NotFound("There is no such delivery.", field="delivery")
    if found.status == AlertDelivery.Status.DELIVERED:
        raise Conflict("It has arrived.", code="delivered")
    if not found.channel.is_active:
        raise Conflict("Its channel is switched off.", code="channel_off")
    delivery.update(status=AlertDelivery.Status.WAITING, next_attempt_at=now, retried_by=actor[:120])


def renew_seals() -> int:
    """Seal every secret with the present SECRET_KEY, so that an earlier one may go; return how many were renewed."""
    renewed = 0
    for channel in AlertChannel.objects.exclude(sealed_secret=""):
        sealed = channel.sealed_secret
        if is_sealed_anew(sealed, purpose=SEALED_FOR):
            continue
        try:
            anew = sealed_anew(sealed, purpose=SEALED_FOR)
        except SealBroken:  # shown as the channel's state
            continue
        # Unless somebody has made a new secret since. What is secret does not change, so there is no history.
        renewed += AlertChannel.objects.filter(pk=channel.pk, sealed_secret=sealed).update(sealed_secret=anew)
    return renewed


# --- what a channel may be ----------------------------------------------------------------------


def check_channel(channel: AlertChannel) -> None:
    """Tidy what somebody filled in; raise InvalidInput naming the field at fault. Nothing is stored."""
    channel.name = " ".join(channel.name.split())
    if not 0 < len(channel.name) <= LONGEST_NAME_CHARACTERS:
        raise InvalidInput(f"A name has 1 to {LONGEST_NAME_CHARACTERS} characters.", field="name")
    if unknown := sorted(set(map(str, channel.alert_kinds)) - set(AlertKind)):
        raise InvalidInput(f"There is no kind of alert {unknown[0][:40]}.", field="alert_kinds")
    if not 0 <= channel.least_percent <= 100:
        raise InvalidInput("Between 0 and 100.", field="least_percent")
    if channel.kind == ChannelKind.WEBHOOK:
        _check_url(channel)
    else:
        _check_recipients(channel)
    if channel.team is not None and channel.team.organisation_id != channel.organisation_id:
        raise InvalidInput("This team belongs to another organisation.", field="team")
    same = AlertChannel.objects.filter(organisation=channel.organisation_id, name=channel.name)
    if same.exclude(pk=channel.pk).exists():
        raise InvalidInput(TAKEN, field="name")


def _check_url(channel: AlertChannel) -> None:
    channel.address = channel.address.strip()
    rules = webhook_rules()
    problem = problem_of_url(channel.address, must_be_https=rules.must_be_https) or problem_of_host(
        host_of(channel.address), exceptions=rules.private_hosts
    )
    if problem:
        raise InvalidInput(problem, field="address")


def _check_recipients(channel: AlertChannel) -> None:
    recipients = recipients_of(channel.address)
    channel.address = ", ".join(recipients)
    if not 0 < len(recipients) <= MOST_RECIPIENTS or len(channel.address) > LONGEST_ADDRESS_CHARACTERS:
        raise InvalidInput(f"1 to {MOST_RECIPIENTS} e-mail addresses, separated by commas.", field="address")
    for each in recipients:
        try:
            validate_email(each)
        except ValidationError:
            raise InvalidInput(f"{each[:80]} is no e-mail address.", field="address") from None


def _save(channel: AlertChannel, why: str, **how: Any) -> None:
    """Save with the reason in the history; a key is no person that the history could name."""
    channel._change_reason = _shortened(why)  # type: ignore[attr-defined]  # read by simple-history
    try:
        with transaction.atomic():
            channel.save(**how)
    except IntegrityError as error:
        raise InvalidInput(TAKEN, field="name") from error  # somebody was quicker


def _shortened(why: str) -> str:
    return why[:100]  # the column of django-simple-history


def _locked(channel_id: int) -> AlertChannel:
    channel = AlertChannel.objects.select_for_update().filter(pk=channel_id).first()
    if channel is None:
        raise NotFound("There is no such channel.", field="channel")
    return channel
