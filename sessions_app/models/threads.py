"""Checkpoints of agents that keep theirs by LangGraph's interface: each session is one thread."""

from __future__ import annotations

from django.db import models


class ThreadCheckpoint(models.Model):
    """One checkpoint of a thread, without the values of its channels."""

    session = models.ForeignKey("Session", on_delete=models.PROTECT, related_name="+", db_index=False)
    namespace = models.CharField(max_length=200, blank=True)
    checkpoint_id = models.CharField(max_length=60)
    parent_id = models.CharField(max_length=60, blank=True)
    seq = models.BigIntegerField(help_text="The event that tells it.")
    run_id = models.CharField(max_length=60, blank=True)
    type = models.CharField(max_length=20)
    body = models.BinaryField()
    metadata = models.JSONField(default=dict)
    channel_versions = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["session", "namespace", "checkpoint_id"], name="threadcheckpoint_id_unique")
        ]

    def __str__(self) -> str:
        return self.checkpoint_id


class ThreadBlob(models.Model):
    """The value of a channel at a version."""

    session = models.ForeignKey("Session", on_delete=models.PROTECT, related_name="+", db_index=False)
    namespace = models.CharField(max_length=200, blank=True)
    channel = models.CharField(max_length=200)
    version = models.CharField(max_length=80)
    type = models.CharField(max_length=20)
    body = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["session", "namespace", "channel", "version"], name="threadblob_version_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.version}"


class ThreadWrite(models.Model):
    """A pending write of a task at a checkpoint."""

    session = models.ForeignKey("Session", on_delete=models.PROTECT, related_name="+", db_index=False)
    namespace = models.CharField(max_length=200, blank=True)
    checkpoint_id = models.CharField(max_length=60)
    task_id = models.CharField(max_length=60)
    task_path = models.CharField(max_length=200, blank=True)
    index = models.IntegerField()
    channel = models.CharField(max_length=200)
    type = models.CharField(max_length=20)
    body = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["session", "namespace", "checkpoint_id", "task_id", "index"], name="threadwrite_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.task_id} {self.index}"
