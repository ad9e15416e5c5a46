"""Compaction: the strategies of the policy are carried out, one after the other, until enough is free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sessions_app.domain.cleanup import Action, Step
from sessions_app.domain.words import Component, ItemKind
from sessions_app.models import ContextItem, Instance, Session
from sessions_app.services.cleanup.leaving import leave
from sessions_app.services.cleanup.planning import Aim, rows_of, steps_for
from sessions_app.services.log import Draft, append
from sessions_app.services.windows.sizes import move, set_components

MOST_TOLD_STEPS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One step as it was, or would be, carried out; in tokens. `archives` lead back to what left the window."""

    strategy: str
    action: str
    keys: tuple[str, ...]
    tokens_before: int
    tokens_after: int
    text: str
    kept: str
    archives: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """What a compaction did to a window, in tokens of its context. `seq` is the event that tells it, if it did any."""

    tokens_before: int
    tokens_after: int
    steps: tuple[Done, ...]
    seq: int | None = None


def compact(
    session: Session,
    instance: Instance,
    *,
    target_tokens: int,
    reason: str,
    actor: str,
    now: datetime,
    component: Component | None = None,
    coming_tokens: int = 0,
) -> Freed:
    """Free the window of an active instance down to `target_tokens`, or as far as that can be done; say what was done.

    The session is locked. Everything that leaves is archived before. With `component` only items of
    that one are touched, and target and need are its own. `coming_tokens` are about to be added.
    """
    aim = Aim(target_tokens=target_tokens, component=component, coming_tokens=coming_tokens)
    return clean(session, instance, aim, reason=reason, actor=actor, now=now)


def clean(session: Session, instance: Instance, aim: Aim, *, reason: str, actor: str, now: datetime) -> Freed:
    """Carry out what an aim takes, in the window of an active instance of a locked session; tell it in one event."""
    before = instance.context_tokens
    rows = rows_of(instance, aim.component)
    steps = list(steps_for(session, instance, rows, aim, now=now))
    if not steps:
        return Freed(tokens_before=before, tokens_after=before, steps=())
    by_id = {row.pk: row for row in rows}
    done = tuple(_carry_out(session, instance, step, by_id, now) for step in steps)
    set_components(instance, {})
    facts = {"reason": reason, "tokens_before": before, **_told(instance, done)}
    seq = append(session, Draft(kind="cleanup.done", actor=actor, instance=instance, facts=facts), now=now)
    return Freed(tokens_before=before, tokens_after=instance.context_tokens, steps=done, seq=seq)


def foresee(session: Session, instance: Instance, aim: Aim, *, now: datetime) -> Freed:
    """What `clean` would do, without doing it."""
    before = instance.context_tokens
    steps = tuple(
        _done(each, ()) for each in steps_for(session, instance, rows_of(instance, aim.component), aim, now=now)
    )
    return Freed(tokens_before=before, tokens_after=max(0, before - sum(map(_freed, steps))), steps=steps)


def _carry_out(session: Session, instance: Instance, step: Step, rows: dict[int, ContextItem], now: datetime) -> Done:
    """Archive and change the items of a step. The sizes of the window change with it; the caller saves them."""
    archives = []
    for item in step.items:
        row = rows[item.id]
        archives.append(leave(session, row, strategy=step.strategy, agent=instance.agent, now=now).pk)
        tokens = step.tokens_after if step.action == Action.SHORTEN else 0
        move(instance, row.component, tokens - row.tokens)
        row.tokens = tokens
        row.text = step.text if step.action == Action.SHORTEN else ""
        is_out = step.action != Action.SHORTEN
        row.status = ContextItem.Status.UNLOADED if is_out else ContextItem.Status.COMPRESSED
        row.save(update_fields=["archive", "text", "text_sha256", "tokens", "status"])
    if step.action == Action.GATHER:
        _gather(session, instance, step, now)
    return _done(step, tuple(archives))


def _gather(session: Session, instance: Instance, step: Step, now: datetime) -> None:
    """Put the text that stands for several items into the window, as old as the newest of them."""
    key = f"summary-{session.head_seq + 1}"
    while ContextItem.objects.filter(instance=instance, key=key).exists():
        key += "+"
    ContextItem.objects.create(
        instance=instance,
        key=key,
        component=step.items[0].component,
        kind=ItemKind.SUMMARY,
        text=step.text,
        tokens=step.tokens_after,
        original_tokens=step.tokens_after,
        created_at=max(item.created_at for item in step.items),
        last_access_at=max(item.last_access_at for item in step.items),
    )
    move(instance, step.items[0].component, step.tokens_after)


def _done(step: Step, archives: tuple[int, ...]) -> Done:
    return Done(
        strategy=step.strategy,
        action=step.action,
        keys=tuple(item.key for item in step.items),
        tokens_before=step.tokens_before,
        tokens_after=step.tokens_after,
        text=step.text,
        kept=step.kept,
        archives=archives,
    )


def _freed(done: Done) -> int:
    return done.tokens_before - done.tokens_after


def _told(instance: Instance, done: Sequence[Done]) -> dict[str, Any]:
    """What the log says of a compaction: by strategy, and the first steps one by one."""
    by_strategy: Counter[str] = Counter()
    for each in done:
        by_strategy[each.strategy] += _freed(each)
    first = [[each.strategy, each.keys[0][:80], _freed(each), *each.archives[:3]] for each in done[:MOST_TOLD_STEPS]]
    return {
        "agent": instance.agent,
        "epoch": instance.epoch,
        "tokens_after": instance.context_tokens,
        "freed_by_strategy": dict(by_strategy),
        "steps": first,
        "left_out": len(done) - len(first),
    }
