"""Who asks: organisations, teams, people, roles, keys, and the answers already given to them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from simple_history.models import HistoricalRecords

from accounts.domain.scopes import Role

country_code_validator = RegexValidator(r"\A[A-Z]{2}\Z", "Two capital letters, as in ISO 3166-1.")


class User(AbstractUser):
    """A person who logs in. Custom from the start, so that it can grow."""

    # Groups and permissions are part of the audit: they decide who may change what.
    history = HistoricalRecords(excluded_fields=["password", "last_login"], m2m_fields=["groups", "user_permissions"])

    class Meta:
        permissions = [("view_audit_log", "Can read the audit log")]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A login is noted (`last_login`), but is no change to the person: it stays out of the history."""
        is_login = set(kwargs.get("update_fields") or ()) == {"last_login"}
        if is_login:  # the mere presence of this attribute tells django-simple-history to look away
            self.skip_history_when_saving = True
        try:
            super().save(*args, **kwargs)
        finally:
            if is_login:
                del self.skip_history_when_saving


class Organisation(models.Model):
    """Who is accountable. Country and type are set by an administrator, never claimed."""

    class Type(models.TextChoices):
        PUBLIC = "public", "Public body"
        NGO = "ngo", "Non-governmental organisation"
        SCHOOL = "school", "School or university"
        SME = "sme", "Small or medium enterprise"
        COMPANY = "company", "Company"

    name = models.CharField(max_length=120, unique=True)
    country_code = models.CharField(
        "registered country",
        max_length=2,
        validators=[country_code_validator],
        help_text="ISO 3166-1 alpha-2 code of the country of registration; for companies, of the headquarters.",
    )
    type = models.CharField(max_length=10, choices=Type)
    is_active = models.BooleanField(
        "active", default=True, help_text="Switch off to refuse every key and person of its teams at once."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Team(models.Model):
    """The unit that acts, owns keys and pays from budgets."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="teams")
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(
        "active", default=True, help_text="Switch off to refuse every key and person of this team at once."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    history = HistoricalRecords()

    class Meta:
        ordering = ["organisation__name", "name"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "name"], name="team_name_unique_in_organisation")
        ]

    def __str__(self) -> str:
        return f"{self.organisation.name} / {self.name}"


class Claim(models.Model):
    """An origin or a purpose that a team's keys may claim. `*` stands for any."""

    class Kind(models.TextChoices):
        ORIGIN = "origin", "Origin (country)"
        PURPOSE = "purpose", "Purpose"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="claims")
    kind = models.CharField(max_length=7, choices=Kind)
    value = models.CharField(max_length=64, help_text="A country code, the name of a purpose, or * for any.")
    history = HistoricalRecords()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "kind", "value"], name="claim_unique_in_team")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.value}"


class Membership(models.Model):
    """A person's role in a team."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=[(role.value, role.value.capitalize()) for role in Role])
    history = HistoricalRecords()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "team"], name="membership_unique")]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.team}"


class ApiKey(models.Model):
    """A team's key. Only a keyed digest of the secret is stored; the secret is shown once."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=120)
    prefix = models.CharField(
        max_length=16, unique=True, editable=False, help_text="Shown, so that a key can be recognised."
    )
    digest = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(
        default=list, help_text='A list of scopes, for example ["requests:write", "budgets:read"].'
    )
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)
    history = HistoricalRecords(excluded_fields=["digest", "last_used_at"])

    class Meta:
        verbose_name = "API key"
        permissions = [("grant_platform_scopes", "Can give API keys power over every team")]
        ordering = ["team", "name"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class IdempotentAnswer(models.Model):
    """What was answered to an Idempotency-Key, or that the answer is still being made.

    `fence` rises each time a stale run is taken over, so that a paused first run cannot
    overwrite the answer of the second.
    """

    class State(models.TextChoices):
        RUNNING = "running"
        ANSWERED = "answered"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body.")
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    fence = models.PositiveIntegerField(default=1)
    status_code = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    locked_until = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "key"], name="idempotency_key_unique_in_team"),
            models.CheckConstraint(
                condition=Q(state="running") | Q(status_code__isnull=False, body__isnull=False),
                name="idempotent_answer_is_complete",
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotent_answer_created")]

    def __str__(self) -> str:
        return f"{self.key} ({self.state})"
