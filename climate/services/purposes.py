"""Purposes that an emergency may lift. They belong to an app above, which says here what they are."""

from __future__ import annotations

from collections.abc import Callable, Collection

from config.kernel.errors import InvalidInput

Labels = list[tuple[str, str]]
_sources: list[Callable[[], Labels]] = []


def register_purposes(source: Callable[[], Labels]) -> None:
    """Ask `source` from now on for purposes, as pairs of name and title. Idempotent."""
    if source not in _sources:
        _sources.append(source)


def list_known_purposes() -> Labels:
    """Name and title of each purpose there is, as the apps above say now."""
    return [pair for source in _sources for pair in source()]


def check_purposes(names: Collection[str]) -> None:
    """Raises InvalidInput (`purposes`) unless all are known: a misspelt one would lift nothing in silence."""
    if not names:
        raise InvalidInput("Name purposes as requests do, for example disaster_response.", field="purposes")
    if unknown := sorted(set(names) - {name for name, _ in list_known_purposes()}):
        raise InvalidInput(f"There is no purpose {', '.join(unknown)}.", field="purposes")
