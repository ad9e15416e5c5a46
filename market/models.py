"""Policies, purposes, requests, decisions and the Fund."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
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


class AllocationRun(models.Model):
    """One allocation pass: what it saw and what it did. Only one runs at a time."""

    class State(models.TextChoices):
        RUNNING = "running"
        FINISHED = "finished"
        FAILED = "failed"

    trigger = models.CharField(max_length=60)
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    started_at = models.DateTimeField()
    lease_expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    considered = models.PositiveIntegerField(default=0)
    granted = models.PositiveIntegerField(default=0)
    denied = models.PositiveIntegerField(default=0)
    waiting = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="running"), name="allocation_run_one_at_a_time")
        ]

    def __str__(self) -> str:
        return f"pass of {self.started_at:%Y-%m-%d %H:%M:%S} ({self.state})"


class AllocationRequest(models.Model):
    """An ask for tokens. Its facts never change; its status follows its decisions."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        GRANTED = "granted"
        PARTIAL = "partial"
        DENIED = "denied"
        CANCELLED = "cancelled"
        SETTLED = "settled"
        EXPIRED = "expired"

    HOLDING = (Status.GRANTED, Status.PARTIAL)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.PROTECT, related_name="+")
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    budget = models.ForeignKey("budgets.Budget", null=True, on_delete=models.PROTECT, related_name="+")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    purpose = models.ForeignKey(Purpose, on_delete=models.PROTECT, related_name="+")
    actor = models.CharField(max_length=120)
    origin_code = models.CharField(max_length=2)
    scored_code = models.CharField(
        max_length=2, help_text="The country whose need counts: the origin, or a company's headquarters."
    )
    model_class = models.CharField(max_length=3)
    tokens = models.PositiveBigIntegerField()
    input_tokens = models.PositiveBigIntegerField(null=True)
    tokens_basis = models.CharField(max_length=10, help_text="stated, counted or estimated")
    mode = models.CharField(max_length=10)
    complexity = models.FloatField(null=True)
    earliest_at = models.DateTimeField()
    latest_at = models.DateTimeField()
    latency_class = models.CharField(max_length=12)
    eligible_regions = models.JSONField(null=True)
    price_cap_micro_usd = models.BigIntegerField(null=True)
    is_simulated = models.BooleanField(default=False)
    carbon_override = models.JSONField(null=True)
    status = models.CharField(max_length=9, choices=Status)
    created_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["team", "-created_at"], name="request_of_team"),
            models.Index(fields=["-created_at"], name="request_newest"),
            models.Index(fields=["latest_at"], condition=Q(status="queued"), name="request_waiting"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(tokens__gt=0), name="request_asks_for_something"),
            models.CheckConstraint(condition=Q(latest_at__gte=F("earliest_at")), name="request_window_is_a_window"),
            models.CheckConstraint(
                condition=Q(is_simulated=True) | Q(budget__isnull=False), name="request_real_work_has_a_payer"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose_id} {self.tokens} {self.model_class} from {self.origin_code}"


