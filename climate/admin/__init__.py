"""The administration of places, sources, justice inputs, readings and emergencies."""

from climate.admin import (  # noqa: F401 - registers the pages
    alerts,
    countries,
    emergencies,
    emergency_policies,
    imports,
    outages,
    places,
    retention,
    signals,
    sources,
)
