"""Asking an outside source: bounded in time, size, tries, hosts and number, and never asking twice for the same.

Why no library for caching answers or breaking circuits: what is remembered must be shared by several
processes through the database, outlive them, and hold no key. `tenacity` does the tries, `requests` the rest.
"""

from climate.connectors.http.addresses import host_of
from climate.connectors.http.answer import Answer
from climate.connectors.http.client import SourceHttp
from climate.connectors.http.errors import (
    SourceError,
    SourceLimitReached,
    SourceMisbehaved,
    SourceRefused,
    SourceUnavailable,
)
from climate.connectors.http.limits import LIMITS, Limits
from climate.connectors.http.memory import Memory, Remembered

__all__ = [
    "LIMITS",
    "Answer",
    "Limits",
    "Memory",
    "Remembered",
    "SourceError",
    "SourceHttp",
    "SourceLimitReached",
    "SourceMisbehaved",
    "SourceRefused",
    "SourceUnavailable",
    "host_of",
]
