"""The ways of cleaning up, each a pure function from items to steps, the longest unused first.

None touches what is pinned. The conversation of the last `keep_whole_minutes` is neither shortened nor taken out
(only a second copy of something is), and nothing that was used within them is shortened. Those of `FOR_ROOM` have no
age of their own: they act while room is needed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sessions_app.domain.cleanup.items import Action, Item, Kit, Room, Step
from sessions_app.domain.cleanup.likeness import Gist, gist_of, repeats
from sessions_app.domain.terms import SessionTerms
from sessions_app.domain.words import Component, ItemKind

IN_ARCHIVE = "The whole is in the archive."
COMPARED_MESSAGES = 50
"""A message is compared with so many that follow it: what is repeated later than that is worth saying again."""
EXCERPTED = (ItemKind.FILE, ItemKind.TOOL_OUTPUT)
LARGE = (*EXCERPTED, ItemKind.MESSAGE, ItemKind.TASK, ItemKind.KNOWLEDGE, ItemKind.OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a strategy looks at. `items` are those in the window that are not pinned, the longest unused first."""

    items: Sequence[Item]
    pinned: Sequence[Item]
    room: Room
    terms: SessionTerms
    kit: Kit
    now: datetime

    def idle(self, minutes: int) -> Iterator[Item]:
        """Items that nobody used for so long."""
        bound = timedelta(minutes=minutes)
        return (item for item in self.items if item.idle(self.now) >= bound)

    def settled(self) -> Iterator[Item]:
        """Items that may be shortened: not in use, and not of the last part of the conversation."""
        return (item for item in self.idle(self.terms.cleanup.keep_whole_minutes) if not self.is_recent(item))

    def is_recent(self, item: Item) -> bool:
        """Whether it belongs to the part of the conversation that stays whole."""
        age = self.now - item.created_at
        return _is_interaction(item) and age < timedelta(minutes=self.terms.cleanup.keep_whole_minutes)


Strategy = Callable[[Scene], Iterator[Step]]


def drop_duplicates(scene: Scene) -> Iterator[Step]:
    """The same text twice: the copy that was used last stays, or the pinned one."""
    twins: dict[str, Item] = {item.text: item for item in scene.pinned if item.text}
    for item in reversed(scene.items):
        if not item.text or not item.tokens:
            continue
        twin = twins.setdefault(item.text, item)
        if twin is not item:
            yield _unload("drop_duplicates", item, f"The same text stays in the window as {twin.key}.")


def drop_debug(scene: Scene) -> Iterator[Step]:
    """Debug output that nobody looks at any more."""
    for item in scene.idle(scene.terms.cleanup.debug_idle_minutes):
        if item.kind == ItemKind.DEBUG:
            yield _unload("drop_debug", item)


def archive_finished(scene: Scene) -> Iterator[Step]:
    """Tasks that are done."""
    for item in scene.items:
        if item.is_finished:
            yield _unload("archive_finished", item)


def drop_redundant(scene: Scene) -> Iterator[Step]:
    """A message that a later one repeats; never one that differs in a number, a name or a negation."""
    messages = sorted((item for item in scene.items if _is_message(item)), key=lambda item: (item.created_at, item.id))
    percent = scene.terms.cleanup.redundant_percent
    may_go = {item.id for item in scene.settled()}
    staying: deque[tuple[Item, Gist]] = deque(maxlen=COMPARED_MESSAGES)
    for item in reversed(messages):
        gist = gist_of(item.text)
        twin = next((later for later, said in staying if repeats(gist, said, percent)), None)
        if twin is not None and item.id in may_go:
            yield _unload("drop_redundant", item, f"{twin.key} says it again.")
        else:
            staying.append((item, gist))


def compress_large(scene: Scene) -> Iterator[Step]:
    """Large things that nobody used for a while: of prose whole sentences stay, of files and answers of tools lines."""
    cleanup = scene.terms.cleanup
    for item in scene.idle(cleanup.large_idle_minutes):
        if item.tokens > cleanup.large_tokens and item.kind in LARGE and not scene.is_recent(item):
            way = scene.kit.cut if item.kind in EXCERPTED else scene.kit.shorten
            yield from _shortened("compress_large", item, cleanup.large_keep_percent, way, scene.kit)


def compress_documentation(scene: Scene) -> Iterator[Step]:
    """Documentation that is not in use, while room is needed."""
    percent = scene.terms.cleanup.documentation_keep_percent
    for item in scene.settled():
        if item.kind == ItemKind.DOCUMENTATION:
            yield from _shortened("compress_documentation", item, percent, scene.kit.shorten, scene.kit)


