"""What the analysis of sessions suggests."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateTimeFilter

from config.administration.base import RecordAdmin
from sessions_app.models import Proposal


@admin.register(Proposal)
class ProposalAdmin(RecordAdmin):
    """Proposals of all sessions. A person of the team decides them on the page of the session's report."""

    list_display = ("session", "kind", "subject", "status", "made_at", "decided_by", "decided_at", "measured_at")
    list_filter = ("status", "kind", ("made_at", RangeDateTimeFilter))
    list_select_related = ("session",)
    search_fields = ("session__name", "subject", "decided_by")
    ordering = ("-id",)
