"""Answers about windows and use. Tokens are whole numbers, occupancy is in percent of the window."""

from __future__ import annotations

from rest_framework import serializers

from sessions_app.api.usage_serializers import ITEM_STATUSES, RUNGS, VERDICTS


class ComponentOut(serializers.Serializer):  # type: ignore[type-arg]
    """A part of a window."""

    component = serializers.CharField()
    tokens = serializers.IntegerField()
    most_tokens = serializers.IntegerField(help_text="Its share of the window less the room for the output.")
    itemised_tokens = serializers.IntegerField()
    predicted_tokens = serializers.IntegerField(help_text="What the task is expected to need.")


class SessionWindowOut(serializers.Serializer):  # type: ignore[type-arg]
    """The window of an active agent."""

    agent = serializers.CharField()
    epoch = serializers.IntegerField()
    role = serializers.CharField()
    model = serializers.CharField()
    window_tokens = serializers.IntegerField()
    max_output_tokens = serializers.IntegerField()
    context_tokens = serializers.IntegerField()
    occupancy_percent = serializers.FloatField(help_text="Context and the next output, of the window.")
    rungs = serializers.ListField(child=serializers.CharField(), help_text="That fired and are not armed again.")
    admits_new = serializers.BooleanField()
    room_tokens = serializers.IntegerField(help_text="Can be added before it admits nothing new.")
    floor_tokens = serializers.IntegerField(help_text="No cleanup can free these: pinned, or in no item.")
    missing_tokens = serializers.IntegerField(help_text="What it lacks of the predicted need.")
    items = serializers.IntegerField()
    components = ComponentOut(many=True)
    open_holds = serializers.IntegerField()
    held_tokens = serializers.IntegerField()
    last_seen_at = serializers.DateTimeField(allow_null=True)


class NeedOut(serializers.Serializer):  # type: ignore[type-arg]
    """What the task of a session is expected to need of a window."""

    points = serializers.IntegerField(help_text="By its files, agents and minutes.")
    size = serializers.ChoiceField(choices=["simple", "moderate", "complex"])
    tokens = serializers.DictField(child=serializers.IntegerField())
    total_tokens = serializers.IntegerField()


class WindowsOut(serializers.Serializer):  # type: ignore[type-arg]
    """All windows of a session."""

    seq = serializers.IntegerField()
    need = NeedOut()
    windows = SessionWindowOut(many=True)


class UsageOut(serializers.Serializer):  # type: ignore[type-arg]
    """One call as it was counted."""

    id = serializers.IntegerField()
    call_id = serializers.CharField()
    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    agent = serializers.CharField(source="instance.agent")
    epoch = serializers.IntegerField(source="instance.epoch")
    operation = serializers.CharField()
    subject = serializers.CharField()
    component = serializers.CharField()
    input_tokens = serializers.IntegerField()
    cached_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    context_tokens = serializers.IntegerField()
    estimated_tokens = serializers.IntegerField(allow_null=True)
    is_estimate = serializers.BooleanField(help_text="Some of it was counted here, not told by the provider.")
    hold = serializers.UUIDField(source="hold_id", allow_null=True)


class RecordedOut(serializers.Serializer):  # type: ignore[type-arg]
    """A report as it is stored. `window` is how it stands now, after what the ladder did."""

    call_id = serializers.CharField()
    seq = serializers.IntegerField()
    agent = serializers.CharField()
    epoch = serializers.IntegerField()
    operation = serializers.CharField()
    subject = serializers.CharField()
    component = serializers.CharField()
    input_tokens = serializers.IntegerField()
    cached_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    is_estimate = serializers.BooleanField()
    estimated_tokens = serializers.IntegerField(allow_null=True)
    context_tokens = serializers.IntegerField(help_text="After the call, before any cleanup.")
    occupancy_percent = serializers.FloatField()
    crossed = serializers.ListField(child=serializers.ChoiceField(choices=RUNGS), help_text="Rungs that it reached.")
    window = serializers.DictField()


class SessionHoldOut(serializers.Serializer):  # type: ignore[type-arg]
    """A hold of an agent."""

    hold = serializers.UUIDField(source="hold_id")
    agent = serializers.CharField(source="instance.agent")
    epoch = serializers.IntegerField(source="instance.epoch")
    tokens = serializers.IntegerField()
    is_open = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class ReservedOut(serializers.Serializer):  # type: ignore[type-arg]
    """A hold as it was placed."""

    hold = serializers.UUIDField()
    budget = serializers.UUIDField()
    agent = serializers.CharField()
    tokens = serializers.IntegerField()
    expires_at = serializers.DateTimeField()
    warning = serializers.IntegerField(
        allow_null=True, help_text="The highest threshold passed on the path, in percent."
    )


class ItemOut(serializers.Serializer):  # type: ignore[type-arg]
    """A thing in a window, or one that left it."""

    id = serializers.IntegerField()
    key = serializers.CharField()
    component = serializers.CharField()
    kind = serializers.CharField()
    locator = serializers.CharField()
    tokens = serializers.IntegerField(help_text="In the window now.")
    original_tokens = serializers.IntegerField()
    is_pinned = serializers.BooleanField()
    is_finished = serializers.BooleanField()
    status = serializers.ChoiceField(choices=ITEM_STATUSES)
    archive = serializers.IntegerField(source="archive_id", allow_null=True, help_text="Where the whole is kept.")
    created_at = serializers.DateTimeField()
    last_access_at = serializers.DateTimeField()


class ItemDetailOut(ItemOut):
    """An item with its text as it stands in the window."""

    text = serializers.CharField()


class ItemsLoadedOut(serializers.Serializer):  # type: ignore[type-arg]
    """Items as they were loaded, and as the ladder left them."""

    results = ItemOut(many=True)


class AllocationOut(serializers.Serializer):  # type: ignore[type-arg]
    """A decision on an ask for room. What is granted is counted as held at once."""

    seq = serializers.IntegerField()
    agent = serializers.CharField()
    epoch = serializers.IntegerField()
    component = serializers.CharField()
    asked_tokens = serializers.IntegerField()
    least_tokens = serializers.IntegerField()
    purpose = serializers.CharField()
    verdict = serializers.ChoiceField(choices=VERDICTS)
    granted_tokens = serializers.IntegerField()
    reason = serializers.CharField(help_text="Why not all: component_full, no_room.")
    component_tokens = serializers.IntegerField(help_text="What the component holds now.")
    occupancy_percent = serializers.FloatField()
