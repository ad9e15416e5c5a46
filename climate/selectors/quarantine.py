"""What sources sent and nobody should believe."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count

from climate.models import QuarantinedValue


def count_quarantined(*, since: datetime) -> dict[str, int]:
    """How many values of each source were seen since then and not believed; sources without any are left out."""
    rows = QuarantinedValue.objects.filter(last_seen_at__gte=since).order_by().values_list("source")
    return dict(rows.annotate(count=Count("pk")))
