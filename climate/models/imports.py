"""Files of readings that people bring: a private site's meter, a grid's archive."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from simple_history.models import HistoricalRecords

from climate.domain.signal import Scope
from climate.models.places import GridZone
from climate.models.signals import SCOPES


class ReadingImport(models.Model):
    """One file: what is in it, how far its checking and storing is, and what is wrong with it."""

    class State(models.TextChoices):
        CHECKING = "checking", "being checked"
        REFUSED = "refused", "has mistakes, nothing was stored"
        READY = "ready", "checked, waits for confirmation"
        STORING = "storing", "being stored"
        DONE = "done", "stored"
        LAPSED = "lapsed", "nobody confirmed it, nothing was stored"
        FAILED = "failed", "stopped by an error, nothing was stored"

    zone = models.ForeignKey(GridZone, on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=40, help_text="Under which name the readings are kept.")
    scope = models.CharField(max_length=9, choices=SCOPES, default=Scope.LIFECYCLE)
    origin = models.CharField(max_length=200, help_text="Where the values come from: meter, publisher, method.")
    file_name = models.CharField(max_length=200)
    content = models.BinaryField(help_text="The file, deflated; empty once it is over for long.")
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State, default=State.CHECKING)
    row_count = models.PositiveIntegerField(default=0)
    done_count = models.PositiveIntegerField(default=0)
    report = models.JSONField(default=dict, help_text="Mistakes by row, first and last period, what would change.")
    created_at = models.DateTimeField()
    touched_at = models.DateTimeField(help_text="A file at work that was not touched for long is taken up again.")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=100, blank=True, help_text="Why its readings were stored.")
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True)
    # Who brought it, who confirmed it and why; how far the work on it is would only make noise.
    history = HistoricalRecords(excluded_fields=["content", "report", "row_count", "done_count", "touched_at"])

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.file_name} for {self.zone_id}"