def keep_excerpts(scene: Scene) -> Iterator[Step]:
    """Files and answers of tools that are not in use, while room is needed: beginning, end and telling lines stay."""
    percent = scene.terms.cleanup.excerpt_keep_percent
    for item in scene.settled():
        if item.kind in EXCERPTED:
            yield from _shortened("keep_excerpts", item, percent, scene.kit.cut, scene.kit)


def summarise_interactions(scene: Scene) -> Iterator[Step]:
    """The older part of the conversation, gathered into one summary."""
    old = [item for item in scene.idle(scene.terms.cleanup.summarise_idle_minutes) if _is_message(item)]
    old = sorted((item for item in old if not scene.is_recent(item)), key=lambda item: (item.created_at, item.id))
    if len(old) < 2:  # one message is not worth a summary
        return
    before = sum(item.tokens for item in old)
    heading = f"Summary of {len(old)} earlier messages, {old[0].key} to {old[-1].key}:\n"
    most = before * scene.terms.memory.summary_percent // 100 - scene.kit.count(heading) - 1
    words = scene.kit.shorten("\n\n".join(item.text for item in old), most) if most > 0 else ""
    text = heading + words
    tokens = scene.kit.count(text)
    if words and tokens < before:
        yield Step(
            strategy="summarise_interactions",
            action=Action.GATHER,
            items=tuple(old),
            tokens_after=tokens,
            text=text,
            kept=f"A summary of them. {IN_ARCHIVE}",
        )


def archive_interactions(scene: Scene) -> Iterator[Step]:
    """The oldest part of the conversation, summaries of it too."""
    for item in scene.idle(scene.terms.cleanup.archive_idle_minutes):
        if _is_interaction(item) and not scene.is_recent(item):
            yield _unload("archive_interactions", item)


def unload_knowledge(scene: Scene) -> Iterator[Step]:
    """Knowledge that nobody asks for: loaded again when somebody does."""
    for item in scene.idle(scene.terms.cleanup.knowledge_idle_minutes):
        if item.component == Component.KNOWLEDGE or item.kind == ItemKind.KNOWLEDGE:
            yield _unload("unload_knowledge", item)


def evict_least_recent(scene: Scene) -> Iterator[Step]:
    """What was used the longest ago, while more is held than the room allows."""
    held, most = scene.room.held_tokens, scene.room.evict_to_tokens
    for item in scene.items:
        if most is None or held <= most:
            return
        if item.component != Component.SYSTEM and item.kind != ItemKind.INSTRUCTION and not scene.is_recent(item):
            held -= item.tokens
            yield _unload("evict_least_recent", item)


def _unload(strategy: str, item: Item, kept: str = IN_ARCHIVE) -> Step:
    return Step(strategy=strategy, action=Action.UNLOAD, items=(item,), kept=kept)


def _shortened(strategy: str, item: Item, percent: int, shorten: Callable[[str, int], str], kit: Kit) -> Iterable[Step]:
    """A step to so many percent of what the item once was, if there is a text and it gets shorter by that."""
    most = item.original_tokens * percent // 100
    if not item.text or item.tokens <= most or most < 1:
        return
    text = shorten(item.text, most)
    tokens = kit.count(text)
    if text and 0 < tokens <= most:
        words = f"At most {percent} % of it. {IN_ARCHIVE}"
        yield Step(strategy=strategy, action=Action.SHORTEN, items=(item,), tokens_after=tokens, text=text, kept=words)


def _is_interaction(item: Item) -> bool:
    return item.component == Component.INTERACTION or item.kind == ItemKind.MESSAGE


def _is_message(item: Item) -> bool:
    return _is_interaction(item) and bool(item.text) and item.kind != ItemKind.SUMMARY


BY_NAME: dict[str, Strategy] = {
    each.__name__: each
    for each in (
        drop_duplicates,
        drop_debug,
        archive_finished,
        drop_redundant,
        compress_large,
        compress_documentation,
        keep_excerpts,
        summarise_interactions,
        archive_interactions,
        unload_knowledge,
        evict_least_recent,
    )
}

FOR_ROOM = frozenset({compress_documentation.__name__, keep_excerpts.__name__})
"""They cut the most of what may yet be read again: what is large and long idle comes first, by `compress_large`."""
