"""What an agent of a round reads before it answers, in a bounded number of tokens.

In this order: pinned facts, its own last answer, dissents, the newest of the last cycles. What stands earlier is
never crowded out by what comes after it. Older cycles only fill a prompt that would else be below its least size:
nothing is made up to fill it. Words of agents stand behind a mark on each line: whatever they say, they are no head
of another's words, no title and no form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

TITLES = {
    "pinned": "What is settled:",
    "own": "What you said last:",
    "dissents": "Who dissents, and why:",
    "newest": "What the others said last:",
    "older": "What was said before:",
}
"""Sections in the order in which they are packed."""
LEAST_SHORTENED_TOKENS = 40
"""A text is not cut down to less: it is left out."""
QUOTE = "> "
QUOTE_TOKENS = 3
"""What the mark may add to a text that was shortened to one line."""

Count = Callable[[str], int]
Shorten = Callable[[str, int], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What somebody said in a cycle: its words where they are still hot, where it stands and why."""

    agent: str
    cycle: int
    stance: str
    confidence: float
    text: str
    reason: str = ""
    priority: float = 0.0
    is_repeat: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """The packed text, its tokens, and by section how many lines there was no room for."""

    text: str
    tokens: int
    left_out: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """All that could be packed. `own` are the reader's own turns; `cycle` is the one it is about to speak in."""

    pinned: Sequence[str] = ()
    own: Sequence[Heard] = ()
    others: Sequence[Heard] = ()
    cycle: int = 1
    newest_cycles: int = 3


def pack(material: Material, *, least_tokens: int, most_tokens: int, count: Count, shorten: Shorten) -> Packed:
    """At most `most_tokens` of it; below `least_tokens` only where there is no more to say."""
    packing = _Packing(most_tokens, count, shorten)
    for name, lines in _sections(material):
        if name == "older" and packing.tokens >= least_tokens:
            break
        packing.add(name, lines)
    return Packed(text=packing.text, tokens=packing.tokens, left_out=packing.left_out)


def quoted(words: str) -> str:
    """Words of an agent, as prompts quote them."""
    return "\n".join(f"{QUOTE}{line}" for line in words.splitlines())


def _sections(material: Material) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    last = {each.agent: each for each in sorted(material.others, key=lambda each: each.cycle)}
    dissents = [each for each in last.values() if each.stance == "dissent"]
    is_told = {(each.agent, each.cycle) for each in dissents}
    rest = [each for each in material.others if (each.agent, each.cycle) not in is_told and not each.is_repeat]
    first_new = material.cycle - material.newest_cycles
    yield "pinned", [(f"- {each}", "") for each in material.pinned]
    yield "own", [_line(each) for each in _newest_first(material.own)[:1]]
    yield "dissents", [_line(each) for each in _newest_first(dissents)]
    yield "newest", [_line(each) for each in _newest_first(rest) if each.cycle >= first_new and _says(each)]
    yield "older", [_line(each) for each in _newest_first(rest) if each.cycle < first_new and _says(each)]


def _newest_first(said: Iterable[Heard]) -> list[Heard]:
    """The newest cycle first; in a cycle who serves what counts most, then by name."""
    return sorted(said, key=lambda each: (-each.cycle, -each.priority, each.agent))


def _says(heard: Heard) -> bool:
    return bool(heard.text or heard.reason)


def _line(heard: Heard) -> tuple[str, str]:
    """The head of what somebody said, and its words."""
    because = f" because {' '.join(heard.reason.split())}" if heard.reason else ""
    return f"[{heard.agent}, cycle {heard.cycle}, {heard.stance} at {heard.confidence:.2f}{because}]", heard.text


class _Packing:
    """Sections as they are filled. What is counted is the text as it will stand."""

    def __init__(self, most_tokens: int, count: Count, shorten: Shorten):
        self._most = most_tokens
        self._count = count
        self._shorten = shorten
        self.text = ""
        self.tokens = 0
        self.left_out: dict[str, int] = {}

    def add(self, name: str, lines: Sequence[tuple[str, str]]) -> None:
        """Add what fits of a section, under its title."""
        ending = f"\n\n{TITLES[name]}\n" if self.text else f"{TITLES[name]}\n"
        for place, (head, words) in enumerate(lines):
            line = f"{head}\n{quoted(words)}" if words else head
            if not self._put(f"{ending}{line}") and not self._put_short(f"{ending}{head}\n", words):
                self.left_out[name] = len(lines) - place
                return
            ending = "\n"

    def _put(self, more: str) -> bool:
        tokens = self._count(self.text + more)
        if tokens > self._most:
            return False
        self.text, self.tokens = self.text + more, tokens
        return True

    def _put_short(self, head: str, words: str) -> bool:
        """A long text in fewer words, under its head; a pinned fact or a head is never shortened."""
        room = self._most - self._count(f"{self.text}{head}") - QUOTE_TOKENS
        if not words or room < LEAST_SHORTENED_TOKENS:
            return False
        return self._put(f"{head}{quoted(' '.join(self._shorten(words, room).split()))}")
