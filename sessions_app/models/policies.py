"""Terms of sessions and of the gateway, by version."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords


class VersionedPolicy(models.Model):
    """One version of one policy. Never changed once saved: a change is a new version."""

    name = models.SlugField(max_length=40)
    version = models.PositiveIntegerField()
    body = models.JSONField(help_text="Terms of the policy, by section.")
    rationale = models.TextField(help_text="Why this version exists.")
    author = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    is_current = models.BooleanField(default=False, help_text="The version in force under this name.")
    is_default = models.BooleanField(default=False, help_text="In force where no policy is named.")
    history = HistoricalRecords(inherit=True)

    class Meta:
        abstract = True
        ordering = ["name", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="%(class)s_version_unique"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(is_current=True), name="%(class)s_one_current_version"
            ),
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="%(class)s_one_default"),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(is_current=True), name="%(class)s_default_is_current"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Refuse to rewrite terms that work has run under."""
        same = type(self)._default_manager.filter(name=self.name, version=self.version, body=self.body)
        if self.pk and not same.filter(pk=self.pk).exists():
            raise ValidationError("A policy version is never changed. Make a new version of it.")
        super().save(*args, **kwargs)


class SessionPolicy(VersionedPolicy):
    """Terms of sessions; see sessions_app/domain/terms.py for every key."""

    class Meta(VersionedPolicy.Meta):
        verbose_name_plural = "session policies"


class GatewayPolicy(VersionedPolicy):
    """Terms of the gateway; see sessions_app/domain/gateway/terms.py for every key."""

    class Meta(VersionedPolicy.Meta):
        verbose_name_plural = "gateway policies"
