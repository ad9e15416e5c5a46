"""What somebody looks for: words, "phrases in quotes", and -words that must not be there."""

from __future__ import annotations

import re
from dataclasses import dataclass

PART = re.compile(r'(-?)"([^"]*)"|(-?)(\S+)')
APART = r"\s!-/:-@\[-\u0060{-~\u00a1\u00ab\u00b7\u00bb\u00bf\u0964\u0965\u2010-\u205e\u3000-\u303f"
"""What stands between words, as a class of characters that Python and PostgreSQL read alike. All else is words:
neither `\\w` nor `\\b` knows the vowel signs of Indian scripts."""
WORD = re.compile(f"[^{APART}]+")
MOST_PHRASES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """Words that stand one after the other; if `is_unwanted`, nowhere."""

    words: tuple[str, ...]
    is_unwanted: bool = False

    @property
    def pattern(self) -> str:
        """A regular expression that finds the phrase as whole words, whatever stands between them."""
        return f"(?<![^{APART}])" + f"[{APART}]+".join(map(re.escape, self.words)) + f"(?![^{APART}])"


def phrases_of(query: str) -> list[Phrase]:
    """The phrases of a query, at most `MOST_PHRASES`; case does not matter. Signs alone are no words."""
    found = []
    for minus_quoted, quoted, minus, plain in PART.findall(query):
        words = tuple(WORD.findall((quoted or plain).lower()))
        if words:
            found.append(Phrase(words=words, is_unwanted=bool(minus_quoted or minus)))
    return found[:MOST_PHRASES]


def snippet(text: str, phrases: list[Phrase], *, characters: int = 240) -> str:
    """So much of a text around the first of the phrases that it has, or its beginning."""
    wanted = [each for each in phrases if not each.is_unwanted]
    hits = (re.search(each.pattern, text, re.IGNORECASE) for each in wanted)
    at = next((hit.start() for hit in hits if hit), 0)
    start = max(0, at - characters // 3)
    piece = text[start : start + characters]
    before, after = "... " if start else "", " ..." if start + characters < len(text) else ""
    return before + " ".join(piece.split()) + after
