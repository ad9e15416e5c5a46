"""Handoffs as the API takes and answers them."""

from __future__ import annotations

from rest_framework import serializers

from config.kernel.rest import StrictSerializer
from sessions_app.domain.words import Phase, Protocol
from sessions_app.models import HandoffMember

LONGEST_REASON = 200
VOTES = [HandoffMember.Vote.READY.value, HandoffMember.Vote.REFUSED.value]


class HandoffIn(StrictSerializer):
    """Body of `POST /api/v1/sessions/{id}/handoffs/`."""

    protocol = serializers.ChoiceField(
        choices=[each.value for each in Protocol],
        required=False,
        default=Protocol.COORDINATED.value,
        help_text="coordinated: all agents must be ready; graceful: most of them; emergency: waits for nobody.",
    )
    reason = serializers.CharField(max_length=LONGEST_REASON)


class VoteIn(StrictSerializer):
    """Body of `POST /api/v1/sessions/{id}/handoffs/{number}/votes/`."""

    agent = serializers.CharField(max_length=80)
    epoch = serializers.IntegerField(min_value=1, max_value=2**31 - 1, help_text="In which the agent believes to be.")
    vote = serializers.ChoiceField(choices=VOTES)
    reason = serializers.CharField(
        max_length=LONGEST_REASON, required=False, allow_blank=True, default="", help_text="Needed to refuse."
    )


class AbortIn(StrictSerializer):
    """Body of `POST /api/v1/sessions/{id}/handoffs/{number}/abort/`."""

    reason = serializers.CharField(max_length=LONGEST_REASON)


class HandoffMemberOut(serializers.Serializer):  # type: ignore[type-arg]
    """An agent in a handoff."""

    agent = serializers.CharField()
    epoch_from = serializers.IntegerField()
    epoch_to = serializers.IntegerField(allow_null=True, help_text="Of its successor, once that stands by.")
    vote = serializers.CharField(help_text="ready, refused, or empty: none yet.")
    voted_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()
    copied_seq = serializers.IntegerField(help_text="The state up to here is in its package.")
    copied_bytes = serializers.IntegerField(help_text="Before compression; of later transfers what was new.")
    copy_ms = serializers.FloatField()
    package_sha256 = serializers.CharField(source="sha256")
    has_package = serializers.BooleanField()


class HandoffOut(serializers.Serializer):  # type: ignore[type-arg]
    """A handoff."""

    number = serializers.IntegerField(source="id")
    protocol = serializers.ChoiceField(choices=[each.value for each in Protocol])
    reason = serializers.CharField()
    phase = serializers.ChoiceField(choices=[each.value for each in Phase])
    quorum_percent = serializers.IntegerField()
    deadline_at = serializers.DateTimeField(
        help_text="Until the quorum is there; from the first transfer on until the switch."
    )
    rounds = serializers.IntegerField(help_text="Transfers.")
    switched_seq = serializers.IntegerField(allow_null=True, help_text="The event of the switch.")
    failure = serializers.CharField(help_text="Why it was aborted.")
    started_by = serializers.CharField()
    started_at = serializers.DateTimeField()
    moved_at = serializers.DateTimeField(help_text="When it entered its phase.")
    finished_at = serializers.DateTimeField(allow_null=True)
    members = HandoffMemberOut(many=True)


class HandoffDetailOut(HandoffOut):
    """A handoff with its plan, its measures and what validation found."""

    checkpoint = serializers.IntegerField(source="checkpoint_id", allow_null=True)
    copied_seq = serializers.IntegerField()
    plan = serializers.JSONField(
        help_text="Order of the transfer and items to load, what they were made of, and the gain that is expected."
    )
    measures = serializers.JSONField(help_text="Milliseconds by phase, bytes; `pause_ms`: while nobody could write.")
    checks = serializers.JSONField(help_text="By agent: identity, state, roles, decisions, focus, tokens, room.")


class PackageOut(serializers.Serializer):  # type: ignore[type-arg]
    """What a successor begins with."""

    format = serializers.CharField()
    identity = serializers.JSONField(help_text="session, handoff, agent, role, model, epoch_from, epoch_to")
    continuity = serializers.JSONField(help_text="The continuity document.")
    checkpoint = serializers.IntegerField()
    summary = serializers.CharField(help_text="Empty where the checkpoint keeps the text itself.")
    decisions = serializers.JSONField(help_text="Facts in force: number, kind, text.")
    items = serializers.JSONField(help_text="`loaded` ones with their text; `kept` ones with the archive to load from.")
    tokens = serializers.JSONField(help_text="What the window held, and what the successor begins with.")
    state = serializers.JSONField(help_text="seq, digest, value")
