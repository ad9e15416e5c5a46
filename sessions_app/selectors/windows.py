"""Context windows as they stand, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, QuerySet, Sum

from budgets.selectors import find_hold_leases
from config.kernel.errors import NotFound
from sessions_app.domain.needs import Need, missing_tokens, predicted_need
from sessions_app.domain.terms import SessionTerms
from sessions_app.domain.windows import Window, rearmed
from sessions_app.domain.words import Component, Rung
from sessions_app.models import ContextItem, Instance, InstanceHold, Session, Usage
from sessions_app.selectors.policies import terms_of

MOST_HOLDS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentFacts:
    """A part of a window in tokens: what it holds, the most that it may hold, and how much of it is in items."""

    component: str
    tokens: int
    most_tokens: int
    itemised_tokens: int
    predicted_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFacts:
    """The window of an active instance, in tokens.

    `floor_tokens` no cleanup can free: they are pinned, or in no item. `room_tokens` can be added before
    it admits nothing new; `missing_tokens` are what its components lack of the predicted need.
    """

    agent: str
    epoch: int
    role: str
    model: str
    window_tokens: int
    max_output_tokens: int
    context_tokens: int
    occupancy_percent: float
    rungs: tuple[str, ...]
    admits_new: bool
    room_tokens: int
    floor_tokens: int
    missing_tokens: int
    items: int
    components: tuple[ComponentFacts, ...]
    open_holds: int
    held_tokens: int
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionWindows:
    """The windows of a session at an event of its log, and what its task is expected to need of each."""

    seq: int
    need: Need
    windows: tuple[WindowFacts, ...]


def get_windows(session: Session) -> SessionWindows:
    """The windows of all active agents, by name, in five queries."""
    terms = terms_of(session)
    need = predicted_need(session.task, terms.needs)
    rows = list(Instance.objects.filter(session=session, status=Instance.Status.ACTIVE).order_by("agent"))
    ids = [row.pk for row in rows]
    contents = _contents(ids)
    holds: dict[int, list[int]] = {pk: [] for pk in ids}
    for hold in _reserving(InstanceHold.objects.filter(instance__in=ids, is_open=True)):
        holds[hold.instance_id].append(hold.tokens)
    windows = (_window(row, terms, need, contents.get(row.pk, {}), holds[row.pk]) for row in rows)
    return SessionWindows(seq=session.head_seq, need=need, windows=tuple(windows))


def list_items(
    session_id: UUID,
    agent: str,
    *,
    component: str | None = None,
    kind: str | None = None,
    status: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[ContextItem]:
    """Items of the window of an agent, newest first, without their texts."""
    wanted = {"component": component, "kind": kind, "status": status}
    rows = _items(session_id, agent).filter(**{name: value for name, value in wanted.items() if value})
    if before:
        rows = rows.filter(pk__lt=before)
    return list(rows.defer("text").order_by("-pk")[:limit])


def get_item(session_id: UUID, agent: str, item_id: int) -> ContextItem:
    """One item. Raises NotFound."""
    row = _items(session_id, agent).filter(pk=item_id).first()
    if row is None:
        raise NotFound("The window of this agent has no such item.", field="item")
    return row


def list_usage(
    session_id: UUID,
    *,
    agent: str | None = None,
    operation: str | None = None,
    component: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[Usage]:
    """Calls of a session, newest first."""
    wanted = {"instance__agent": agent, "operation": operation, "component": component}
    rows = Usage.objects.filter(session=session_id, **{name: value for name, value in wanted.items() if value})
    if before:
        rows = rows.filter(pk__lt=before)
    return list(rows.select_related("instance").order_by("-pk")[:limit])


def list_open_holds(session_id: UUID) -> list[InstanceHold]:
    """Holds of a session that reserve something still, oldest first, at most `MOST_HOLDS`."""
    rows = InstanceHold.objects.filter(session=session_id, is_open=True)
    return _reserving(rows.select_related("instance").order_by("created_at", "pk"))[:MOST_HOLDS]


def _reserving(rows: QuerySet[InstanceHold]) -> list[InstanceHold]:
    """Holds that their budget has not given back: where a lease ran out, a late report is still taken."""
    found = list(rows)
    leases = find_hold_leases(row.pk for row in found)
    return [row for row in found if row.pk in leases and leases[row.pk].is_open]


def _items(session_id: UUID, agent: str) -> QuerySet[ContextItem]:
    return ContextItem.objects.filter(
        instance__session=session_id, instance__agent=agent, instance__status=Instance.Status.ACTIVE
    )


Contents = Mapping[str, tuple[int, int, int]]
"""By component: number of items in the window, their tokens, those of pinned ones."""


def _contents(ids: list[int]) -> dict[int, dict[str, tuple[int, int, int]]]:
    rows = (
        ContextItem.objects.filter(instance__in=ids)
        .exclude(status=ContextItem.Status.UNLOADED)
        .order_by()
        .values_list("instance", "component", "is_pinned")
        .annotate(Count("pk"), Sum("tokens"))
    )
    found: dict[int, dict[str, tuple[int, int, int]]] = {}
    for pk, component, is_pinned, count, tokens in rows:
        of_window = found.setdefault(pk, {})
        items, held, pinned = of_window.get(component, (0, 0, 0))
        of_window[component] = (items + count, held + tokens, pinned + tokens * is_pinned)
    return found


def _window(row: Instance, terms: SessionTerms, need: Need, contents: Contents, held: list[int]) -> WindowFacts:
    window = Window(size=row.window_tokens, output=row.max_output_tokens, context=row.context_tokens)
    rungs = rearmed(window, row.fired_rungs, terms)
    itemised = sum(tokens for _, tokens, _ in contents.values())
    pinned = sum(tokens for _, _, tokens in contents.values())
    return WindowFacts(
        agent=row.agent,
        epoch=row.epoch,
        role=row.role,
        model=row.model,
        window_tokens=row.window_tokens,
        max_output_tokens=row.max_output_tokens,
        context_tokens=row.context_tokens,
        occupancy_percent=window.percent,
        rungs=tuple(rungs),
        admits_new=Rung.REFUSE not in rungs,
        room_tokens=window.room_below(terms.ladder.refuse_percent),
        floor_tokens=row.context_tokens - itemised + pinned,
        missing_tokens=missing_tokens(need, row.component_tokens),
        items=sum(count for count, _, _ in contents.values()),
        components=tuple(_component(each, row, window, terms, need, contents) for each in Component),
        open_holds=len(held),
        held_tokens=sum(held),
        last_seen_at=row.last_seen_at,
    )


def _component(
    component: Component, row: Instance, window: Window, terms: SessionTerms, need: Need, contents: Contents
) -> ComponentFacts:
    return ComponentFacts(
        component=component,
        tokens=row.component_tokens.get(component, 0),
        most_tokens=window.share(terms.shares.percent[component]),
        itemised_tokens=contents.get(component, (0, 0, 0))[1],
        predicted_tokens=need.tokens[component],
    )
