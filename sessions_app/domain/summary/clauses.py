"""Clauses of a sentence that can stand without the rest of it: each is a piece of it, word for word.

What is left may not say something else. So nothing is cut at `if`, `unless`, `until`, `because` or `not`, and what
begins with a condition is cut off from nothing; what comes after `but` stays with what is before it; and no clause
begins with an `it` whose name stands before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sessions_app.domain.summary.sentences import Sentence

LEAST_WORDS = 3
"""A shorter clause says nothing alone."""
MOST_CUTS = 6
"""Clauses are told in runs: their number grows by the square of the cuts."""
_PRONOUNS = (
    r"(?:I|we|you|he|she|it|they|there|this|these|those|nobody|everybody|ich|wir|du|er|sie|es|man|niemand"
    r"|je|nous|vous|il|elle|ils|elles|c'est|yo|él|ella|ellos|eu|ele|ela|eles)(?:'\w+)?(?=\s)"
)
_DETERMINERS = (
    r"(?:the|a|an|my|our|your|his|her|its|their|all|most|some|no|ein|eine|kein\w*|le|les|un|une|el|los|las|os|uma)"
    r"(?=\s)"
)
_BUTS = r"(?:but|aber|sondern|mais|pero|sino|mas)"
_JOINS = r"(?:and|so|then|yet|und|also|et|donc|y|así que|e|portanto)"
_TAILS = (
    r"(?:since|as|which|who|whose|where|although|though|while|whereas|so that|owing to|with|to|for|by|in|on|at"
    r"|from|like|unlike|such as|including|especially|da|obwohl|damit|denn|mit|zu|um|für|bei|wie|car"
    r"|puisque|qui|dont|avec|pour|comme|ya que|aunque|para|con|como|pois|embora|já que|com)"
)
_CUT = re.compile(
    r"(?P<lead>:\s+)|(?P<apart>;\s+|\s[–—-]{1,2}\s)|(?P<tail>,?\s(?=\([^()]*\)[.!]?$))"
    rf"|(?P<but>,?\s+(?={_BUTS}\s)(?:{_BUTS})\s+)"
    rf"|(?P<joined>,\s+(?=(?:{_JOINS}\s+)?(?:{_PRONOUNS}|{_DETERMINERS}))(?:{_JOINS}\s+)?|\s{_JOINS}\s+(?={_PRONOUNS}))"
    rf"|(?P<aside>,\s+(?={_TAILS}\s))"
    r"|(?P<purpose>,\s+(?=\w{3,}ing\s)|\s(?=(?:so that|in order to|damit|afin de|para que)\s))"
    r"|(?P<also>,\s+(?=(?:and|so|then|und|et|y|e)\s(?!not\b)))",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(
    r"(?:it|they|he|she|this|these|er|sie|es|il|elle|ils|elles|él|ella|ellos|ele|ela|eles)(?:'\w+)?\s", re.IGNORECASE
)
_CONDITION = re.compile(
    rf"\W*(?:(?:{_JOINS}|{_BUTS})\s+)?(?:if|when|whenever|unless|until|without|before|after|once|in case|should"
    r"|provided|not|wenn|falls|sobald|bevor|ohne|solange|bis|si|s'il\w*|quand|dès|sans|avant|cuando|sin|antes|se|quando|sem)\b",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|am|be|has|have|had|do|does|did|can|cannot|could|will|would|shall|should|must|may|might|needs?"
    r"|gets?|goes|went|comes?|came|takes?|took|makes?|made|says?|said|wants?|wins?|holds?|keeps?|stays?|runs?|fails?"
    r"|works?|costs?|means?|knows?|ist|sind|war|waren|hat|haben|kann|muss|darf|wird|werden|soll|bleibt|geht|est|sont"
    r"|était|a|ont|peut|doit|va|sera|faut|es|son|está|están|era|fue|tiene|puede|debe|hay|é|são|foi|tem|pode|deve"
    r"|\w{2,}(?:ed|n't)|\w+'(?:s|re|ll|ve|d|m))\b",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"(?:(?:ok|okay|yes|yeah|yep|right|well|all right|fine|good|great|sure|oh|ah|hm+|and|but|so|then|also|thanks"
    r"|thank you|ja|gut|na|und|aber|dann|oui|bon|bien|alors|donc|et|mais|sí|vale|bueno|entonces|y|pero|sim|então|bom|e"
    r"|mas)\b[,.:!]*\s+|(?:understood|noted|agreed|perfect|einverstanden|verstanden|in ordnung|d'accord|entendu"
    r"|de acuerdo|entendido|anotado|de acordo)[,.:!]+\s+)+",
    re.IGNORECASE,
)


_NEEDS_WHAT_FOLLOWS = frozenset({"lead", "but"})
_NEEDS_WHAT_LEADS = frozenset({"tail", "aside", "purpose", "also"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A piece of the sentence at position `of`, from its character `start` on."""

    text: str
    of: int
    start: int

    def overlaps(self, other: Clause) -> bool:
        """Whether both tell some of the same words."""
        apart = self.start + len(self.text) <= other.start or other.start + len(other.text) <= self.start
        return self.of == other.of and not apart


def clauses_of(sentences: Sequence[Sentence]) -> list[Clause]:
    """Every run of clauses that can stand alone, in the order of the sentences; the whole of each is among them."""
    return [
        Clause(text=run, of=at, start=start) for at, each in enumerate(sentences) for start, run in _runs(each.text)
    ]


def _runs(sentence: str) -> Iterator[tuple[int, str]]:
    begins, ends = _bounds(sentence)
    for begin in begins:
        for end in ends:
            run = sentence[begin:end].rstrip()
            is_whole = begin == begins[0] and end == ends[-1]
            if is_whole or len(run.split()) >= LEAST_WORDS:
                yield begin, run


def _bounds(sentence: str) -> tuple[list[int], list[int]]:
    """Where clauses may begin, and where they may end."""
    opening = _OPENING.match(sentence)
    begun = opening.end() if opening and len(sentence[opening.end() :].split()) >= LEAST_WORDS else 0
    begins, ends = [begun], []
    for cut in islice(_CUT.finditer(sentence, begun), MOST_CUTS):
        kind = cut.lastgroup or ""
        if not _may_cut(kind, sentence[begun : cut.start()], sentence[cut.end() :]):
            continue
        if kind not in _NEEDS_WHAT_FOLLOWS:
            ends.append(cut.start())
        if kind not in _NEEDS_WHAT_LEADS and not _POINTS_BACK.match(sentence, cut.end()):
            begins.append(cut.end())
        begun = cut.end()
    return begins, [*ends, len(sentence)]


def _may_cut(kind: str, left: str, right: str) -> bool:
    is_open = left.count('"') % 2 or left.count("`") % 2 or left.count("(") > left.count(")")
    if is_open or _CONDITION.match(left) or len(right.split()) < LEAST_WORDS:
        return False
    if kind in ("lead", "apart", "tail"):
        return True
    says = bool(_VERB.search(left))
    if kind == "also":
        return says and "," not in left
    return says and (kind in ("aside", "purpose") or bool(_VERB.search(right)))
