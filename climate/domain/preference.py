"""Whose word counts when several sources speak of the same hour. They are never averaged.

First what people brought in themselves (a private site's meter, an archive), which the import
lets them keep only under names that begin with `site-`; then sources by how near they are to the
measured mix, and how many zones they treat alike; last whatever nobody has ranked.
"""

from __future__ import annotations

from collections.abc import Iterable

PREFERENCE = (
    "electricity-maps",  # consumption with imports traced, lifecycle, one method for every zone
    "gb-carbon-intensity",  # the system operator's own mix
    "entsoe",  # generation as the operators report it
    "eia",  # generation as the balancing authorities report it
    "energy-charts",  # generation too, with fewer kinds of plants told apart
    "watttime",  # marginal only: a different question
)
_RANK = {source: number for number, source in enumerate(PREFERENCE)}
_BROUGHT_BY_PEOPLE, _NOT_RANKED = -1, len(PREFERENCE)
OF_PEOPLE = "site-"
"""How every name begins under which people bring in readings."""


def rank(source: str) -> tuple[int, str]:
    """The smaller the more preferred; names decide between sources of one rank."""
    if source.startswith(OF_PEOPLE):
        return _BROUGHT_BY_PEOPLE, source
    return _RANK.get(source, _NOT_RANKED), source


def preferred(sources: Iterable[str]) -> str:
    """The one that counts. Raises ValueError where there is none."""
    return min(sources, key=rank)
