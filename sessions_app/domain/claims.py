"""What a text claims that can be checked against another: figures with their units, and names."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator

_NUMBERS = "two three four five six seven eight nine ten eleven twelve"
_TENS = {"twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "hundred": "100", "thousand": "1000"}
NUMBER_WORDS = {word: str(number) for number, word in enumerate(_NUMBERS.split(), start=2)} | _TENS
_MONTH_NAMES = "january february march april may june july august september october november december"
MONTHS = {word: str(number) for number, word in enumerate(_MONTH_NAMES.split(), start=1)}
_ALSO_VERBS = frozenset({"march", "may"})
_FIGURE = re.compile(
    r"(?<![\w.])(?P<sign>[-−](?=\d))?(?P<money>[$€£¥])?\s?"
    r"(?P<figure>\d{1,3}(?:[ ,'’_]\d{3})+(?:\.\d+)?|\d+(?:[.:,]\d+)*)(?P<scale>[kKM](?![\w]))?"
    r"\s?(?P<unit>%|°C|°F|°|[A-Za-zµ]{1,7}\b)?"
)
_UNIT_NAMES = """
% °c °f ° ms s min h day week month year b kb mb gb tb pb kib mib gib tib bit byte mm cm m km g kg t mg ml l w kw mw kwh
mwh gwh wh hz khz mhz ghz usd eur gbp token people agents users rows files ppm ha
"""
_UNITS = frozenset(_UNIT_NAMES.split())
_SAME_UNIT = {
    "percent": "%", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "mins": "min", "minute": "min",
    "minutes": "min", "hr": "h", "hrs": "h", "hour": "h", "hours": "h", "days": "day", "weeks": "week",
    "months": "month", "years": "year", "bits": "bit", "bytes": "byte", "tokens": "token", "$": "usd", "€": "eur",
    "£": "gbp",
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_][\w'’]*(?:[-./@:][\w'’]+)*|[^\W\d_]*\d[\w'’]*(?:[-./@:][\w'’]+)*", re.UNICODE)
_OPENS = re.compile(r"(?:^|[.!?:;…\n•*>|-])\s*[\"'(\[`]*$")
_LOOSE = ".'’:-/_"
_LEAST_STEM = 5
_OPENING_WORDS = """
a about above according across added after again against all along already also although an and any are as asked at
awaiting based be because been before began below besides between both but by can completed confirmed considering
current currently decided decision decisions did discussed do done due during each either every everything except facts
final finally finished first fixed focus following for found from further goal given had has have he her here hers his
how however i if important in instead into is issue issues it its key last later main many meanwhile more most moreover
must my neither never new next no none nor not note nothing now of on once one only open or other others our outcome
outstanding over overall pending per problem problems progress question questions rather remaining result results second
she should since so some status step steps still such summary tasks task team than that the their them then there
therefore these they third this those though thus to todo together two under unless until up upon us user using was we
were what when where whether which while who why will with within without work yet you your
"""
_PLAIN_OPENINGS = frozenset(_OPENING_WORDS.split())


def folded(text: str) -> str:
    """A text for comparison word by word: case, width of signs, spaces and quotes do not matter."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("−", "-")
    plain = re.sub(r"[\"“”„`*_]+", "", plain)
    return " ".join(part.strip(".,;:!?()[]") or part for part in plain.split())


def figures_of(text: str) -> set[str]:
    """Every figure of a text in one way of writing: `1,500`, `1.5k` and `1500` are the same; months are numbers."""
    return {figure for figure, _ in _figures(text)}


def units_of(text: str) -> dict[str, set[str]]:
    """The units that each figure carries, of those that carry one."""
    units: dict[str, set[str]] = defaultdict(set)
    for figure, unit in _figures(text):
        if unit:
            units[figure].add(unit)
    return dict(units)


def _figures(text: str) -> Iterator[tuple[str, str]]:
    plain = unicodedata.normalize("NFKC", text)
    for found in _FIGURE.finditer(plain):
        unit = (found["money"] or found["unit"] or "").casefold()
        unit = _SAME_UNIT.get(unit, unit)
        known = unit if unit in _UNITS else ""
        sign = "-" if found["sign"] and plain[: found.start()].rstrip(" \t")[-1:] not in tuple("0123456789–") else ""
        yield sign + _written(found["figure"], found["scale"] or ""), known
    for word in re.findall(r"[a-z]+", plain.casefold()):
        if word in NUMBER_WORDS:
            yield NUMBER_WORDS[word], ""
        elif word in MONTHS and word not in _ALSO_VERBS:
            yield MONTHS[word], ""


def _written(figure: str, scale: str) -> str:
    if ":" in figure or figure.count(".") > 1:
        return figure
    whole = re.sub(r"[ '’_]|,(?=\d{3}(?:\D|$))", "", figure).replace(",", ".")
    if whole.count(".") > 1:
        return whole
    value = float(whole) * {"": 1, "k": 1e3, "K": 1e3, "M": 1e6}[scale]
    return f"{value:.10g}" if "." in whole or scale else whole.lstrip("0") or "0"


def names_of(text: str, *, known: str) -> list[str]:
    """Names in `text` that do not stand in `known`: capitalised words, abbreviations, identifiers, paths.

    A capitalised word that opens a sentence is a name unless it is a plain word or a form of one that is known.
    """
    told = _told(known)
    stems = {word[:_LEAST_STEM] for word in told if len(word) >= _LEAST_STEM}
    found: dict[str, None] = {}
    for word in _WORD.finditer(text):
        name = word.group().rstrip(_LOOSE)
        if not _is_name(name) or all(part in told for part in _parts(name)):
            continue
        opens = _OPENS.search(text[max(0, word.start() - 40) : word.start()])
        plain = name.casefold()
        if opens and name[1:].islower() and (plain in _PLAIN_OPENINGS or plain[:_LEAST_STEM] in stems):
            continue
        found[name] = None
    return list(found)


def _is_name(word: str) -> bool:
    if word[0].isdigit():
        return False  # figures have their own check
    if any(sign in word for sign in "_/@") or any(each.isdigit() for each in word):
        return True
    return any(each.isupper() for each in word) and word.casefold() not in ("i", "i'm", "i'll", "i've")


def _parts(name: str) -> list[str]:
    """Parts of which each has to be known: both halves of `North-South`, both names of `Ana/Ben`."""
    whole = re.sub(r"['’]s$", "", name.casefold())
    return [part for part in re.split(r"[-/.:@]", whole) if part and not part.isdigit()]


def _told(known: str) -> set[str]:
    words: set[str] = set()
    for found in _WORD.findall(known):
        plain = re.sub(r"['’]s$", "", found.casefold().rstrip(_LOOSE))
        words |= {plain, *_parts(plain)}
    return words
