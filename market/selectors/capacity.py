"""What a region has already promised in an hour."""

from __future__ import annotations

from datetime import datetime

from market.models import RegionHour


def list_promised_tokens(region_code: str, *, hour: datetime) -> dict[str, int]:
    """Tokens promised by model class in the hour that begins at `hour`; a class without promises is left out."""
    rows = RegionHour.objects.filter(region=region_code, starts_at=hour, promised_tokens__gt=0)
    return dict(rows.values_list("model_class", "promised_tokens"))
