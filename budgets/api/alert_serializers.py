"""What comes in and goes out of the doors of alerts and their channels."""

from __future__ import annotations

from rest_framework import serializers

from budgets.api.bodies import UNITS
from budgets.api.fields import AmountField, WholeField
from budgets.domain.alerts import AlertKind, ChannelKind, ChannelState, DeliveryStatus
from config.kernel.rest import StrictSerializer

ALERT_KINDS = [kind.value for kind in AlertKind]
CHANNEL_KINDS = [kind.value for kind in ChannelKind]
CHANNEL_STATES = [state.value for state in ChannelState]
DELIVERY_STATUSES = [status.value for status in DeliveryStatus]


class AlertsQuery(StrictSerializer):
    """Query of alerts."""

    budget = serializers.UUIDField(required=False, default=None)
    since = serializers.DateTimeField(required=False, default=None)


class ChannelChangeIn(StrictSerializer):
    """Body of `PATCH /api/v1/budgets/channels/{id}/`."""

    name = serializers.CharField(max_length=120, required=False)
    address = serializers.CharField(max_length=500, required=False)
    alert_kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=ALERT_KINDS), required=False, max_length=len(ALERT_KINDS)
    )
    least_percent = WholeField(min_value=0, max_value=100, required=False)
    is_active = serializers.BooleanField(required=False)


class ChannelIn(ChannelChangeIn):
    """Body of `POST /api/v1/budgets/channels/`."""

    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(choices=CHANNEL_KINDS)
    address = serializers.CharField(max_length=500, help_text="A URL, or e-mail addresses with commas.")


class BudgetAlertOut(serializers.Serializer):  # type: ignore[type-arg]
    """An alert with the figures of the moment in which it was recorded."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=ALERT_KINDS)
    at = serializers.DateTimeField()
    budget = serializers.UUIDField(source="budget_id")
    budget_name = serializers.CharField()
    unit = serializers.ChoiceField(choices=UNITS)
    period_starts_at = serializers.DateTimeField()
    resets_at = serializers.DateTimeField(allow_null=True)
    percent = serializers.IntegerField(allow_null=True)
    amount = AmountField(allow_null=True)
    limit = AmountField(allow_null=True)
    spent = AmountField(allow_null=True)
    reserved = AmountField(allow_null=True)
    runs_out_at = serializers.DateTimeField(allow_null=True)
    hold = serializers.UUIDField(source="hold_id", allow_null=True)
    notice = serializers.CharField(help_text="What a notice says; empty for other kinds.")
    waiting = serializers.IntegerField(help_text="Deliveries on their way.")
    delivered = serializers.IntegerField()
    failed = serializers.IntegerField()


class ChannelOut(serializers.Serializer):  # type: ignore[type-arg]
    """A channel, without its secret."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=CHANNEL_KINDS)
    address = serializers.CharField(help_text="Of a webhook up to its host, for those who may not change the channel.")
    alert_kinds = serializers.ListField(child=serializers.ChoiceField(choices=ALERT_KINDS))
    least_percent = serializers.IntegerField()
    is_active = serializers.BooleanField()
    state = serializers.ChoiceField(choices=CHANNEL_STATES)
    created_at = serializers.DateTimeField()
    waiting = serializers.IntegerField()
    failed = serializers.IntegerField()
    last_delivered_at = serializers.DateTimeField(allow_null=True)


class MadeChannelOut(ChannelOut):
    """A channel just made; `secret` is what its webhooks are signed with, and is shown this once."""

    secret = serializers.CharField(allow_null=True)


class SecretOut(serializers.Serializer):  # type: ignore[type-arg]
    """What the webhooks of a channel are signed with, shown this once."""

    secret = serializers.CharField()


class AttemptOut(serializers.Serializer):  # type: ignore[type-arg]
    """One try of a delivery."""

    at = serializers.DateTimeField()
    duration_ms = serializers.IntegerField()
    status_code = serializers.IntegerField(allow_null=True)
    error = serializers.CharField()


class DeliveryOut(serializers.Serializer):  # type: ignore[type-arg]
    """One alert, or a test, on its way to a channel."""

    id = serializers.UUIDField(help_text="The webhook-id.")
    alert = serializers.IntegerField(source="alert_id", allow_null=True)
    status = serializers.ChoiceField(choices=DELIVERY_STATUSES)
    attempt_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    attempts = AttemptOut(many=True)
