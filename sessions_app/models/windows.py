"""What context windows hold, and what was used."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from sessions_app.domain.words import Component, ItemKind


class ContextItem(models.Model):
    """A thing in the context window of an agent. What left it is kept in its archive."""

    class Status(models.TextChoices):
        LIVE = "live", "In the window"
        COMPRESSED = "compressed", "In the window, shortened"
        UNLOADED = "unloaded", "Not in the window"

    instance = models.ForeignKey("Instance", on_delete=models.PROTECT, related_name="items")
    key = models.CharField(max_length=200, help_text="What the agent calls it: a path, a message id, a task.")
    component = models.CharField(max_length=14, choices=[(each.value, each.value) for each in Component])
    kind = models.CharField(max_length=13, choices=[(each.value, each.value) for each in ItemKind])
    text = models.TextField(blank=True, help_text="Empty where the agent told the size only.")
    locator = models.CharField(max_length=400, blank=True, help_text="Where else the content lies, such as a file.")
    text_sha256 = models.BinaryField(max_length=32, null=True, blank=True)
    tokens = models.PositiveIntegerField(help_text="In the window now.")
    original_tokens = models.PositiveIntegerField(help_text="Before anything was shortened.")
    is_pinned = models.BooleanField(default=False)
    is_finished = models.BooleanField(default=False, help_text="A task that is done.")
    status = models.CharField(max_length=10, choices=Status, default=Status.LIVE)
    archive = models.ForeignKey("Archive", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    last_access_at = models.DateTimeField()

    class Meta:
        ordering = ["instance", "id"]
        constraints = [
            models.UniqueConstraint(fields=["instance", "key"], name="contextitem_key_unique"),
            models.CheckConstraint(
                condition=Q(status="live") | Q(archive__isnull=False), name="contextitem_leaves_to_an_archive"
            ),
            models.CheckConstraint(
                condition=~Q(status="unloaded") | Q(tokens=0), name="contextitem_unloaded_takes_nothing"
            ),
            models.CheckConstraint(
                condition=Q(tokens__lte=F("original_tokens")), name="contextitem_never_grows_by_cleanup"
            ),
            models.CheckConstraint(
                condition=Q(is_pinned=False) | Q(status="live"), name="contextitem_pinned_stays_whole"
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Usage(models.Model):
    """Tokens of one call, counted once however often it is told."""

    session = models.ForeignKey("Session", on_delete=models.PROTECT, related_name="+", db_index=False)
    call_id = models.CharField(max_length=120)
    instance = models.ForeignKey("Instance", on_delete=models.PROTECT, related_name="+")
    seq = models.BigIntegerField(help_text="The event that tells it.")
    at = models.DateTimeField()
    operation = models.CharField(max_length=60, blank=True)
    subject = models.CharField(max_length=200, blank=True, help_text="What it worked on, such as a file.")
    component = models.CharField(max_length=14, choices=[(each.value, each.value) for each in Component])
    input_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    context_tokens = models.PositiveIntegerField(help_text="What the window held after it.")
    estimated_tokens = models.PositiveIntegerField(null=True, blank=True, help_text="What was foreseen.")
    is_estimate = models.BooleanField(default=False, help_text="Counted by us, not told by the provider.")
    hold_id = models.UUIDField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["session", "call_id"], name="usage_counted_once"),
            models.CheckConstraint(
                condition=Q(cached_tokens__lte=F("input_tokens")), name="usage_cached_is_part_of_input"
            ),
        ]
        indexes = [models.Index(fields=["session", "seq"], name="usage_by_seq")]

    def __str__(self) -> str:
        return self.call_id


class InstanceHold(models.Model):
    """A hold on budgets that an instance works under. A handoff moves open ones to the successor, once.

    It is open until its agent tells what became of it, also where its lease has run out and the budget has given
    back what it reserved: a late report is charged all the same.
    """

    hold_id = models.UUIDField(primary_key=True)
    session = models.ForeignKey("Session", on_delete=models.PROTECT, related_name="+")
    instance = models.ForeignKey("Instance", on_delete=models.PROTECT, related_name="holds")
    tokens = models.PositiveBigIntegerField()
    is_open = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.hold_id)
