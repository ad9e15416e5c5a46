"""Providers of climate data: how each does, paused or asked, how often, and now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from climate.domain.sources import SourceState
from climate.models import DataSource
from climate.selectors.sources import state_of
from climate.services.collect import order_collection
from climate.services.sources import pause_source, resume_source
from config.administration.base import LONGEST_REASON_CHARACTERS, AuditedAdmin
from config.administration.pages import ConfirmForm, form_page, posted
from config.administration.typed import action, display

STATES = {
    "never": "never asked",
    "ok": "answering",
    "failing": "not answering",
    "refused": "refused us",
    "unconfigured": "needs a key",
}
STATE_COLOURS = {"answering": "success", "not answering": "danger", "refused us": "danger", "never asked": "info"}
BREAKERS = {
    "closed": "closed: asked on its interval",
    "open": "open: left alone between single trials",
    "half_open": "half open: the next asking decides",
}


class SourceReasonForm(forms.Form):
    """Why a source is paused or resumed, as long as its history has room for."""

    reason = forms.CharField(
        max_length=LONGEST_REASON_CHARACTERS,
        widget=UnfoldAdminTextInputWidget,
        help_text="Kept in the history of the source beside who and when.",
    )


def state_now(source: DataSource) -> SourceState:
    """How it does at this moment; nothing is asked."""
    return state_of(source, now=timezone.now())


def moment(at: datetime | None, otherwise: str) -> str:
    """A time to the minute."""
    return f"{at:%d %b %Y %H:%M} UTC" if at else otherwise


@admin.register(DataSource)
class DataSourceAdmin(AuditedAdmin):
    """What is asked for readings, forecasts and alerts."""

    list_display = (
        "title",
        "shown_state",
        "is_enabled",
        "shown_success",
        "next_run",
        "shown_breaker",
        "quota",
        "interval_minutes",
        "shown_problem",
    )
    list_filter = ("is_enabled", "state")
    search_fields = ("name", "title")
    readonly_fields = (
        "name",
        "title",
        "is_enabled",
        "shown_state",
        "shown_success",
        "shown_attempt",
        "shown_period",
        "next_run",
        "shown_running",
        "shown_breaker",
        "consecutive_failures",
        "quota",
        "shown_needs",
        "shown_problem",
        "terms",
    )
    actions_detail = ("fetch_now", "pause", "resume")
    fieldsets = (
        (None, {"fields": (("title", "name"), ("is_enabled", "interval_minutes"), "terms")}),
        (
            "How it answers",
            {
                "fields": (
                    ("shown_state", "consecutive_failures"),
                    ("shown_success", "shown_attempt", "shown_period"),
                    "shown_problem",
                )
            },
        ),
        (
            "When it is asked",
            {
                "fields": (("shown_running", "next_run", "shown_breaker"), ("quota", "shown_needs")),
                "description": "After three failures in a row it is left alone for a pause that doubles up to an hour,"
                " and then tried once. A source that does not let us in is tried once a day, or when its key changes.",
            },
        ),
    )

    @display(description="State", ordering="state", label=STATE_COLOURS)
    def shown_state(self, source: DataSource) -> str:
        """The state in words, coloured."""
        return STATES[state_now(source).state] if source.is_enabled else "paused"

    @display(description="Last success", ordering="last_success_at")
    def shown_success(self, source: DataSource) -> str:
        """When it answered last."""
        return moment(source.last_success_at, "never")

    @display(description="Last attempt")
    def shown_attempt(self, source: DataSource) -> str:
        """When it was asked last."""
        return moment(source.last_attempt_at, "never")

    @display(description="Newest period")
    def shown_period(self, source: DataSource) -> str:
        """The beginning of the newest period that it gave."""
        return moment(source.latest_period_at, "none")

    @display(description="Being asked now", boolean=True)
    def shown_running(self, source: DataSource) -> bool:
        """Whether an answer is under way."""
        return state_now(source).is_running

    @display(description="Next run")
    def next_run(self, source: DataSource) -> str:
        """When the schedule asks it."""
        now = timezone.now()
        state = state_of(source, now=now)
        if not state.is_asked:
            return "paused" if not state.is_enabled else "not until it is set up"
        if state.is_running:
            return "running now"
        is_due = state.next_due_at is None or state.next_due_at <= now
        return "within a minute" if is_due else moment(state.next_due_at, "")

    @display(description="Breaker")
    def shown_breaker(self, source: DataSource) -> str:
        """Whether it is left alone, and until when it asked to be."""
        state = state_now(source)
        asked = f"; it asked us to wait until {moment(state.not_before, '')}" if state.not_before else ""
        return BREAKERS[state.breaker] + asked

    @display(description="Requests this hour")
    def quota(self, source: DataSource) -> str:
        """Used and allowed."""
        state = state_now(source)
        return f"{state.requests_in_hour:,} of {state.requests_per_hour:,}"

    @display(description="Missing settings")
    def shown_needs(self, source: DataSource) -> str:
        """Environment variables without which it is not asked."""
        return ", ".join(state_now(source).needs) or "none"

    @display(description="Last problem")
    def shown_problem(self, source: DataSource) -> str:
        """What was wrong, in words."""
        return state_now(source).last_error or "none"

    @display(description="Publisher and licence")
    def terms(self, source: DataSource) -> str:
        """Whose data it is, and on what terms."""
        state = state_now(source)
        return ", ".join(part for part in (state.home, state.licence) if part) or "unknown"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save only what the form holds: a collection may be writing the rest of the row."""
        obj._change_reason = form.cleaned_data.get("change_reason") or None
        obj.save(update_fields=["interval_minutes"])

    def _may(self, request: HttpRequest, object_id: str | None, fits: Callable[[SourceState], bool]) -> bool:
        """Whether an action is offered. A form that was sent for what does not fit is answered with the reason."""
        may = request.user.has_perm("climate.change_datasource")
        source: Any = self.get_object(request, object_id) if object_id is not None else None
        return may and (source is None or request.method == "POST" or fits(state_now(source)))

    def has_fetch_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return self._may(request, object_id, lambda state: not state.needs)

    def has_pause_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return self._may(request, object_id, lambda state: state.is_enabled)

    def has_resume_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return self._may(request, object_id, lambda state: not state.is_enabled)

    @action(description="Fetch now", icon="sync", permissions=["fetch"])
    def fetch_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Have the source asked at once, after a question."""

        def call(_given: dict[str, Any]) -> str:
            order_collection(name=object_id, now=timezone.now())
            return "The source is being asked. What came of it appears on this page."

        return form_page(
            request,
            model_admin=self,
            form=ConfirmForm(posted(request)),
            call=call,
            title="Fetch from this source now",
            submit="Fetch now",
            intro="The source is asked once, outside of its schedule, also if it is left alone after failures.",
            object_id=object_id,
        )

    @action(description="Pause", icon="pause", permissions=["pause"])
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask the source no more, with a reason."""
        words = "It is not asked until somebody resumes it. What it has said stays, and grows old."
        return self._reasoned(request, object_id, pause_source, title="Pause this source", intro=words)

    @action(description="Resume", icon="play_arrow", permissions=["resume"])
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask the source again, with a reason."""
        words = "It is asked within a minute. Failures and refusals so far are forgotten."
        return self._reasoned(request, object_id, resume_source, title="Resume this source", intro=words)

    def _reasoned(
        self, request: HttpRequest, object_id: str, change: Callable[..., None], *, title: str, intro: str
    ) -> HttpResponse:
        def call(given: dict[str, Any]) -> str:
            change(name=object_id, reason=given["reason"], now=timezone.now())
            return "The source is paused." if change is pause_source else "The source is asked again."

        return form_page(
            request,
            model_admin=self,
            form=SourceReasonForm(posted(request)),
            call=call,
            title=title,
            submit=title.split()[0],
            intro=intro,
            object_id=object_id,
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A source needs a connector, so it comes with the program."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Sources are paused: readings name them."""
        return False
