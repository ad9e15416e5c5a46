"""Bodies and answers of `/api/v1/sessions/{id}/checkpoints/`, `restore/` and `continuity/`."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.kernel.paging import PageIn
from config.kernel.rest import StrictSerializer
from sessions_app.domain.continuity import NOTED, Notes
from sessions_app.domain.words import Reason
from sessions_app.models import Checkpoint
from sessions_app.services.checkpoints import Said
from sessions_app.services.log import Writer

ASKED_REASONS = (Reason.MANUAL.value, Reason.PHASE.value)
CHECKPOINT_REASONS = [each.value for each in Reason]
CHECKPOINT_TIERS = Checkpoint.Tier.choices
CHECKPOINT_STORES = [*Checkpoint.Store.values, "log"]
MOST_LINES = 50
LONGEST_LINE_CHARACTERS = 400
LONGEST_SUMMARY_CHARACTERS = 40_000
LONGEST_SOURCE_CHARACTERS = 200_000


class NotesIn(StrictSerializer):
    """Lines for the continuity document, oldest first. They stand beside what the session knows by itself."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """One list of lines for each section that takes some."""
        return {
            name: serializers.ListField(
                child=serializers.CharField(max_length=LONGEST_LINE_CHARACTERS),
                max_length=MOST_LINES,
                required=False,
            )
            for name in NOTED
        }


class WriterIn(StrictSerializer):
    """Who asks: as an agent, in which epoch it believes itself to be."""

    agent = serializers.CharField(max_length=80, required=False, allow_null=True, default=None)
    epoch = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False, allow_null=True, default=None)


class SessionCheckpointIn(WriterIn):
    """Body of `POST /api/v1/sessions/{id}/checkpoints/`. All of it may be left out."""

    reason = serializers.ChoiceField(choices=ASKED_REASONS, required=False, default=Reason.MANUAL.value)
    summary = serializers.CharField(
        max_length=LONGEST_SUMMARY_CHARACTERS,
        required=False,
        allow_null=True,
        default=None,
        help_text="Your own. It stands only if the gate finds nothing against it; else the text itself is kept.",
    )
    source = serializers.CharField(  # type: ignore[assignment]  # a name of the API, not of the base class
        max_length=LONGEST_SOURCE_CHARACTERS,
        required=False,
        allow_null=True,
        default=None,
        help_text="What the summary is of. Left out: what was added to the windows since the last checkpoint.",
    )
    notes = NotesIn(required=False, default=dict)


class StateRestoreIn(WriterIn):
    """Body of `POST /api/v1/sessions/{id}/checkpoints/{id}/restore/`."""

    base_seq = serializers.IntegerField(
        min_value=0,
        max_value=2**63 - 1,
        required=False,
        allow_null=True,
        default=None,
        help_text="The last event that you have seen: 409 `stale_sequence` if the log has gone on.",
    )


class StateRestoreAtIn(StateRestoreIn):
    """Body of `POST /api/v1/sessions/{id}/restore/`."""

    at = serializers.CharField(max_length=40, help_text="The number of an event, or a time in ISO 8601.")


class SessionCheckpointsIn(PageIn):
    """Query of `GET /api/v1/sessions/{id}/checkpoints/`."""

    reason = serializers.ChoiceField(choices=CHECKPOINT_REASONS, required=False, default=None)
    tier = serializers.ChoiceField(choices=CHECKPOINT_TIERS, required=False, default=None)


class ContinuityIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of `GET /api/v1/sessions/{id}/continuity/`."""

    at = serializers.CharField(
        max_length=40, required=False, default=None, help_text="The number of an event, or a time in ISO 8601."
    )


class GateFindingOut(serializers.Serializer):  # type: ignore[type-arg]
    """Something that speaks against a summary."""

    code = serializers.CharField()
    detail = serializers.CharField()


class GateOut(serializers.Serializer):  # type: ignore[type-arg]
    """What the gate found, and how much was told of."""

    passed = serializers.BooleanField()
    findings = GateFindingOut(many=True)
    by = serializers.ChoiceField(choices=["default", "agent", "model"], help_text="Whose summary it judged.")
    model = serializers.CharField(default="", help_text="The model that was asked for one, by the gateway's policy.")
    model_findings = GateFindingOut(many=True, default=list, help_text="What spoke against that of the model.")
    is_whole = serializers.BooleanField(default=False, help_text="The text was short enough to be kept as it is.")
    source_tokens = serializers.IntegerField(default=None, allow_null=True)
    summary_tokens = serializers.IntegerField(default=None, allow_null=True)
    document_tokens = serializers.IntegerField()
    items = serializers.IntegerField(help_text="Items of windows that the text is of.")
    items_left_out = serializers.IntegerField(help_text="Older ones that were too much; they stay in their windows.")


class SessionCheckpointOut(serializers.Serializer):  # type: ignore[type-arg]
    """A checkpoint."""

    id = serializers.IntegerField()
    seq = serializers.IntegerField(help_text="The state after this event.")
    at = serializers.DateTimeField()
    reason = serializers.ChoiceField(choices=CHECKPOINT_REASONS)
    tier = serializers.ChoiceField(choices=CHECKPOINT_TIERS)
    store = serializers.ChoiceField(choices=CHECKPOINT_STORES, help_text="Where it was kept first.")
    digest = serializers.CharField(help_text="Of the state.")
    keeps_text = serializers.BooleanField(help_text="The gate refused a summary: the text itself was kept.")
    windows = serializers.DictField(child=serializers.IntegerField(), help_text="Tokens in context by agent.")
    gate = GateOut()
    archive = serializers.IntegerField(source="archive_id", allow_null=True)


class SessionCheckpointDetailOut(SessionCheckpointOut):
    """A checkpoint with what it keeps."""

    summary = serializers.CharField()
    document = serializers.JSONField(help_text="The continuity document.")
    sha256 = serializers.CharField(help_text="Of document, summary and windows as canonical JSON.")


class KeptOut(serializers.Serializer):  # type: ignore[type-arg]
    """202: the database does not take it; it waits elsewhere and is made good by itself."""

    store = serializers.ChoiceField(choices=CHECKPOINT_STORES)
    key = serializers.CharField(help_text="The key of its event, once it is in the log.")
    detail = serializers.CharField()


class StateRestoredOut(serializers.Serializer):  # type: ignore[type-arg]
    """The state after `seq` is that after `to_seq` again."""

    seq = serializers.IntegerField()
    to_seq = serializers.IntegerField()
    changed = serializers.IntegerField(help_text="Items that were led back.")


class ContinuityOut(serializers.Serializer):  # type: ignore[type-arg]
    """What whoever goes on must know."""

    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    tokens = serializers.IntegerField()
    most_tokens = serializers.IntegerField()
    document = serializers.JSONField()


def said_of(values: dict[str, Any]) -> Said:
    """What an agent brings along."""
    return Said(summary=values["summary"], source=values["source"], notes=Notes(lines=values["notes"]))


def writer_of(values: dict[str, Any], actor: str) -> Writer:
    """Who asks."""
    return Writer(actor=actor, agent=values["agent"], epoch=values["epoch"])
