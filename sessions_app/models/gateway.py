"""What the gateway serves from, how it stands, and what went through it."""

from __future__ import annotations

import uuid

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from sessions_app.models.rounds import Round
from sessions_app.models.sessions import Session


class Deployment(models.Model):
    """A model served by a provider in a Region. What callers ask for is `served_name` or one of its aliases.

    Prices in micro-USD for a million tokens; NULL is unknown. The secret is named (`secret_variable`, a variable of
    the environment) or sealed here, never both, and never shown again.
    """

    class Provider(models.TextChoices):
        OPENAI = "openai", "OpenAI-compatible"
        ANTHROPIC = "anthropic", "Anthropic"
        GEMINI = "gemini", "Google Gemini"
        LOCAL = "local", "Ollama or vLLM"
        ECHO = "echo", "Built-in echo (no model)"

    name = models.SlugField(max_length=60, unique=True)
    provider = models.CharField(max_length=9, choices=Provider)
    base_url = models.CharField(max_length=500, blank=True, help_text="Without the path of a call. Empty for the echo.")
    upstream_model = models.CharField(max_length=120, help_text="What the provider calls the model.")
    served_name = models.CharField(max_length=120, help_text="What callers ask for.")
    aliases = models.JSONField(default=list, blank=True, help_text="Other names that callers may use.")
    model_class = models.CharField(max_length=3)
    region = models.ForeignKey("climate.Region", on_delete=models.PROTECT, related_name="+")
    context_window_tokens = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    max_output_tokens = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    input_micro_usd_per_million = models.PositiveBigIntegerField(null=True, blank=True)
    cached_micro_usd_per_million = models.PositiveBigIntegerField(null=True, blank=True)
    output_micro_usd_per_million = models.PositiveBigIntegerField(null=True, blank=True)
    serves_chat = models.BooleanField(default=True)
    serves_embeddings = models.BooleanField(default=False)
    takes_tools = models.BooleanField(default=False)
    takes_image_urls = models.BooleanField(default=False, help_text="Images by address; the provider fetches them.")
    takes_inline_images = models.BooleanField(default=False, help_text="Images inside of the message (data URLs).")
    takes_json_schema = models.BooleanField(default=False)
    tokeniser = models.CharField(
        max_length=30, default="o200k", help_text="Family in the table of token factors; exact only for OpenAI's own."
    )
    secret_variable = models.CharField(max_length=80, blank=True)
    sealed_secret = models.TextField(blank=True, editable=False)
    weight = models.FloatField(
        default=1.0, validators=[MinValueValidator(0.001)], help_text="Share among equally good deployments."
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(editable=False)
    history = HistoricalRecords(excluded_fields=["sealed_secret"])

    class Meta:
        ordering = ["served_name", "name"]
        constraints = [
            models.CheckConstraint(condition=Q(weight__gt=0), name="deployment_weight_positive"),
            models.CheckConstraint(condition=Q(secret_variable="") | Q(sealed_secret=""), name="deployment_one_secret"),
            models.CheckConstraint(
                condition=Q(serves_chat=True) | Q(serves_embeddings=True), name="deployment_serves_something"
            ),
            models.CheckConstraint(
                condition=Q(provider="echo", base_url="") | (~Q(provider="echo") & ~Q(base_url="")),
                name="deployment_has_an_address",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DeploymentHealth(models.Model):
    """The circuit breaker of a deployment, shared by all processes. Changed under the lock of its row only."""

    class State(models.TextChoices):
        CLOSED = "closed", "Closed"
        OPEN = "open", "Open"
        HALF_OPEN = "half_open", "Half-open"

    deployment = models.OneToOneField(Deployment, primary_key=True, on_delete=models.CASCADE, related_name="health")
    state = models.CharField(max_length=9, choices=State, default=State.CLOSED)
    consecutive_failures = models.PositiveIntegerField(default=0)
    window_started_at = models.DateTimeField(null=True)
    window_calls = models.PositiveIntegerField(default=0)
    window_failures = models.PositiveIntegerField(default=0)
    times_opened = models.PositiveIntegerField(default=0, help_text="In a row: each time it stays open longer.")
    opened_at = models.DateTimeField(null=True)
    open_until = models.DateTimeField(null=True)
    probe_until = models.DateTimeField(null=True, help_text="Somebody tries it: nobody else does before.")
    cool_until = models.DateTimeField(null=True, help_text="The provider asked to wait (429): no fault of it.")
    last_success_at = models.DateTimeField(null=True)
    last_failure_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=120, blank=True)
    first_byte_ms = models.FloatField(null=True, help_text="Smoothed over successes; NULL before the first one.")
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.deployment_id} {self.state}"


class BreakerEvent(models.Model):
    """A breaker changed its state."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="breaker_events")
    at = models.DateTimeField()
    was = models.CharField(max_length=9)
    became = models.CharField(max_length=9)
    reason = models.CharField(max_length=200)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["deployment", "-at"], name="breakerevent_newest")]

    def __str__(self) -> str:
        return f"{self.deployment_id} {self.was} > {self.became}"


class RoundTable(models.Model):
    """Who sits at a round table: agents with a name, a role, a model, a memory and a priority by the user's values."""

    name = models.SlugField(max_length=60)
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+")
    values = models.JSONField(default=dict, help_text="What the user cares for, by name, with weights that sum to 1.")
    members = models.JSONField(help_text="[{name, role, model, memory, serves: [value, ...]}, ...]")
    reflective_model = models.CharField(max_length=120, help_text="The model of the agent that chooses in the end.")
    created_by = models.CharField(max_length=120)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="roundtable_name_unique")]

    def __str__(self) -> str:
        return self.name


