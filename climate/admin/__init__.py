"""The administration of places, sources, justice inputs and emergencies."""

from climate.admin import countries, emergencies, places, signals, sources  # noqa: F401 - registers the pages
