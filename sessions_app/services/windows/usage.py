"""The report of a call: its tokens, what its window holds now, its hold, a change of the state. All of it once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from budgets.selectors import find_operation_tokens
from budgets.services import count_tokens
from config.kernel.errors import InvalidInput
from config.kernel.transactions import transactional
from sessions_app.domain.reports import grown, new_tokens, stated
from sessions_app.domain.windows import crossed
from sessions_app.domain.words import Component
from sessions_app.models import Instance, InstanceHold, Session, Usage
from sessions_app.selectors.policies import terms_of
from sessions_app.selectors.state import lines_between
from sessions_app.services.checkpoints import checkpoint_if_due
from sessions_app.services.log import Draft, Writer, active_instance, append, locked, patch_state
from sessions_app.services.thinking import thinking_first
from sessions_app.services.windows.holds import claim_hold, settle
from sessions_app.services.windows.items import ItemAsk, itemised_tokens, put_items, sized
from sessions_app.services.windows.ladder import climb
from sessions_app.services.windows.sizes import components_of, size, window_of
from sessions_app.services.windows.store import find_usage, store_usage


@dataclass(frozen=True, slots=True, kw_only=True)
class StatePatch:
    """A change of the shared state that comes with a report, as `patch_state` takes it."""

    base_seq: int
    format: str
    delta: Any
    may_rebase: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """What an agent tells of one call.

    Tokens are told, or counted: the input from `prompt` (all that was sent), the output from `text` (the
    answer). `components` are what those parts of the window hold after the call. Without them the window
    held at least the input, and the answer joins it. A `hold_id` is settled at input and output.
    `is_late`: an earlier life of the agent began it. It is counted, and this one's window holds none of it.
    """

    call_id: str
    component: Component = Component.INTERACTION
    operation: str = ""
    subject: str = ""
    input_tokens: int | None = None
    cached_tokens: int = 0
    output_tokens: int | None = None
    prompt: str | None = None
    text: str | None = None
    components: Mapping[str, int] = field(default_factory=dict)
    items: Sequence[ItemAsk] = ()
    hold_id: UUID | None = None
    estimated_tokens: int | None = None
    patch: StatePatch | None = None
    is_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A report as it is stored: the number of its event, and what that tells. `instance` is as it is now."""

    seq: int
    facts: Mapping[str, Any]
    instance: Instance
    warning_percent: int | None = None
    was_replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tokens:
    """Tokens of a call; `is_estimate` if we counted some of them."""

    input: int
    cached: int
    output: int
    is_estimate: bool

    @property
    def total(self) -> int:
        return self.input + self.output


def record_usage(
    *, session_id: UUID, team_id: int, agent: str, epoch: int, report: UsageReport, actor: str, now: datetime
) -> Recorded:
    """Store a report, settle its hold, change the state, then climb the ladder: all of it, or nothing.

    The same `call_id` again answers with what is stored. Raises InvalidInput with code `call_id_reused`
    if it was another call's, or naming what is wrong; Conflict with code `stale_epoch`, `stale_sequence`
    or `already_resolved`; NotFound.
    """
    tokens = _tokens(report)
    report = replace(report, items=sized(report.items))
    return _record(session_id, team_id, agent, epoch, report, tokens, actor, now)


@thinking_first
@transactional
def _record(
    session_id: UUID,
    team_id: int,
    agent: str,
    epoch: int,
    report: UsageReport,
    tokens: _Tokens,
    actor: str,
    now: datetime,
) -> Recorded:
    session = locked(session_id, team_id=team_id, may_be_ended=True)
    if (known := find_usage(session.pk, report.call_id)) is not None:
        return _replayed(known, agent, report, tokens)
    if session.status == Session.Status.ENDED or report.patch is not None:
        session = _patched(session, agent, epoch, report, actor, now)
    instance = active_instance(session, agent, epoch=epoch)
    hold = claim_hold(session, instance, report.hold_id) if report.hold_id else None
    recorded = _store(session, instance, report, tokens, _foreseen(report, hold), actor, now)
    climb(session, instance, actor=actor, now=now)
    checkpoint_if_due(session, actor=actor, now=now)
    # Last: whoever waits for these budgets waits for as little as possible of this.
    warning = settle(hold, tokens.total, actor=actor, now=now) if hold else None
    return replace(recorded, warning_percent=warning)


def _foreseen(report: UsageReport, hold: InstanceHold | None) -> int | None:
    """Tokens that were foreseen: as told, as held, or as operations of this name usually take."""
    if report.estimated_tokens is not None:
        return report.estimated_tokens
    if hold is not None:
        return hold.tokens
    return find_operation_tokens(report.operation) if report.operation else None


