"""Cleanup that somebody asks for, and what brings things back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from config.kernel.transactions import transactional
from sessions_app.domain.needs import predicted_need
from sessions_app.domain.words import Component
from sessions_app.models import ContextItem, Instance, Session, StateItem
from sessions_app.selectors.policies import terms_of
from sessions_app.services.cleanup.compacting import Freed, clean, foresee
from sessions_app.services.cleanup.planning import Aim, held_tokens, most_after
from sessions_app.services.cleanup.restoring import restore_archive
from sessions_app.services.log import active_instance, locked
from sessions_app.services.thinking import thinking_first, thought_out_by
from sessions_app.services.windows.ladder import climb


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupAsk:
    """Which windows to clean up (without an agent all of the session's) and how far.

    Without a target whatever is due is done. `task` (files, agents, minutes) makes room for a task
    of that size that is about to begin. `component` keeps to one part of the window.
    """

    agent: str | None = None
    epoch: int | None = None
    target_tokens: int | None = None
    component: Component | None = None
    task: Mapping[str, int] | None = None
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What a cleanup did to the window of an agent, or would do. `missing_tokens` could not be freed."""

    agent: str
    epoch: int
    missing_tokens: int
    freed: Freed


@thinking_first
@transactional
def clean_up(*, session_id: UUID, team_id: int, ask: CleanupAsk, actor: str, now: datetime) -> list[Cleaned]:
    """Clean up windows of a session, archive first; a dry run changes nothing.

    Raises NotFound for an agent that is not there, Conflict (`stale_epoch`, `session_ended`).
    """
    session = locked(session_id, team_id=team_id)
    if ask.agent is not None:
        active_instance(session, ask.agent, epoch=ask.epoch)
    with thought_out_by(lambda: _foresee_all(session, ask, now)):
        return [_cleaned(session, instance, ask, actor, now) for instance in _instances(session, ask.agent)]


@thinking_first
@transactional
def restore(*, session_id: UUID, team_id: int, archive_id: int, actor: str, now: datetime) -> ContextItem | StateItem:
    """Bring back what an archive of a session holds. Raises as `restore_archive` does."""
    session = locked(session_id, team_id=team_id)
    row = restore_archive(session, archive_id, actor=actor, now=now)
    if isinstance(row, ContextItem):
        climb(session, row.instance, actor=actor, now=now)
    return row


def _instances(session: Session, agent: str | None) -> list[Instance]:
    """The active instances, or that of one agent."""
    active = Instance.objects.filter(session=session, status=Instance.Status.ACTIVE)
    return list((active if agent is None else active.filter(agent=agent)).order_by("agent"))


def _foresee_all(session: Session, ask: CleanupAsk, now: datetime) -> None:
    """Think out what every window takes, so that one look at them is enough for all."""
    for instance in _instances(session, ask.agent):
        foresee(session, instance, _aim(session, ask), now=now)


def _aim(session: Session, ask: CleanupAsk) -> Aim:
    coming = predicted_need(ask.task, terms_of(session).needs).total_tokens if ask.task else 0
    return Aim(target_tokens=ask.target_tokens, component=ask.component, coming_tokens=coming)


def _cleaned(session: Session, instance: Instance, ask: CleanupAsk, actor: str, now: datetime) -> Cleaned:
    aim = _aim(session, ask)
    held = held_tokens(instance, aim)
    if ask.is_dry_run:
        freed = foresee(session, instance, aim, now=now)
    else:
        freed = clean(session, instance, aim, reason="need" if ask.task else "asked", actor=actor, now=now)
        if freed.steps:
            climb(session, instance, actor=actor, now=now)
    left = held - (freed.tokens_before - freed.tokens_after)
    most = most_after(session, instance, aim)
    return Cleaned(agent=instance.agent, epoch=instance.epoch, missing_tokens=max(0, left - most), freed=freed)
