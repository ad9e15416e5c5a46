"""Whose word counts when several sources speak of the same hour. They are never averaged.

First what people brought in themselves (a private site's meter, an archive), whatever its name;
then sources by how near they are to the measured mix, and how many zones they treat alike.
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
_BROUGHT_BY_PEOPLE = -1


def rank(source: str) -> tuple[int, str]:
    """The smaller the more preferred; names decide between sources that people brought."""
    return _RANK.get(source, _BROUGHT_BY_PEOPLE), source


def preferred(sources: Iterable[str]) -> str:
    """The one that counts. Raises ValueError where there is none."""
    return min(sources, key=rank)
