"""Words of a text as they are compared: folded, without endings and without those that say nothing."""

from __future__ import annotations

import re
from functools import lru_cache

WORD = re.compile(r"[^\W_]+(?:[._:/@'-][^\W_]+)*", re.UNICODE)
_ENDINGS = ("ingly", "edly", "ments", "ation", "ations", "ingen", "ungen", "ment", "ings", "ung", "ing", "ies", "ed",
            "es", "en", "er", "ly", "s", "e", "n")  # fmt: skip
_LEAST_STEM = 4
_SILENT_WORDS = """
a about after all also am an and any are as at be been being but by can could did do does for from get had has have he
her here him his how i if in into is it its just let like ll me more most my of off on or our out over own re same she
should so some such than that the their them then there these they this those through to too up us ve very was we were
what when where which while who why will with would you your
aber als am an auch auf aus bei bin bis da das dass dem den der des die du ein eine einem einen einer es für hat haben
ich ihr im in ist ja man mit nach noch nur oder sein sich sie sind so um und uns von vor war was wie wir zu zum zur
au aux avec ce ces cette dans de des du elle en est et il ils je la le les leur lui mais nous on ou par pas pour qu que
qui sa se ses son sur un une vous y al como con del el ella es esta este ha han hay las lo los más mi muy o para pero
por si su sus ya os uma da dos em na nas nos com foi são é
"""
_SILENT = frozenset(_SILENT_WORDS.split())


def words_of(text: str) -> list[str]:
    """Words that say something, folded and without endings; numbers and identifiers stay as they are."""
    return [stem(word) for word in WORD.findall(text.casefold()) if word not in _SILENT and len(word) > 1]


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A word without a common ending, so that `decide`, `decided` and `decides` are one."""
    if not word.isalpha() or len(word) <= _LEAST_STEM:
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM - 1:
            return word[: -len(ending)]
    return word
