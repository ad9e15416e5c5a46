"""A session, and the instances of its agents."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from sessions_app.domain.words import Component


class Session(models.Model):
    """An AI session of several agents of one team. `head_seq` is the number of the newest event of its log.

    Who changes a session locks this row first (`services.log.locked`); nothing below it is locked before.
    """

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        ENDED = "ended", "Ended"

    class Mode(models.TextChoices):
        EXPRESS = "express", "Express"
        COUNCIL = "council", "Council"
        EMERGENCY = "emergency", "Emergency"

    class Profile(models.TextChoices):
        DEFAULT = "default", "Default"
        PERPETUAL = "perpetual", "Perpetual"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    external_id = models.CharField(
        max_length=200, blank=True, help_text="What the caller calls it, such as a thread of LangGraph."
    )
    purpose = models.CharField(max_length=60, blank=True, help_text="A purpose of the market's list.")
    status = models.CharField(max_length=5, choices=Status, default=Status.OPEN)
    mode = models.CharField(max_length=9, choices=Mode, default=Mode.EXPRESS)
    profile = models.CharField(max_length=9, choices=Profile, default=Profile.DEFAULT)
    policy = models.ForeignKey("SessionPolicy", on_delete=models.PROTECT, related_name="+")
    overrides = models.JSONField(
        default=dict, blank=True, help_text="Terms that accepted proposals set for this session: dotted key to value."
    )
    budget = models.ForeignKey("budgets.Budget", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    task = models.JSONField(default=dict, blank=True, help_text="What is asked: files, agents, minutes.")
    created_by = models.CharField(max_length=120)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    head_seq = models.BigIntegerField(default=0, editable=False)
    last_event_at = models.DateTimeField(editable=False)
    digest = models.BinaryField(max_length=32, default=bytes(32), editable=False)
    state_bytes = models.PositiveBigIntegerField(default=0, editable=False)
    body_seq = models.BigIntegerField(default=0, editable=False, help_text="Where a full state was last stored.")
    delta_bytes = models.PositiveBigIntegerField(default=0, editable=False, help_text="Deltas since then.")
    archived_seq = models.BigIntegerField(default=0, editable=False, help_text="Events up to here are archived.")
    tokens_used = models.PositiveBigIntegerField(default=0, editable=False)
    tokens_since_checkpoint = models.PositiveBigIntegerField(default=0, editable=False)
    last_checkpoint_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_checkpoint_seq = models.BigIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(head_seq__gte=F("archived_seq")), name="session_archive_within_log"),
            models.CheckConstraint(condition=Q(head_seq__gte=F("body_seq")), name="session_body_within_log"),
            models.CheckConstraint(
                condition=Q(status="open", ended_at=None) | Q(status="ended", ended_at__isnull=False),
                name="session_ended_has_a_time",
            ),
            models.UniqueConstraint(
                fields=["team", "external_id"], condition=~Q(external_id=""), name="session_external_id_unique"
            ),
        ]
        indexes = [models.Index(fields=["team", "-created_at"], name="session_team_newest")]

    def __str__(self) -> str:
        return self.name


def no_tokens() -> dict[str, int]:
    """No component holds anything."""
    return {each.value: 0 for each in Component}


class Instance(models.Model):
    """One life of an agent in a session: its epoch fences it. At most one is active; a retired one cannot write."""

    class Status(models.TextChoices):
        STANDBY = "standby", "Standby"
        ACTIVE = "active", "Active"
        RETIRED = "retired", "Retired"

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="instances")
    agent = models.CharField(max_length=80)
    role = models.CharField(max_length=80, blank=True)
    epoch = models.PositiveIntegerField()
    status = models.CharField(max_length=7, choices=Status)
    model = models.CharField(max_length=80, blank=True)
    window_tokens = models.PositiveIntegerField()
    max_output_tokens = models.PositiveIntegerField()
    context_tokens = models.PositiveIntegerField(default=0)
    component_tokens = models.JSONField(default=no_tokens)
    fired_rungs = models.JSONField(default=list, help_text="Rungs of the ladder that fired and did not re-arm yet.")
    budget = models.ForeignKey("budgets.Budget", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    activated_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["agent", "-epoch"]
        constraints = [
            models.UniqueConstraint(fields=["session", "agent", "epoch"], name="instance_epoch_unique"),
            models.UniqueConstraint(
                fields=["session", "agent"], condition=Q(status="active"), name="instance_one_active_per_agent"
            ),
            models.CheckConstraint(
                condition=Q(window_tokens__gt=F("max_output_tokens")), name="instance_output_fits_its_window"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent} #{self.epoch}"
