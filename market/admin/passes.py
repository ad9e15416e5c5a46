"""Allocation passes: what each saw and did, and one more on demand."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from config.administration.base import RecordAdmin
from config.administration.pages import ConfirmForm, actor_of, form_page, posted
from config.administration.typed import action, display
from market.admin.drills import DrillActions
from market.models import AllocationRun
from market.services import run_allocation_pass


@admin.register(AllocationRun)
class AllocationRunAdmin(DrillActions, RecordAdmin):
    """Newest first."""

    list_display = (
        *("started_at", "trigger", "kind", "shown_state", "is_current", "considered", "granted", "denied", "waiting"),
        *("planned_tokens", "missed_tokens", "is_degraded", "total_seconds", "error"),
    )
    list_filter = ("state", "kind", "is_degraded")
    actions_list = ("run_now", "run_drill")

    @display(
        description="State",
        ordering="state",
        label={"finished": "success", "running": "info", "failed": "danger"},
    )
    def shown_state(self, run: AllocationRun) -> str:
        """Coloured."""
        return run.state

    @display(description="Seconds")
    def total_seconds(self, run: AllocationRun) -> str:
        """Of all stages together."""
        return f"{sum(run.seconds.values()):.1f}" if run.seconds else ""

    def has_run_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return request.user.has_perm("market.add_allocationrun")

    @action(description="Run allocation pass now", icon="play_arrow", permissions=["run"])
    def run_now(self, request: HttpRequest) -> HttpResponse:
        """Plan what waits, outside of the schedule, after a question."""

        def call(given: dict[str, Any]) -> str:
            run_allocation_pass(now=timezone.now(), trigger="administration", actor=actor_of(request))
            return "The pass has run. What it did is in the first line."

        return form_page(
            request,
            model_admin=self,
            form=ConfirmForm(posted(request)),
            call=call,
            title="Run an allocation pass now",
            submit="Run it now",
            intro="Requests that wait are planned with the signals of this moment. Only one pass runs at a time.",
        )
