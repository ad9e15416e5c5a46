"""Providers of climate data, and what each answered."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from simple_history.models import HistoricalRecords

MEASURED = [
    "state",
    "last_attempt_at",
    "last_success_at",
    "latest_period_at",
    "consecutive_failures",
    "last_error",
    "breaker_opened_at",
    "not_before",
    "key_digest",
    "lease_token",
    "leased_until",
    "requests_in_hour",
    "request_hour_at",
]


class DataSource(models.Model):
    """A provider of climate data: whether it is asked, and how the last asking went."""

    class State(models.TextChoices):
        NEVER = "never", "never asked"
        OK = "ok", "answering"
        FAILING = "failing", "not answering"
        REFUSED = "refused", "refused us"

    name = models.SlugField(primary_key=True, max_length=40)
    title = models.CharField(max_length=120)
    is_enabled = models.BooleanField(default=True)
    interval_minutes = models.PositiveSmallIntegerField(default=15, validators=[MinValueValidator(1)])
    state = models.CharField(max_length=8, choices=State, default=State.NEVER, editable=False)
    last_attempt_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_success_at = models.DateTimeField(null=True, blank=True, editable=False)
    latest_period_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Start of the newest period received."
    )
    consecutive_failures = models.PositiveIntegerField(default=0, editable=False)
    last_error = models.CharField(max_length=300, blank=True, editable=False)
    breaker_opened_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since when it is left alone between single trials."
    )
    not_before = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="The source asked us to wait until then."
    )
    key_digest = models.CharField(
        max_length=16,
        blank=True,
        editable=False,
        help_text="Of the key it was last asked with; a new key starts afresh.",
    )
    lease_token = models.CharField(max_length=36, blank=True, editable=False)
    leased_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="A collection is under way; it counts as dead after this."
    )
    requests_in_hour = models.PositiveIntegerField(default=0, editable=False)
    request_hour_at = models.DateTimeField(null=True, blank=True, editable=False)
    history = HistoricalRecords(excluded_fields=MEASURED)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.title


class RememberedAnswer(models.Model):
    """The last good answer to one question: served again until it can have changed, and on a 304.

    The question is kept as a digest only: addresses may carry keys.
    """

    source = models.CharField(max_length=40)
    question_digest = models.CharField(max_length=64)
    etag = models.CharField(max_length=200, blank=True)
    last_modified = models.CharField(max_length=60, blank=True)
    fresh_until = models.DateTimeField(null=True)
    content = models.BinaryField(help_text="The body, deflated.")
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "question_digest"], name="remembered_answer_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.question_digest[:8]}"
