"""What was asked, what was decided, and what it came to."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from market.models.policies import Policy, Purpose


class AllocationRun(models.Model):
    """One allocation pass: what it saw and what it did. Only one runs at a time, one plan is in force.

    The id is the fence: a pass whose row is no longer `running` may not put its plan in force. A
    drill computes a plan that never is. Grams CO2e; `reference_g` is the same work run now at home
    as far as there is room; `bound_g` ignores capacity and is never a claim.
    """

    class State(models.TextChoices):
        RUNNING = "running"
        FINISHED = "finished"
        FAILED = "failed"

    class Kind(models.TextChoices):
        PLAN = "plan"
        DRILL = "drill"

    trigger = models.CharField(max_length=60)
    kind = models.CharField(max_length=5, choices=Kind, default=Kind.PLAN)
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    is_current = models.BooleanField(default=False, help_text="The plan in force.")
    started_at = models.DateTimeField()
    lease_expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    considered = models.PositiveIntegerField(default=0)
    granted = models.PositiveIntegerField(default=0, help_text="Placed, whole or in part.")
    denied = models.PositiveIntegerField(default=0, help_text="Refused in their last hour.")
    waiting = models.PositiveIntegerField(default=0)
    fingerprint = models.CharField(max_length=64, blank=True, help_text="SHA-256 of everything that was solved.")
    solver = models.CharField(max_length=60, blank=True)
    is_degraded = models.BooleanField(
        default=False, help_text="The solver failed: a feasible plan, not the greenest one."
    )
    asked_tokens = models.BigIntegerField(null=True)
    planned_tokens = models.BigIntegerField(null=True)
    planned_g = models.FloatField(null=True)
    reference_g = models.FloatField(null=True)
    bound_g = models.FloatField(null=True)
    missed_tokens = models.BigIntegerField(null=True, help_text="Asked for, due within the plan, and not placed.")
    reference_missed_tokens = models.BigIntegerField(null=True)
    fund_promised_micro_usd = models.BigIntegerField(
        default=0, help_text="What the Fund keeps for planned work that is not taken up yet."
    )
    seconds = models.JSONField(default=dict, help_text="Of each stage.")
    record = models.JSONField(default=dict, help_text="Fairness, notices, misses by reason, as plain data.")
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="running"), name="allocation_run_one_at_a_time"
            ),
            models.UniqueConstraint(
                fields=["is_current"], condition=Q(is_current=True), name="allocation_run_one_plan_in_force"
            ),
            models.CheckConstraint(
                condition=Q(is_current=False) | Q(state="finished", kind="plan"), name="allocation_run_in_force_is_done"
            ),
        ]

    def __str__(self) -> str:
        return f"pass of {self.started_at:%Y-%m-%d %H:%M:%S} ({self.state})"


class AllocationRequest(models.Model):
    """An ask for tokens. Its facts never change; its status follows its decisions.

    What is `queued` here may be planned: see `market.models.plans.Placement`.
    """

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
    residency = models.JSONField(null=True, help_text="Countries (ISO 3166-1) its data may not leave; empty: any.")
    min_cfe_share = models.FloatField(
        null=True, help_text="Carbon-free share 0..1 that region and hour must have; empty: any."
    )
    may_split = models.BooleanField(default=False, help_text="It may be served in several regions and hours.")
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
    parts = models.JSONField(null=True, help_text="Of a split grant: {region, starts_at, tokens} of each part.")
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
    input_tokens = models.PositiveBigIntegerField(
        null=True, help_text="How many of them were input, where that was reported."
    )
    cached_tokens = models.PositiveBigIntegerField(
        null=True, help_text="How much of the input was read from a cache, where that was reported."
    )
    quality = models.FloatField(null=True)
    collaboration = models.FloatField(null=True)
    service_micro_usd = models.BigIntegerField()
    carbon_micro_usd = models.BigIntegerField()
    justice_micro_usd = models.BigIntegerField()
    renewable_micro_usd = models.BigIntegerField()
    total_micro_usd = models.BigIntegerField()
    from_fund_micro_usd = models.BigIntegerField(default=0, help_text="What the Fund paid of the discounts.")
    energy_wh = models.FloatField(null=True, help_text="At the meter; unknown of settlements of before it was kept.")
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
