"""Full windows for benchmarks/sessions.py: instructions, sources, documentation, tool output and talk, the same in each
run of one commit and other ones for each agent.

Sources and documentation are this project's own; talk is that of `sessions_facts`; tool output is made up.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import lru_cache
from itertools import count
from pathlib import Path

from budgets.services import count_tokens
from sessions_app.domain.words import Component, ItemKind
from sessions_app.services.windows.items import ItemAsk

ROOT = Path(__file__).resolve().parent.parent
LONGEST_CHARACTERS = {ItemKind.MESSAGE: 1_500}
MOST_CHARACTERS = 16_000
"""Of any other item: as much of a file as an agent reads at once."""
SHARES = {
    Component.SYSTEM: (10, ItemKind.INSTRUCTION, "docs/adr/*.md"),
    Component.WORKING_MEMORY: (30, ItemKind.FILE, "*/services/**/*.py"),
    Component.KNOWLEDGE: (20, ItemKind.DOCUMENTATION, "docs/*.md"),
    Component.AGENT: (15, ItemKind.TOOL_OUTPUT, ""),
    Component.INTERACTION: (25, ItemKind.MESSAGE, "benchmarks/sessions_facts/*.json"),
}
"""Percent of what the window holds, and where it comes from."""


def full_window(number: int, agents: int, tokens: int) -> list[ItemAsk]:
    """The items of the window of agent `number` of so many; together as many tokens, less a hundred at most."""
    found: list[ItemAsk] = []
    left = tokens
    for component, (percent, kind, where) in SHARES.items():
        room = left if component == Component.INTERACTION else tokens * percent // 100
        for item in _items(component, kind, where, number, agents):
            text = _cut(item.text, room)
            if not text:
                break
            taken = count_tokens(text)
            found.append(ItemAsk(key=item.key, component=component, kind=kind, text=text, tokens=taken))
            room, left = room - taken, left - taken
    return found


def _items(component: Component, kind: ItemKind, where: str, number: int, agents: int) -> Iterator[ItemAsk]:
    """Without an end: every agent begins at another piece, and none is told twice in the same words."""
    pieces = (
        _pieces(where, LONGEST_CHARACTERS.get(kind, MOST_CHARACTERS))
        if where
        else tuple(_tool_output(number, at) for at in range(40))
    )
    first = number * len(pieces) // agents
    for at in count():
        name, text = pieces[(first + at) % len(pieces)]
        key = f"{component.value}:{at}:{name}"
        yield ItemAsk(key=key, component=component, kind=kind, text=f"[{number}.{at}] {name}\n{text}")


@lru_cache(maxsize=8)
def _pieces(where: str, most_characters: int) -> tuple[tuple[str, str], ...]:
    """Files by name, cut where they are long."""
    found = []
    for path in sorted(ROOT.glob(where)):
        text = path.read_text()
        text = "\n".join(json.loads(text)["lines"]) if path.suffix == ".json" else text
        name = str(path.relative_to(ROOT))
        parts = range(0, len(text), most_characters)
        found += [(f"{name}:{at}", text[at : at + most_characters]) for at in parts if text[at:].strip()]
    return tuple(found)


def _tool_output(number: int, at: int) -> tuple[str, str]:
    """What a poll of gauges printed."""
    chance = random.Random(f"{number}:{at}")
    lines = [
        f"2026-03-{chance.randint(1, 28):02d}T{chance.randint(0, 23):02d}:{chance.randint(0, 59):02d}Z "
        f"gauge-{chance.randint(1, 400)} level={chance.uniform(0.2, 9.8):.2f} m flow={chance.randint(3, 900)} m3/s "
        f"{chance.choice(('ok', 'ok', 'ok', 'late', 'WARNING above the mark', 'ERROR no answer within 5 s'))}"
        for _ in range(chance.randint(20, 160))
    ]
    return f"poll-{at}", "\n".join(lines)


def _cut(text: str, most_tokens: int) -> str:
    """The whole text, or as much of it as fits; nothing where that is not worth an item."""
    while most_tokens >= 20 and (tokens := count_tokens(text)) > most_tokens:
        text = text[: len(text) * most_tokens // tokens]
    return text if most_tokens >= 20 else ""