class Decision(models.Model):
    """A verdict with every input it used. Insert-only; the latest sequence of a request counts."""

    class Verdict(models.TextChoices):
        GRANTED = "granted"
        PARTIAL = "partial"
        QUEUED = "queued"
        DENIED = "denied"

    request = models.ForeignKey(AllocationRequest, on_delete=models.PROTECT, related_name="decisions")
    sequence = models.PositiveIntegerField()
    run = models.ForeignKey(AllocationRun, null=True, blank=True, on_delete=models.PROTECT, related_name="decisions")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=8, choices=Verdict)
    made_at = models.DateTimeField()
    granted_tokens = models.PositiveBigIntegerField()
    region = models.ForeignKey("climate.Region", null=True, on_delete=models.PROTECT, related_name="+")
    zone_code = models.CharField(max_length=24, blank=True)
    starts_at = models.DateTimeField(null=True)
    service_micro_usd = models.BigIntegerField(null=True)
    carbon_micro_usd = models.BigIntegerField(null=True)
    justice_micro_usd = models.BigIntegerField(null=True)
    renewable_micro_usd = models.BigIntegerField(null=True)
    total_micro_usd = models.BigIntegerField(null=True)
    energy_wh_low = models.FloatField(null=True)
    energy_wh_central = models.FloatField(null=True)
    energy_wh_high = models.FloatField(null=True)
    location_g_low = models.FloatField(null=True)
    location_g_central = models.FloatField(null=True)
    location_g_high = models.FloatField(null=True)
    market_g = models.FloatField(null=True)
    intensity_g_per_kwh = models.FloatField(null=True)
    basis = models.CharField(max_length=14, blank=True)
    source = models.CharField(max_length=120, blank=True)
    as_of = models.DateTimeField(null=True)
    kind = models.CharField(max_length=8, blank=True)
    scope = models.CharField(max_length=9, blank=True)
    avoided_g = models.FloatField(null=True)
    weight = models.FloatField()
    factors = models.JSONField(default=list)
    reasons = models.JSONField(default=list)
    explanation = models.TextField()
    inputs = models.JSONField(help_text="All facts the verdict was computed from; enough to compute it again.")
    hold_id = models.UUIDField(null=True, help_text="The hold in budgets that pays for this grant.")
    hold_expires_at = models.DateTimeField(null=True)
    fund_reserved_micro_usd = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["-made_at"]
        constraints = [models.UniqueConstraint(fields=["request", "sequence"], name="decision_sequence_unique")]
        indexes = [
            models.Index(fields=["-made_at"], name="decision_newest"),
            models.Index(fields=["region", "-made_at"], name="decision_of_region"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} {self.granted_tokens} in {self.region_id or 'no region'}"


class Settlement(models.Model):
    """What a granted request used in the end, and what that cost."""

    request = models.OneToOneField(AllocationRequest, on_delete=models.PROTECT, related_name="settlement")
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="settlement")
    used_tokens = models.PositiveBigIntegerField()
    quality = models.FloatField(null=True)
    collaboration = models.FloatField(null=True)
    service_micro_usd = models.BigIntegerField()
    carbon_micro_usd = models.BigIntegerField()
    justice_micro_usd = models.BigIntegerField()
    renewable_micro_usd = models.BigIntegerField()
    total_micro_usd = models.BigIntegerField()
    from_fund_micro_usd = models.BigIntegerField(default=0, help_text="What the Fund paid of the discounts.")
    location_g = models.FloatField()
    avoided_g = models.FloatField(null=True)
    need_score = models.FloatField(null=True)
    market_value_tokens = models.FloatField(
        null=True, help_text="A score, not money: used tokens * quality * (1 + collaboration)."
    )
    settled_at = models.DateTimeField()

    class Meta:
        ordering = ["-settled_at"]
        indexes = [models.Index(fields=["settled_at"], name="settlement_time")]

    def __str__(self) -> str:
        return f"{self.used_tokens} tokens of {self.request_id}"


class RegionHour(models.Model):
    """Tokens promised in one region, hour and model class. Never more than its capacity."""

    region = models.ForeignKey("climate.Region", on_delete=models.PROTECT, related_name="+")
    model_class = models.CharField(max_length=3)
    starts_at = models.DateTimeField()
    capacity_tokens = models.PositiveBigIntegerField()
    promised_tokens = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["region", "model_class", "starts_at"], name="region_hour_unique"),
            models.CheckConstraint(condition=Q(promised_tokens__gte=0), name="region_hour_not_negative"),
            models.CheckConstraint(
                condition=Q(promised_tokens__lte=F("capacity_tokens")), name="region_hour_within_capacity"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.region_id} {self.model_class} {self.starts_at:%Y-%m-%d %H:00}"


FUND_NAME = "access-fund"


class Fund(models.Model):
    """Pays the discounts of those in need from the premiums of the others. Never below zero."""

    name = models.SlugField(primary_key=True, max_length=40)
    balance_micro_usd = models.BigIntegerField(default=0)
    reserved_micro_usd = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(reserved_micro_usd__gte=0), name="fund_reserved_not_negative"),
            models.CheckConstraint(
                condition=Q(balance_micro_usd__gte=F("reserved_micro_usd")), name="fund_never_below_zero"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class FundEntry(models.Model):
    """One change to the Fund. Append-only; the sum of all entries is the Fund's state."""

    class Kind(models.TextChoices):
        DEPOSIT = "deposit"
        RESERVE = "reserve"
        RELEASE = "release"
        DISCOUNT = "discount"
        PREMIUM = "premium"

    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="entries")
    request = models.ForeignKey(AllocationRequest, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind)
    balance_delta_micro_usd = models.BigIntegerField(default=0)
    reserved_delta_micro_usd = models.BigIntegerField(default=0)
    at = models.DateTimeField()
    actor = models.CharField(max_length=120)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "fund entries"

    def __str__(self) -> str:
        return f"{self.kind} {self.balance_delta_micro_usd}"
