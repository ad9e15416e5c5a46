"""A plan of cleanup: the strategies in the order of the policy, until enough is freed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from sessions_app.domain.cleanup.items import Action, Item, Kit, Room, Step, without
from sessions_app.domain.cleanup.strategies import BY_NAME, FOR_ROOM, Scene
from sessions_app.domain.terms import SessionTerms


def steps_of(items: Sequence[Item], *, room: Room, terms: SessionTerms, kit: Kit, now: datetime) -> Iterator[Step]:
    """Steps that free what `room` asks for, or all that can be done if that is less. Changes nothing itself.

    What an earlier step took out or shortened is so for the later ones; every step frees something.
    """
    for name in terms.cleanup.order:
        if name in FOR_ROOM and not room.is_needed:
            continue
        for drafted in BY_NAME[name](_scene(items, room, terms, kit, now)):
            if room.is_reached:
                return
            if name in FOR_ROOM and not room.is_needed:
                break
            step = keeping_pinned(drafted, items, kit)
            if step.freed < 1:
                continue
            yield step
            room = room.less(step.freed)
            items = without(items, step)


def keeping_pinned(step: Step, items: Sequence[Item], kit: Kit) -> Step:
    """The step, after which every pinned text that stood in the window still stands in it."""
    own = {item.id for item in step.items}
    others = [item.text for item in items if item.id not in own]
    missing = [
        each
        for each in kit.pinned
        if any(each in item.text for item in step.items)
        and each not in step.text
        and not any(each in text for text in others)
    ]
    if not missing:
        return step
    text = "\n".join(filter(None, (step.text, *missing)))
    action = Action.SHORTEN if step.action == Action.UNLOAD else step.action
    kept = f"Pinned facts. {step.kept}" if step.action == Action.UNLOAD else step.kept
    return replace(step, action=action, text=text, tokens_after=kit.count(text), kept=kept)


def _scene(items: Sequence[Item], room: Room, terms: SessionTerms, kit: Kit, now: datetime) -> Scene:
    ordered = sorted(items, key=lambda item: (item.last_access_at, item.id))
    return Scene(
        items=[item for item in ordered if not item.is_pinned],
        pinned=[item for item in ordered if item.is_pinned],
        room=room,
        terms=terms,
        kit=kit,
        now=now,
    )
