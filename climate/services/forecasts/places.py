"""Where zones are, for the sun: from the database where there is one, else from the reference files."""

from __future__ import annotations

from django.db import DatabaseError

from climate.domain.forecast import Place
from climate.models import GridZone
from climate.services import reference_rows


def zone_places() -> dict[str, Place]:
    """Place by zone code."""
    places = {
        zone.code: Place(latitude=zone.latitude, longitude=zone.longitude)
        for zone in reference_rows.zones()
        if zone.latitude is not None and zone.longitude is not None
    }
    try:
        own = list(GridZone.objects.values_list("code", "latitude", "longitude"))
    except DatabaseError:  # a database that was never prepared
        own = []
    return places | {
        code: Place(latitude=latitude, longitude=longitude)
        for code, latitude, longitude in own
        if latitude is not None and longitude is not None
    }
