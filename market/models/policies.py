"""Terms that administrators set: policies by version, and purposes."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords


class Policy(models.Model):
    """One version of one policy. Never changed once saved: a change is a new version."""

    name = models.SlugField(max_length=40)
    version = models.PositiveIntegerField()
    body = models.JSONField(help_text="Terms of the policy; see market/domain/policy.py for every key.")
    rationale = models.TextField(help_text="Why this version exists.")
    author = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    is_current = models.BooleanField(default=False, help_text="The version that new requests under this name use.")
    is_default = models.BooleanField(default=False, help_text="Used by requests that name no policy.")
    history = HistoricalRecords()

    class Meta:
        ordering = ["name", "-version"]
        verbose_name_plural = "policies"
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="policy_version_unique"),
            models.UniqueConstraint(fields=["name"], condition=Q(is_current=True), name="policy_one_current_version"),
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="policy_one_default"),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(is_current=True), name="policy_default_is_current"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Refuse to rewrite the terms that decisions have been made under."""
        if (
            self.pk
            and Policy.objects.filter(pk=self.pk).exclude(name=self.name, version=self.version, body=self.body).exists()
        ):
            raise ValidationError("A policy version is never changed. Make a new version of it.")
        super().save(*args, **kwargs)


class Purpose(models.Model):
    """What work is for, and how much it weighs."""

    class Tier(models.TextChoices):
        ESSENTIAL = "essential", "Essential"
        PUBLIC = "public", "Public"
        RESEARCH = "research", "Research"
        COMMERCIAL = "commercial", "Commercial"

    name = models.SlugField(primary_key=True, max_length=60)
    title = models.CharField(max_length=120)
    tier = models.CharField(max_length=10, choices=Tier)
    priority = models.FloatField(validators=[MinValueValidator(0.01), MaxValueValidator(1000.0)])
    aliases = models.JSONField(default=list, blank=True, help_text="Other names a request may use.")
    rationale = models.CharField(max_length=300, blank=True)
    is_active = models.BooleanField(default=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["-priority", "name"]

    def __str__(self) -> str:
        return self.title
