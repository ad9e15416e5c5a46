"""Records of sessions: read, searched and filtered, never touched."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter

from config.administration.base import RecordAdmin, RecordInline
from config.administration.text import pretty_json
from config.administration.typed import display
from sessions_app.models import (
    Archive,
    Checkpoint,
    Event,
    Handoff,
    HandoffMember,
    Instance,
    Session,
)


class InstanceInline(RecordInline):
    """Lives of its agents."""

    model = Instance
    fields = ("agent", "epoch", "status", "role", "model", "context_tokens", "window_tokens", "last_seen_at")


@admin.register(Session)
class SessionAdmin(RecordAdmin):
    """Sessions of all teams. Their pages on the dashboard say more."""

    list_display = ("name", "team", "status", "mode", "profile", "policy", "head_seq", "tokens_used", "last_event_at")
    list_filter = ("status", "mode", "profile", ("created_at", RangeDateTimeFilter))
    list_select_related = ("team__organisation", "policy")
    search_fields = ("name", "external_id", "team__name", "id")
    inlines = (InstanceInline,)
    exclude = ("digest",)


@admin.register(Event)
class EventAdmin(RecordAdmin):
    """Lines of the logs that are not archived yet."""

    list_display = ("session", "seq", "at", "kind", "actor", "tokens")
    list_filter = ("kind", ("at", RangeDateTimeFilter))
    list_select_related = ("session",)
    search_fields = ("session__name", "actor", "key")
    fields = ("session", "seq", "at", "kind", "actor", "format", "delta", "shown_facts", "tokens", "key")
    readonly_fields = ("shown_facts",)
    ordering = ("-id",)

    @display(description="Facts")
    def shown_facts(self, event: Event) -> str:
        """What else there is to know."""
        return pretty_json(event.facts)


@admin.register(Checkpoint)
class CheckpointAdmin(RecordAdmin):
    """Points of logs that one can return to."""

    list_display = ("session", "seq", "at", "reason", "tier", "store", "keeps_text")
    list_filter = ("reason", "tier", "store", "keeps_text", ("at", RangeDateTimeFilter))
    list_select_related = ("session",)
    search_fields = ("session__name",)
    exclude = ("digest", "sha256")
    ordering = ("-id",)


class HandoffMemberInline(RecordInline):
    """Who goes over."""

    model = HandoffMember
    fields = ("agent", "source", "target", "vote", "voted_at", "reason", "copied_bytes")

    def get_queryset(self, request: HttpRequest) -> QuerySet[HandoffMember]:
        """Without the packages, which may be large."""
        rows: QuerySet[HandoffMember] = super().get_queryset(request)
        return rows.defer("package")


@admin.register(Handoff)
class HandoffAdmin(RecordAdmin):
    """Every handoff with its phases, votes and measures."""

    list_display = ("session", "number", "protocol", "phase", "reason", "started_at", "finished_at", "failure")
    list_filter = ("phase", "protocol", ("started_at", RangeDateTimeFilter))
    list_select_related = ("session",)
    search_fields = ("session__name", "reason", "failure")
    inlines = (HandoffMemberInline,)
    ordering = ("-id",)


@admin.register(Archive)
class ArchiveAdmin(RecordAdmin):
    """What left logs, windows and tiers. The pages of a session show the whole text."""

    list_display = ("session", "kind", "title", "agent", "tokens", "strategy", "made_at", "restored_at")
    list_filter = ("kind", "strategy", ("made_at", RangeDateTimeFilter))
    list_select_related = ("session",)
    search_fields = ("session__name", "title")
    exclude = ("body", "sha256", "text")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Archive]:
        """Without the bodies."""
        rows: QuerySet[Archive] = super().get_queryset(request)
        return rows.defer("body", "text")
