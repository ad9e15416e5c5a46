"""Plans of allocation passes: what each was made from, and where each request goes.

A plan never changes a request. A request that is still queued has the status its row in the plan
in force gives it; once it is taken up it has a decision and a hold of its own.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from market.models.requests import AllocationRequest, AllocationRun


class RunInputs(models.Model):
    """Everything a run was computed from, shared by all its requests (`PlanInputs.to_bytes`)."""

    run = models.OneToOneField(AllocationRun, primary_key=True, on_delete=models.CASCADE, related_name="inputs")
    body = models.BinaryField()

    def __str__(self) -> str:
        return f"inputs of run {self.run_id}"


class Placement(models.Model):
    """Where one run puts one request, or why nowhere. Insert-only; on PostgreSQL partitioned by run.

    All columns are of fixed width, so that a million rows are one binary COPY: unknown grams are NaN on
    PostgreSQL and NULL on SQLite, which knows no NaN. `site`, `hour` and `party` are indices into the
    run's inputs, -1 where not placed. A request that may be split has one row per part.
    """

    pk = models.CompositePrimaryKey("request_id", "part", "run_id")
    request = models.ForeignKey(
        AllocationRequest, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="placements"
    )
    part = models.SmallIntegerField(default=0)
    run = models.ForeignKey(
        AllocationRun, db_constraint=False, db_index=False, on_delete=models.DO_NOTHING, related_name="placements"
    )
    verdict = models.SmallIntegerField(help_text="market.domain.placement.plan.PlacementVerdict")
    reason = models.SmallIntegerField(help_text="market.domain.placement.plan.WaitingReason")
    site = models.SmallIntegerField()
    hour = models.SmallIntegerField()
    party = models.IntegerField()
    tokens = models.BigIntegerField()
    service_micro_usd = models.BigIntegerField()
    carbon_micro_usd = models.BigIntegerField()
    justice_micro_usd = models.BigIntegerField()
    renewable_micro_usd = models.BigIntegerField()
    from_fund_micro_usd = models.BigIntegerField()
    energy_wh = models.FloatField()
    location_g = models.FloatField()
    avoided_g = models.FloatField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(tokens__gte=0), name="placement_tokens_not_negative")]

    def __str__(self) -> str:
        return f"{self.tokens} tokens of {self.request_id} in run {self.run_id}"
