"""Cleanup, archives and tiers as the API takes and answers them. All sizes are tokens unless they say bytes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.kernel.paging import PageIn
from config.kernel.rest import StrictSerializer
from sessions_app.domain.cleanup import Action
from sessions_app.domain.terms import STRATEGIES
from sessions_app.domain.words import Component, Tier
from sessions_app.models import Archive
from sessions_app.services.cleanup.cleaning import CleanupAsk

MOST_TOKENS = 2**31 - 1
MOST_KEYS = 100


class ComingTaskIn(StrictSerializer):
    """A task that is about to begin."""

    files = serializers.IntegerField(min_value=0, max_value=100_000, required=False, default=0)
    agents = serializers.IntegerField(min_value=0, max_value=1_000, required=False, default=0)
    minutes = serializers.IntegerField(min_value=0, max_value=100_000, required=False, default=0)


class CleanupIn(StrictSerializer):
    """Body of `POST /api/v1/sessions/{id}/cleanup/`. Without a target whatever is due is done."""

    agent = serializers.CharField(
        max_length=80, required=False, allow_null=True, default=None, help_text="By default all active ones."
    )
    epoch = serializers.IntegerField(min_value=1, max_value=MOST_TOKENS, required=False, allow_null=True, default=None)
    target_tokens = serializers.IntegerField(
        min_value=0,
        max_value=MOST_TOKENS,
        required=False,
        allow_null=True,
        default=None,
        help_text="What the window, or the component, should hold afterwards.",
    )
    component = serializers.ChoiceField(
        choices=[each.value for each in Component], required=False, allow_null=True, default=None
    )
    task = ComingTaskIn(
        required=False, allow_null=True, default=None, help_text="Make room for what this is likely to need."
    )
    dry_run = serializers.BooleanField(required=False, default=False, help_text="Say what would be done, do nothing.")

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        """An epoch is one of an agent; a target is of one window."""
        if values["epoch"] is not None and values["agent"] is None:
            raise serializers.ValidationError({"agent": "Say whose epoch this is."})
        if values["target_tokens"] is not None and values["task"] is not None:
            raise serializers.ValidationError({"task": "Send a target or a task, not both."})
        return values


class CleanupStepOut(serializers.Serializer):  # type: ignore[type-arg]
    """One step: what left the window, what stays of it (`text`, where that is new), and where the rest is."""

    strategy = serializers.ChoiceField(choices=STRATEGIES)
    action = serializers.ChoiceField(choices=[each.value for each in Action])
    keys = serializers.ListField(child=serializers.CharField(), help_text="Of the items that it was done to.")
    tokens_before = serializers.IntegerField()
    tokens_after = serializers.IntegerField()
    freed_tokens = serializers.IntegerField()
    text = serializers.CharField(help_text="What takes the place of the items; empty: nothing does.")
    kept = serializers.CharField(help_text="What is kept, in words.")
    archives = serializers.ListField(
        child=serializers.IntegerField(), help_text="POST to `archives/{id}/restore/` to get it back."
    )


class CleanedOut(serializers.Serializer):  # type: ignore[type-arg]
    """What was done to the window of an agent."""

    agent = serializers.CharField()
    epoch = serializers.IntegerField()
    tokens_before = serializers.IntegerField()
    tokens_after = serializers.IntegerField()
    freed_tokens = serializers.IntegerField()
    missing_tokens = serializers.IntegerField(help_text="Asked for, and not freed.")
    seq = serializers.IntegerField(allow_null=True, help_text="The event that tells it; null if nothing was done.")
    steps = CleanupStepOut(many=True)


class CleanupOut(serializers.Serializer):  # type: ignore[type-arg]
    """What a cleanup did, or would do."""

    dry_run = serializers.BooleanField()
    freed_tokens = serializers.IntegerField()
    results = CleanedOut(many=True)


class ArchivesIn(PageIn):
    """Query of `GET /api/v1/sessions/{id}/archives/`."""

    q = serializers.CharField(
        max_length=200,
        required=False,
        default="",
        help_text='Words that all must be there; "a phrase"; -words that must not.',
    )
    kind = serializers.ChoiceField(choices=Archive.Kind.choices, required=False, default=None)
    agent = serializers.CharField(max_length=80, required=False, default=None)


class ArchiveOut(serializers.Serializer):  # type: ignore[type-arg]
    """What left the log, a window or a tier."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=Archive.Kind.choices)
    title = serializers.CharField()
    agent = serializers.CharField()
    seq_from = serializers.IntegerField()
    seq_to = serializers.IntegerField()
    tokens = serializers.IntegerField()
    strategy = serializers.CharField()
    sha256 = serializers.CharField(help_text="Of the body, in hex.")
    made_at = serializers.DateTimeField()
    verified_at = serializers.DateTimeField(help_text="When it was read back and agreed with its hash.")
    restored_at = serializers.DateTimeField(allow_null=True)
    snippet = serializers.CharField()


class ArchiveDetailOut(ArchiveOut):
    """An archive with its body, checked against its hash."""

    body = serializers.CharField()


class RestoredOut(serializers.Serializer):  # type: ignore[type-arg]
    """What came back: an item into a window, or a part of the state into the warm tier."""

    archive = serializers.IntegerField()
    key = serializers.CharField()
    to = serializers.ChoiceField(choices=["window", "state"])
    agent = serializers.CharField()
    item = serializers.IntegerField(allow_null=True)
    tokens = serializers.IntegerField()
    text = serializers.CharField(help_text="Whole; empty where only the locator is known.")
    locator = serializers.CharField()
    tier = serializers.CharField(help_text="Of a part of the state.")


class TiersIn(PageIn):
    """Query of `GET /api/v1/sessions/{id}/tiers/`."""

    tier = serializers.ChoiceField(choices=[each.value for each in Tier], required=False, default=None)


class TierOut(serializers.Serializer):  # type: ignore[type-arg]
    """Where an item of the state is kept."""

    key = serializers.CharField(help_text="Its JSON pointer.")
    tier = serializers.ChoiceField(choices=[each.value for each in Tier])
    bytes = serializers.IntegerField()
    salience = serializers.FloatField(help_text="When items were last weighed, 0 to 3.")
    changed_seq = serializers.IntegerField()
    read_at = serializers.DateTimeField(allow_null=True)


class LoadIn(StrictSerializer):
    """Body of `POST /api/v1/sessions/{id}/tiers/load/`."""

    keys = serializers.ListField(
        child=serializers.CharField(max_length=400), min_length=1, max_length=MOST_KEYS, help_text="JSON pointers."
    )


class LoadedOut(serializers.Serializer):  # type: ignore[type-arg]
    """An item as it was read."""

    key = serializers.CharField()
    tier = serializers.ChoiceField(choices=[each.value for each in Tier], help_text="Where it is from now on.")
    value = serializers.JSONField()


class LoadedListOut(serializers.Serializer):  # type: ignore[type-arg]
    """Items in the order in which they were asked for."""

    results = LoadedOut(many=True)


def ask_of(values: dict[str, Any]) -> CleanupAsk:
    """A cleanup as services take it."""
    return CleanupAsk(
        agent=values["agent"],
        epoch=values["epoch"],
        target_tokens=values["target_tokens"],
        component=Component(values["component"]) if values["component"] else None,
        task=values["task"],
        is_dry_run=values["dry_run"],
    )
