"""The log of a session, the state that its deltas fold into, and what left the log or the tiers for the archive."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual

from sessions_app.domain.words import Tier

MOST_HOT_BYTES = 1024


class Event(models.Model):
    """One line of a session's log: gapless, never changed. Old lines move to an Archive as they are."""

    class Format(models.TextChoices):
        NONE = "", "No delta"
        MERGE = "merge", "RFC 7396"
        PATCH = "patch", "RFC 6902"

    session = models.ForeignKey("Session", on_delete=models.PROTECT, related_name="+", db_index=False)
    seq = models.BigIntegerField()
    at = models.DateTimeField(help_text="Never before that of the line before, also when a clock steps back.")
    kind = models.CharField(max_length=40)
    actor = models.CharField(max_length=120)
    instance = models.ForeignKey(
        "Instance", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    format = models.CharField(max_length=5, choices=Format, default=Format.NONE, blank=True)
    delta = models.TextField(blank=True, help_text="JSON: what changed in the state.")
    facts = models.JSONField(default=dict, help_text="What else there is to know, by kind.")
    tokens = models.PositiveIntegerField(default=0)
    key = models.CharField(max_length=120, null=True, blank=True, help_text="The caller's key: stored once.")
    digest = models.BinaryField(max_length=32, help_text="Of the whole state after this event.")

    class Meta:
        ordering = ["session", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["session", "seq"], name="event_seq_unique"),
            models.UniqueConstraint(fields=["session", "key"], condition=Q(key__isnull=False), name="event_key_unique"),
            models.CheckConstraint(condition=Q(seq__gte=1), name="event_seq_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"


class StateBody(models.Model):
    """The whole state after an event, zlib-compressed canonical JSON: makes reading fast, says nothing new."""

    session = models.ForeignKey("Session", on_delete=models.PROTECT, related_name="+", db_index=False)
    seq = models.BigIntegerField()
    sha256 = models.BinaryField(max_length=32, help_text="Of the canonical JSON.")
    body = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["session", "seq"], name="statebody_seq_unique")]

    def __str__(self) -> str:
        return f"state at {self.seq}"


class Archive(models.Model):
    """What left the log, a window or a tier, whole and with its hash, verified before anything was removed."""

    class Kind(models.TextChoices):
        EVENTS = "events", "Events of the log"
        ITEM = "item", "Item of a window"
        STATE = "state", "Item of the state"
        CHECKPOINT = "checkpoint", "Checkpoint"
        TURN = "turn", "Turn of a round"
        THREAD = "thread", "Thread of LangGraph"

    session = models.ForeignKey("Session", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind)
    title = models.CharField(max_length=240, help_text="What it was called where it was.")
    agent = models.CharField(max_length=80, blank=True)
    seq_from = models.BigIntegerField()
    seq_to = models.BigIntegerField()
    sha256 = models.BinaryField(max_length=32, help_text="Of the body before compression.")
    body = models.BinaryField(help_text="zlib-compressed UTF-8.")
    text = models.TextField(blank=True, help_text="What a search looks through.")
    tokens = models.PositiveIntegerField(default=0)
    strategy = models.CharField(max_length=30, blank=True, help_text="Which cleanup put it here.")
    made_at = models.DateTimeField()
    verified_at = models.DateTimeField(help_text="When its hash was read back and agreed.")
    restored_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(seq_to__gte=F("seq_from")), name="archive_range"),
            models.UniqueConstraint(
                fields=["session", "seq_from"], condition=Q(kind="events"), name="archive_events_once"
            ),
        ]
        indexes = [models.Index(fields=["session", "kind", "seq_from"], name="archive_range_read")]

    def __str__(self) -> str:
        return f"{self.kind} {self.title}"


class StateItem(models.Model):
    """A member of the state as it stands: one row per task or memory, `key` is its JSON pointer.

    Hot: `value` in the row. Warm: `body`, loaded on demand. Cold: in its archive.
    """

    session = models.ForeignKey("Session", on_delete=models.PROTECT, related_name="+", db_index=False)
    key = models.CharField(max_length=400)
    tier = models.CharField(max_length=4, choices=[(each.value, each.value) for each in Tier])
    value = models.TextField(null=True, blank=True)
    body = models.TextField(null=True, blank=True)
    archive = models.ForeignKey(Archive, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    salience = models.FloatField(default=0.0)
    bytes = models.PositiveIntegerField()
    changed_seq = models.BigIntegerField()
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["session", "key"], name="stateitem_key_unique"),
            models.CheckConstraint(
                condition=Q(value__isnull=True) | Q(LessThanOrEqual(Length("value"), MOST_HOT_BYTES)),
                name="stateitem_hot_is_small",
            ),
            models.CheckConstraint(
                condition=Q(tier="hot", value__isnull=False, body=None)
                | Q(tier="warm", value=None, body__isnull=False)
                | Q(tier="cold", value=None, body=None, archive__isnull=False),
                name="stateitem_is_kept_somewhere",
            ),
        ]

    def __str__(self) -> str:
        return self.key
