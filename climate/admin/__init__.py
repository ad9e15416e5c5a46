"""The administration of places, sources, justice inputs, readings and emergencies."""

from climate.admin import (  # noqa: F401 - registers the pages
    countries,
    emergencies,
    imports,
    places,
    retention,
    signals,
    sources,
)
