"""What a compaction would do: the items of a window, the room that is asked for, the plan of the domain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from budgets.services import count_tokens
from sessions_app.domain.cleanup import Item, Kit, Room, Step, steps_of
from sessions_app.domain.windows import Window
from sessions_app.domain.words import Component, ItemKind
from sessions_app.models import ContextItem, Fact, Instance, Session
from sessions_app.selectors.policies import terms_of
from sessions_app.services.thinking import excerpted, shortened, thought_out_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """How far a window, or one component of it, is cleaned up.

    With a target until that is reached; what was used the longest ago is evicted if the window is above
    `evict_above_percent` with what is coming. Without a target everything that is due by its age is
    done; above that percentage files, answers of tools and documentation are cut as well, and things are
    evicted, until the window with what is coming is below it.
    """

    target_tokens: int | None = None
    component: Component | None = None
    coming_tokens: int = 0


def rows_of(instance: Instance, component: Component | None = None) -> list[ContextItem]:
    """What is in a window."""
    rows = ContextItem.objects.filter(instance=instance).exclude(status=ContextItem.Status.UNLOADED)
    if component is not None:
        rows = rows.filter(component=component)
    return list(rows.select_related("archive"))


def steps_for(
    session: Session, instance: Instance, rows: Sequence[ContextItem], aim: Aim, *, now: datetime
) -> Iterator[Step]:
    """The steps towards an aim, one by one as they are asked for. Changes nothing; may raise Unthought."""
    items, room = [_item(row) for row in rows], _room(session, instance, aim)
    plan = partial(steps_of, items, room=room, terms=terms_of(session), kit=_kit(session), now=now)
    with thought_out_by(lambda: list(plan())):
        yield from plan()


def held_tokens(instance: Instance, aim: Aim) -> int:
    """What the window, or the component that an aim is about, holds."""
    if aim.component is None:
        return instance.context_tokens
    held: int = instance.component_tokens.get(aim.component, 0)
    return held


def most_after(session: Session, instance: Instance, aim: Aim) -> int:
    """What may be held once an aim is reached."""
    if aim.target_tokens is not None:
        return aim.target_tokens
    return max(0, _most_before_eviction(session, instance, aim.component) - aim.coming_tokens)


def _room(session: Session, instance: Instance, aim: Aim) -> Room:
    held = held_tokens(instance, aim)
    if aim.target_tokens is None:
        return Room(held_tokens=held, target_tokens=None, evict_to_tokens=most_after(session, instance, aim))
    is_tight = held + aim.coming_tokens > _most_before_eviction(session, instance, aim.component)
    return Room(
        held_tokens=held,
        target_tokens=aim.target_tokens,
        evict_to_tokens=aim.target_tokens if is_tight else None,
    )


def _most_before_eviction(session: Session, instance: Instance, component: Component | None) -> int:
    """Tokens that may be held before things are evicted only because they were used the longest ago."""
    terms = terms_of(session)
    empty = Window(size=instance.window_tokens, output=instance.max_output_tokens, context=0)
    percent = terms.cleanup.evict_above_percent
    if component is not None:
        return empty.share(terms.shares.percent[component]) * percent // 100
    if session.profile == Session.Profile.PERPETUAL:
        percent = terms.ladder.perpetual_percent
    return empty.room_below(percent)


def _item(row: ContextItem) -> Item:
    return Item(
        id=row.pk,
        key=row.key,
        component=Component(row.component),
        kind=ItemKind(row.kind),
        text=row.text,
        tokens=row.tokens,
        original_tokens=row.original_tokens,
        is_pinned=row.is_pinned,
        is_finished=row.is_finished,
        is_shortened=row.status == ContextItem.Status.COMPRESSED,
        created_at=row.created_at,
        last_access_at=row.last_access_at,
    )


def _kit(session: Session) -> Kit:
    facts = Fact.objects.filter(session=session, is_pinned=True, superseded_by=None)
    return Kit(count=count_tokens, shorten=shortened, cut=excerpted, pinned=tuple(facts.values_list("text", flat=True)))
