"""Countries as disaster feeds write them, as ISO 3166-1 alpha-2 codes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping


def plain(words: str) -> str:
    """The same words without case, accents, dots, leading "the" and double blanks: how names are compared."""
    letters = unicodedata.normalize("NFKD", words).casefold()
    kept = "".join(each for each in letters if not unicodedata.combining(each) and each != ".")
    return " ".join(kept.replace("’", "'").split()).removeprefix("the ")


def codes_of(places: Iterable[str], known: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Codes of `places`, each once and sorted, and the places that `known` (plain words to code) does not have."""
    codes: set[str] = set()
    unknown: list[str] = []
    for place in places:
        code = known.get(plain(place))
        if code is not None:
            codes.add(code)
        elif place.strip() and place.strip() not in unknown:
            unknown.append(place.strip())
    return sorted(codes), unknown
