"""What was asked, what was decided, and what it came to."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from market.models.policies import Policy, Purpose


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
    estimate = models.JSONField(
        null=True, help_text="What was predicted when it was asked for; empty where nothing was known but the tokens."
    )
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
    is_verified = models.BooleanField(
        default=True, help_text="False: nobody reported what was used, and it stands at what was granted."
    )
    corrected_at = models.DateTimeField(null=True, blank=True, help_text="When a late report replaced that.")

    class Meta:
        ordering = ["-settled_at"]
        indexes = [models.Index(fields=["settled_at"], name="settlement_time")]

    def __str__(self) -> str:
        return f"{self.used_tokens} tokens of {self.request_id}"