class RoundRun(models.Model):
    """A round that the gateway drives: what it may spend, how far it is, what it came to.

    The row comes first; whoever holds the lease works on it, and anybody carries it on once that has run out.
    `single_*` is what one blind answer took: the comparison.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        FINISHED = "finished", "Finished"
        FAILED = "failed", "Failed"

    round = models.OneToOneField(Round, primary_key=True, on_delete=models.PROTECT, related_name="run")
    question = models.TextField()
    table = models.JSONField(help_text="The members as they were when it began.")
    purpose = models.CharField(max_length=60)
    origin_code = models.CharField(max_length=2)
    most_tokens = models.PositiveBigIntegerField(null=True, help_text="It stops before it would spend more.")
    status = models.CharField(max_length=8, choices=Status, default=Status.QUEUED)
    fence = models.PositiveIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True)
    actor = models.CharField(max_length=120)
    api_key_id = models.BigIntegerField(null=True)
    calls = models.PositiveIntegerField(default=0)
    spent_tokens = models.PositiveBigIntegerField(default=0)
    spent_micro_usd = models.BigIntegerField(default=0)
    spent_g = models.FloatField(default=0.0)
    single_tokens = models.PositiveBigIntegerField(null=True)
    single_micro_usd = models.BigIntegerField(null=True)
    single_g = models.FloatField(null=True)
    stopped_because = models.CharField(max_length=40, blank=True)
    answer = models.TextField(blank=True)
    chosen_agent = models.CharField(max_length=80, blank=True)
    reason = models.TextField(blank=True)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["lease_expires_at"], condition=Q(status__in=["queued", "running"]), name="roundrun_unfinished"
            )
        ]

    def __str__(self) -> str:
        return f"{self.round_id} {self.status}"


class GatewayCall(models.Model):
    """One call of a model through the gateway, beside its AllocationRequest. Its text is kept nowhere.

    Written with the grant (`running`) and again with the settlement. `answer` is kept only where an
    Idempotency-Key asked for it. `usage_basis` says who counted: the provider, we, or nobody (what was granted).
    """

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        ANSWERED = "answered", "Answered"
        CUT = "cut", "Cut short"
        FAILED = "failed", "Failed"
        REFUSED = "refused", "Refused"
        LOST = "lost", "Lost"

    class Endpoint(models.TextChoices):
        CHAT = "chat", "Chat"
        EMBEDDINGS = "embeddings", "Embeddings"

    class UsageBasis(models.TextChoices):
        PROVIDER = "provider", "Reported by the provider"
        COUNTED = "counted", "Counted by tokeniser"
        GRANTED = "granted", "Not known: what was granted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.OneToOneField("market.AllocationRequest", null=True, on_delete=models.PROTECT, related_name="+")
    # The composite and partial indexes below serve these keys: each further index costs every call.
    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="+", db_index=False)
    actor = models.CharField(max_length=120)
    session = models.ForeignKey(
        Session, null=True, on_delete=models.PROTECT, related_name="gateway_calls", db_index=False
    )
    agent = models.CharField(max_length=80, blank=True)
    round = models.ForeignKey(Round, null=True, on_delete=models.PROTECT, related_name="gateway_calls", db_index=False)
    endpoint = models.CharField(max_length=10, choices=Endpoint)
    asked_model = models.CharField(max_length=120)
    is_stream = models.BooleanField(default=False)
    mode = models.CharField(max_length=9, default="express")
    triage = models.JSONField(null=True, help_text="Signals, weights, mode, roles, estimate, confidence.")
    fallback = models.CharField(
        max_length=20, blank=True, help_text="The step of the ladder that answered, if not the first."
    )
    deployment = models.ForeignKey(Deployment, null=True, on_delete=models.PROTECT, related_name="calls")
    attempts = models.JSONField(default=list, help_text="[{deployment, outcome, status, ms}, ...] in order.")
    status = models.CharField(max_length=8, choices=Status)
    error_code = models.CharField(max_length=60, blank=True)
    max_output_tokens = models.PositiveIntegerField(null=True, help_text="What was sent upstream.")
    input_tokens = models.PositiveBigIntegerField(null=True)
    cached_tokens = models.PositiveBigIntegerField(null=True)
    output_tokens = models.PositiveBigIntegerField(null=True)
    usage_basis = models.CharField(max_length=8, choices=UsageBasis, blank=True)
    provider_micro_usd = models.PositiveBigIntegerField(
        null=True, help_text="By the deployment's prices; NULL unknown."
    )
    first_byte_ms = models.FloatField(null=True)
    total_ms = models.FloatField(null=True)
    upstream_ms = models.FloatField(null=True)
    lease_expires_at = models.DateTimeField()
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    told_session_at = models.DateTimeField(null=True, help_text="When its session's window was told of it.")
    feedback = models.JSONField(null=True, help_text="What the caller said of the answer afterwards.")
    idempotency_key = models.CharField(max_length=255, null=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    answer = models.JSONField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="gatewaycall_once_per_key",
            ),
            models.CheckConstraint(
                condition=Q(status="running", finished_at=None) | (~Q(status="running") & Q(finished_at__isnull=False)),
                name="gatewaycall_finished_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at"], name="gatewaycall_newest"),
            models.Index(fields=["team", "-created_at"], name="gatewaycall_of_team"),
            models.Index(fields=["lease_expires_at"], condition=Q(status="running"), name="gatewaycall_running"),
            models.Index(
                fields=["session", "-created_at"],
                condition=Q(session__isnull=False),
                name="gatewaycall_of_session",
            ),
            models.Index(fields=["round"], condition=Q(round__isnull=False), name="gatewaycall_of_round"),
            models.Index(
                fields=["finished_at"],
                condition=Q(session__isnull=False, told_session_at=None, finished_at__isnull=False),
                name="gatewaycall_untold",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.asked_model} {self.status}"


class TriageCorrection(models.Model):
    """What outcomes have taught triage of a team's work: added to the complexity, in hundredths, within bounds."""

    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40, help_text="The bucket of work that it holds for.")
    correction_points = models.FloatField(default=0.0)
    outcomes = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "kind"], name="triagecorrection_unique")]

    def __str__(self) -> str:
        return f"{self.kind} {self.correction_points:+.1f}"


class TriageProgress(models.Model):
    """Up to when finished calls have taught triage: one row. Moved with what they taught, so none teaches twice."""

    through = models.DateTimeField()

    def __str__(self) -> str:
        return f"through {self.through:%Y-%m-%d %H:%M:%S}"
