"""Bodies and answers of `/api/v1/sessions/{id}/state/` and `events/`."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.kernel.paging import LARGEST_ID, PageIn
from config.kernel.rest import StrictSerializer
from sessions_app.domain.deltas import MERGE, PATCH
from sessions_app.domain.words import Tier
from sessions_app.selectors.events import MOST_EVENTS

FORMATS = [(MERGE, "RFC 7396"), (PATCH, "RFC 6902")]
TIERS = [each.value for each in Tier]


class PatchIn(StrictSerializer):
    """Body of `PATCH /api/v1/sessions/{id}/state/`."""

    base_seq = serializers.IntegerField(
        min_value=0, max_value=LARGEST_ID, help_text="The newest event that the writer has seen."
    )
    delta = serializers.JSONField(help_text="A merge patch (an object) or a patch (a list of operations).")
    format = serializers.ChoiceField(
        choices=FORMATS, required=False, default=None, help_text="Left out: an object merges, a list patches."
    )
    agent = serializers.CharField(max_length=80, required=False, allow_null=True, default=None)
    epoch = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False, allow_null=True, default=None)
    rebase = serializers.BooleanField(
        required=False, default=False, help_text="Take it also if others wrote meanwhile, but elsewhere in the state."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The format by the delta, where none is told; an epoch is of an agent."""
        expected = PATCH if isinstance(attrs["delta"], list) else MERGE
        attrs["format"] = attrs["format"] or expected
        if not isinstance(attrs["delta"], (dict, list)) or attrs["format"] != expected:
            raise serializers.ValidationError({"delta": "merge takes an object, patch a list of operations."})
        if attrs["epoch"] is not None and attrs["agent"] is None:
            raise serializers.ValidationError({"agent": "Say whose epoch this is."})
        return attrs


class PatchedOut(serializers.Serializer):  # type: ignore[type-arg]
    """What became of a delta."""

    seq = serializers.IntegerField(help_text="Its event: the base of the next delta.")
    was_rebased = serializers.BooleanField(help_text="Others wrote elsewhere in the state since the base.")
    was_replayed = serializers.BooleanField(help_text="It was stored before, under the same key.")


class StateIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of `GET /api/v1/sessions/{id}/state/`."""

    at = serializers.CharField(
        max_length=40, required=False, default=None, help_text="The number of an event, or a time in ISO 8601."
    )
    tier = serializers.CharField(
        max_length=40, required=False, default=None, help_text="Of the newest state: hot, warm or cold; more by commas."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Tiers as a set; they are of the newest state."""
        if attrs["tier"] is None:
            return attrs
        names = set(attrs["tier"].split(","))
        if unknown := sorted(names - set(TIERS)):
            raise serializers.ValidationError({"tier": f"{unknown[0]} is no tier; known are {', '.join(TIERS)}."})
        if attrs["at"] is not None:
            raise serializers.ValidationError({"tier": "Tiers are of the newest state. Leave out `at`."})
        return {**attrs, "tier": frozenset(map(Tier, names))}


class StateOut(serializers.Serializer):  # type: ignore[type-arg]
    """A state and where in the log it stands."""

    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    digest = serializers.CharField(help_text="Of the whole state, also where only some tiers were asked for.")
    state = serializers.DictField()


class EventsIn(PageIn):
    """Query of `GET /api/v1/sessions/{id}/events/`."""

    after = serializers.IntegerField(
        min_value=0,
        max_value=LARGEST_ID,
        required=False,
        default=None,
        help_text="Events after this one, oldest first: to follow the log.",
    )
    kind = serializers.CharField(
        max_length=40, required=False, default=None, help_text="Such as `state.changed`, or `handoff` for all of them."
    )
    agent = serializers.CharField(max_length=80, required=False, default=None)
    deltas = serializers.BooleanField(required=False, default=False, help_text="With what each changed in the state.")
    limit = serializers.IntegerField(min_value=1, max_value=MOST_EVENTS, required=False, default=50)


class EventOut(serializers.Serializer):  # type: ignore[type-arg]
    """A line of the log."""

    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    actor = serializers.CharField()
    agent = serializers.CharField(allow_blank=True)
    epoch = serializers.IntegerField(allow_null=True)
    format = serializers.CharField(allow_blank=True)
    delta = serializers.JSONField(allow_null=True)
    delta_bytes = serializers.IntegerField()
    facts = serializers.DictField()
    tokens = serializers.IntegerField()
    is_archived = serializers.BooleanField()
