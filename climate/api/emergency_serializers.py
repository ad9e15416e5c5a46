"""Alerts and emergencies as they go out, and what people send about them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from climate.domain.alerts import AlertLevel, DisasterKind, EmergencyState
from climate.domain.places import EmergencyChange, EmergencyFacts
from config.kernel.rest import StrictSerializer

LONGEST_REASON_CHARACTERS = 2000
KINDS = [(each.value, each.value) for each in DisasterKind]
LEVELS = [(each.value, each.value) for each in AlertLevel]
STATES = [(each.value, each.value) for each in EmergencyState]


class AlertOut(serializers.Serializer):  # type: ignore[type-arg]
    """A disaster event of a feed, as its newest version says it."""

    id = serializers.IntegerField()
    source = serializers.CharField()  # type: ignore[assignment]
    external_id = serializers.CharField(help_text="The feed's own name of the event.")
    kind = serializers.ChoiceField(choices=KINDS)
    level = serializers.ChoiceField(choices=LEVELS)
    title = serializers.CharField()
    countries = serializers.ListField(child=serializers.CharField(), source="country_codes")
    unknown_places = serializers.ListField(
        child=serializers.CharField(), help_text="Countries as the feed wrote them that are not known."
    )
    severity_text = serializers.CharField(help_text="In the feed's words.")
    glide = serializers.CharField(help_text="The event's number among relief agencies.")
    url = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True, help_text="As far as the feed foresees or observed.")
    is_current = serializers.BooleanField()
    version_at = serializers.DateTimeField(help_text="When the feed changed it last.")
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField(help_text="When the feed listed it last.")
    emergency = serializers.IntegerField(source="emergency_id", allow_null=True, help_text="What became of it last.")
    emergency_state = serializers.ChoiceField(choices=STATES, allow_null=True)


class EmergencyOut(serializers.Serializer):  # type: ignore[type-arg]
    """An emergency. Only an active one that is no drill changes decisions."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=KINDS)
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES)
    is_drill = serializers.BooleanField()
    countries = serializers.ListField(child=serializers.CharField(), source="country_codes")
    purposes = serializers.ListField(child=serializers.CharField())
    multiplier = serializers.FloatField(help_text="Of the weight of these purposes from these countries.")
    reason = serializers.CharField(help_text="Why it is in this state.")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)
    declared_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True, help_text="When its state was decided.")
    decided_by = serializers.SerializerMethodField()
    is_kept_by_person = serializers.BooleanField(help_text="The feed no longer changes it.")
    alert = serializers.IntegerField(source="alert_id", allow_null=True)
    alert_level = serializers.ChoiceField(
        choices=LEVELS, allow_blank=True, help_text="Of its alert when the state was decided."
    )
    policy_version = serializers.IntegerField(allow_null=True, help_text="Of the policy that declared or proposed it.")

    def get_decided_by(self, emergency: EmergencyFacts) -> str:
        """`policy` or `person`; who it was is in the audit log of the administration."""
        return "person" if emergency.decided_by or emergency.alert_id is None else "policy"


class EmergencyChangeOut(serializers.Serializer):  # type: ignore[type-arg]
    """The emergency after one change."""

    at = serializers.DateTimeField()
    change = serializers.CharField(help_text="What was done, shortened.")
    state = serializers.ChoiceField(choices=STATES)
    reason = serializers.CharField()
    by = serializers.SerializerMethodField()
    countries = serializers.ListField(child=serializers.CharField(), source="country_codes")
    multiplier = serializers.FloatField()
    ends_at = serializers.DateTimeField(allow_null=True)
    alert_level = serializers.ChoiceField(choices=LEVELS, allow_blank=True)

    def get_by(self, change: EmergencyChange) -> str:
        """Whose decision stood: `policy` or `person`."""
        return "person" if change.by else "policy"


class EmergencyDetailOut(EmergencyOut):
    """An emergency with its history, newest change first."""

    history = EmergencyChangeOut(many=True)

    def to_representation(self, instance: Any) -> Any:
        """The emergency's own fields, and the changes beside them."""
        fields = EmergencyOut(instance["emergency"]).data
        return {**fields, "history": EmergencyChangeOut(instance["history"], many=True).data}


class NumberField(serializers.FloatField):
    """A number. Python takes `true` for 1 and reads texts as numbers: nobody means either."""

    def to_internal_value(self, data: Any) -> float:
        """The number, or an error."""
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        return super().to_internal_value(data)


class EmergencyIn(StrictSerializer):
    """An emergency that a person declares, or a drill."""

    kind = serializers.ChoiceField(choices=KINDS)
    title = serializers.CharField(max_length=300)
    countries = serializers.ListField(
        child=serializers.RegexField(r"^[A-Z]{2}$"),
        source="country_codes",
        allow_empty=False,
        max_length=300,
        help_text="ISO 3166-1 alpha-2.",
    )
    purposes = serializers.ListField(child=serializers.CharField(max_length=60), allow_empty=False, max_length=100)
    multiplier = NumberField(min_value=1, max_value=100)
    reason = serializers.CharField(max_length=LONGEST_REASON_CHARACTERS)
    starts_at = serializers.DateTimeField(required=False, help_text="Default: now.")
    ends_at = serializers.DateTimeField(
        required=False, help_text="Without it, it lasts until it is lifted. A drill needs one."
    )
    is_drill = serializers.BooleanField(default=False, help_text="An exercise: shown as one, changes no decision.")


class ReasonIn(StrictSerializer):
    """Why."""

    reason = serializers.CharField(max_length=LONGEST_REASON_CHARACTERS)


class ConfirmIn(ReasonIn):
    """Why, and whether it outlives its event."""

    keep = serializers.BooleanField(default=False, help_text="It lasts until a person lifts it.")