def _store(
    session: Session,
    instance: Instance,
    report: UsageReport,
    tokens: _Tokens,
    estimated: int | None,
    actor: str,
    now: datetime,
) -> Recorded:
    before = instance.context_tokens
    instance.last_seen_at = now
    _size(session, instance, report, tokens, actor, now)
    session.tokens_used += tokens.total
    session.tokens_since_checkpoint += new_tokens(before=before, after=instance.context_tokens, output=tokens.output)
    window = window_of(instance)
    facts = {
        "call_id": report.call_id,
        "agent": instance.agent,
        "epoch": instance.epoch,
        "operation": report.operation,
        "subject": report.subject,
        "component": str(report.component),
        "input_tokens": tokens.input,
        "cached_tokens": tokens.cached,
        "output_tokens": tokens.output,
        "is_estimate": tokens.is_estimate,
        "estimated_tokens": estimated,
        "context_tokens": window.context,
        "occupancy_percent": window.percent,
        "crossed": [str(rung) for rung in crossed(window, instance.fired_rungs, terms_of(session))],
    }
    draft = Draft(kind="usage.recorded", actor=actor, instance=instance, facts=facts, tokens=tokens.total)
    seq = append(session, draft, now=now)
    usage = {
        "session_id": session.pk,
        "call_id": report.call_id,
        "instance_id": instance.pk,
        "seq": seq,
        "at": session.last_event_at,
        "operation": report.operation,
        "subject": report.subject,
        "component": report.component.value,
        "input_tokens": tokens.input,
        "cached_tokens": tokens.cached,
        "output_tokens": tokens.output,
        "context_tokens": window.context,
        "estimated_tokens": estimated,
        "is_estimate": tokens.is_estimate,
        "hold_id": report.hold_id,
    }
    store_usage(session, instance, usage)
    return Recorded(seq=seq, facts=facts, instance=instance)


def _size(
    session: Session, instance: Instance, report: UsageReport, tokens: _Tokens, actor: str, now: datetime
) -> None:
    """Let the window hold what the report says."""
    if report.is_late:
        return
    before = instance.context_tokens
    held = components_of(instance)
    if report.items:
        _, held = put_items(session, instance, report.items, actor=actor, now=now)
    if report.components:
        held = stated(held, report.components, itemised_tokens(instance))
    else:
        held = grown(held, before=before, prompt=tokens.input, output=tokens.output, component=report.component)
    size(instance, held)


def _patched(session: Session, agent: str, epoch: int, report: UsageReport, actor: str, now: datetime) -> Session:
    """The session, locked again after the change of its state that the report brings. Raises Conflict if it ended."""
    if (patch := report.patch) is not None:
        patch_state(
            session_id=session.pk,
            team_id=session.team_id,
            base_seq=patch.base_seq,
            format=patch.format,
            delta=patch.delta,
            writer=Writer(actor=actor, agent=agent, epoch=epoch),
            may_rebase=patch.may_rebase,
            now=now,
        )
    return locked(session.pk)


def _replayed(known: Usage, agent: str, report: UsageReport, tokens: _Tokens) -> Recorded:
    told = (agent, tokens.input, tokens.cached, tokens.output, report.operation, report.subject, report.hold_id)
    stored = (
        known.instance.agent,
        known.input_tokens,
        known.cached_tokens,
        known.output_tokens,
        known.operation,
        known.subject,
        known.hold_id,
    )
    if told != stored:
        raise InvalidInput("This call id was used for another call.", field="call_id", code="call_id_reused")
    line = next(lines_between(known.session_id, known.seq - 1, known.seq))
    return Recorded(seq=known.seq, facts=line["facts"], instance=known.instance, was_replayed=True)


def _tokens(report: UsageReport) -> _Tokens:
    """Tokens as told or counted. Raises InvalidInput naming the field."""
    if all(each is None for each in (report.input_tokens, report.output_tokens, report.prompt, report.text)):
        raise InvalidInput("Say how many tokens it took, or send what is to be counted.", field="input_tokens")
    counts_input = report.input_tokens is None and report.prompt is not None
    counts_output = report.output_tokens is None and report.text is not None
    tokens = _Tokens(
        input=count_tokens(report.prompt or "") if counts_input else report.input_tokens or 0,
        cached=report.cached_tokens,
        output=count_tokens(report.text or "") if counts_output else report.output_tokens or 0,
        is_estimate=counts_input or counts_output,
    )
    if tokens.cached > tokens.input:
        raise InvalidInput("Cached tokens are a part of the input.", field="cached_tokens")
    return tokens
