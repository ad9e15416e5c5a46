"""Providers of climate data: asked or not, how often, and now."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from climate.events import SourceChanged
from climate.models import DataSource
from climate.services.collect import collect_source
from config.administration.base import AuditedAdmin
from config.administration.pages import ConfirmForm, form_page, posted
from config.administration.typed import action, display
from config.kernel.errors import Unavailable
from config.kernel.events import publish

MEASURED = ("state", "last_attempt_at", "last_success_at", "latest_period_at", "consecutive_failures", "last_error")


@admin.register(DataSource)
class DataSourceAdmin(AuditedAdmin):
    """What is asked for readings and forecasts."""

    list_display = ("title", "name", "is_enabled", "interval_minutes", "shown_state", "last_success_at", "last_error")
    list_filter = ("is_enabled", "state")
    search_fields = ("name", "title")
    readonly_fields = ("name", "title", *MEASURED)
    actions_detail = ("fetch_now",)
    actions_row = ("fetch_now",)
    fieldsets = (
        (None, {"fields": ("title", "name", "is_enabled", "interval_minutes")}),
        (
            "How it answers",
            {
                "fields": (
                    ("state", "consecutive_failures"),
                    ("last_attempt_at", "last_success_at", "latest_period_at"),
                    "last_error",
                )
            },
        ),
    )

    @display(
        description="State",
        ordering="state",
        label={"answering": "success", "not answering": "danger", "refused us": "danger", "never asked": "info"},
    )
    def shown_state(self, source: DataSource) -> str:
        """The state in words, coloured."""
        return source.get_state_display()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Tell the apps above when a source was switched."""
        super().save_model(request, obj, form, change)
        if "is_enabled" in form.changed_data:
            publish(SourceChanged(source=obj.name, state=obj.state, at=timezone.now()))

    def has_fetch_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return request.user.has_perm("climate.change_datasource")

    @action(description="Fetch now", icon="sync", permissions=["fetch"])
    def fetch_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask the source at once, after a question."""

        def call(given: dict[str, Any]) -> str:
            result = collect_source(name=object_id, now=timezone.now())
            if result.state != DataSource.State.OK:
                raise Unavailable(f"The source was asked, and failed: {'; '.join(result.problems)}.")
            return f"{result.readings} readings and {result.forecasts} forecasts of {result.zones} zones were stored."

        return form_page(
            request,
            model_admin=self,
            form=ConfirmForm(posted(request)),
            call=call,
            title="Fetch from this source now",
            submit="Fetch now",
            intro="The source is asked once, outside of its schedule. This can take up to a minute.",
            object_id=object_id,
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A source needs a connector, so it comes with the program."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Sources are switched off: readings name them."""
        return False
