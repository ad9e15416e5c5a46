"""How many tokens a text is to a family of models, from how many it is to a vocabulary that is public.

Exact for families that use that vocabulary; for all others a factor by kind of text, marked as an estimate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from math import ceil
from typing import Any, Self

LARGEST_VOCABULARY = "o200k_base"
EXACT, ESTIMATE = "tokeniser", "estimate"
LOOKED_AT_CHARACTERS = 2_000
CODE_SHARE = 0.04
_CODE = re.compile(
    r"^\s*(?:def |class |import |from \w+ import|#include|function |const |let |public |return |fn |if \()"
)
_CODE_SIGNS = frozenset("{}();=<>[]_")


class TextKind(StrEnum):
    """Kinds of text that tokenisers differ on."""

    PROSE = "prose"
    CODE = "code"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Models with one tokeniser: the vocabulary to count in, and the factor from it by kind of text."""

    name: str
    label: str
    encoding: str
    is_exact: bool
    factors: Mapping[TextKind, float]

    def tokens(self, counted: int, kind: TextKind) -> int:
        """Tokens of a text that has `counted` in the vocabulary, rounded up."""
        return counted if self.is_exact else ceil(round(counted * self.factors[kind], 6))

    @property
    def basis(self) -> str:
        """What a count rests on: the tokeniser, or an estimate."""
        return EXACT if self.is_exact else ESTIMATE


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorTable:
    """Families by name, with where the factors are from and since when they hold."""

    families: Mapping[str, Family]
    source: str
    as_of: date

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Self:
        """The table from its JSON. Raises KeyError or ValueError where it is not whole."""
        families = {name: _family(name, values) for name, values in body["families"].items()}
        return cls(families=families, source=body["source"], as_of=date.fromisoformat(body["as_of"]))

    def family(self, name: str) -> Family:
        """A family by name. Of one that is not in the table the largest factor of each kind is assumed: to hold too
        many tokens is put right when the work settles, to hold too few is not."""
        return self.families.get(name) or Family(
            name=name,
            label="Unknown",
            encoding=LARGEST_VOCABULARY,
            is_exact=False,
            factors={kind: max(each.factors[kind] for each in self.families.values()) for kind in TextKind},
        )


def kind_of_text(text: str) -> TextKind:
    """JSON, code or prose, by the look of its first 2,000 characters. Rough on purpose: it only picks a factor."""
    head = text[:LOOKED_AT_CHARACTERS].strip()
    if head[:1] in ("{", "[") and text.rstrip()[-1:] in ("}", "]") and '"' in head:
        return TextKind.JSON
    signs = sum(each in _CODE_SIGNS for each in head)
    if "```" in head or (signs > CODE_SHARE * len(head) and _has_code_lines(head)):
        return TextKind.CODE
    return TextKind.PROSE


def _has_code_lines(head: str) -> bool:
    return any(_CODE.match(line) or line.rstrip().endswith((";", "{")) for line in head.splitlines())


def _family(name: str, values: Mapping[str, Any]) -> Family:
    factors = {kind: float(values[kind.value]) for kind in TextKind}
    if min(factors.values()) <= 0:
        raise ValueError(f"A factor of {name} is not above 0")
    return Family(
        name=name, label=values["label"], encoding=values["encoding"], is_exact=values["is_exact"], factors=factors
    )
