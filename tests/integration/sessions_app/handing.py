"""A session with full windows, and a handoff of its agents."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from budgets.domain.units import Amounts
from sessions_app.domain.words import Phase, Protocol
from sessions_app.models import ContextItem, Handoff, HandoffMember, Instance, InstanceHold
from sessions_app.services.handoffs import Ballot, carry_on, open_handoff, vote
from sessions_app.services.log import Writer, patch_state
from sessions_app.services.windows.holds import HoldAsk, reserve
from sessions_app.services.windows.usage import Recorded, UsageReport, record_usage
from tests.integration.sessions_app.desk import instance_of, session_of
from tests.integration.world import NOW

STATE = {"focus": "evacuate the harbour district", "roles": {"a1": "lead"}, "tasks": {"t1": {"done": False}}}


def fill(session_id: UUID, agent: str, *, now: datetime = NOW) -> None:
    """A pinned instruction, a fresh message, an old tool output and a file of which only the size is known."""
    instance = instance_of(session_id, agent)
    old = now - timedelta(hours=3)
    for key, kind, component, text, changes in (
        ("rules", "instruction", "system", "Never close the last bridge.", {"is_pinned": True}),
        ("m1", "message", "interaction", "The water rises at the harbour.", {}),
        ("out", "tool_output", "knowledge", "gauge 1.4 m " * 20, {"last_access_at": old}),
        ("plan.md", "file", "knowledge", "", {"locator": "repo/plan.md", "last_access_at": old}),
    ):
        values: dict[str, Any] = {"last_access_at": now, "created_at": old, "tokens": 50, "original_tokens": 50}
        ContextItem.objects.create(
            instance=instance, key=key, kind=kind, component=component, text=text, **{**values, **changes}
        )
    instance.component_tokens = {**instance.component_tokens, "system": 50, "interaction": 350, "knowledge": 100}
    instance.context_tokens = 500
    instance.save()


def patch(session_id: UUID, delta: dict[str, Any], *, now: datetime = NOW) -> int:
    """Write to the state at its head."""
    session = session_of(session_id)
    return patch_state(
        session_id=session_id,
        team_id=session.team_id,
        base_seq=session.head_seq,
        format="merge",
        delta=delta,
        writer=Writer(actor="key test"),
        now=now,
    ).seq


def begin(session_id: UUID, protocol: str = "coordinated", *, now: datetime = NOW) -> Handoff:
    """A handoff of the session's own team."""
    return open_handoff(
        session_id=session_id,
        team_id=session_of(session_id).team_id,
        protocol=Protocol(protocol),
        reason="the windows are full",
        actor="key test",
        now=now,
    )


def say(handoff: Handoff, agent: str, word: str = "ready", *, now: datetime = NOW, **changes: Any) -> Handoff:
    """The vote of an agent in the epoch in which it is."""
    values = {"epoch": instance_of(handoff.session_id, agent).epoch, "reason": "busy" if word == "refused" else ""}
    return vote(
        session_id=handoff.session_id,
        team_id=handoff.session.team_id,
        number=handoff.number,
        ballot=Ballot(agent=agent, vote=word, **{**values, **changes}),
        actor="key test",
        now=now,
    )


def reserve_for(session_id: UUID, agent: str, epoch: int) -> UUID:
    """An open hold of an agent."""
    ask = HoldAsk(
        agent=agent,
        epoch=epoch,
        amounts=Amounts(tokens=300, carbon_ug=0, micro_usd=0),
        lease_expires_at=NOW + timedelta(hours=1),
        reference=f"call of {agent}",
    )
    team_id = session_of(session_id).team_id
    return reserve(session_id=session_id, team_id=team_id, ask=ask, actor="test", now=NOW).hold_id


def report_as(session_id: UUID, agent: str, epoch: int, **changes: Any) -> Recorded:
    """The report of a call."""
    report = UsageReport(**{"call_id": "c1", "input_tokens": 100, "output_tokens": 10, **changes})
    team_id = session_of(session_id).team_id
    return record_usage(
        session_id=session_id, team_id=team_id, agent=agent, epoch=epoch, report=report, actor="test", now=NOW
    )


def finish(handoff: Handoff, *, now: datetime = NOW) -> Handoff:
    """Let all vote ready and carry the handoff on to its end."""
    carry_on(handoff_id=handoff.pk, now=now)
    if Handoff.objects.get(pk=handoff.pk).phase == Phase.COORDINATING:
        for member in HandoffMember.objects.filter(handoff=handoff):
            say(handoff, member.agent, now=now)
        carry_on(handoff_id=handoff.pk, now=now)
    return Handoff.objects.get(pk=handoff.pk)


def open_holds(session_id: UUID) -> dict[UUID, tuple[str, int]]:
    """Whose open hold is whose: agent and epoch."""
    rows = InstanceHold.objects.filter(session=session_id, is_open=True).select_related("instance")
    return {each.hold_id: (each.instance.agent, each.instance.epoch) for each in rows}


def assert_sound(session_id: UUID) -> None:
    """I5, I6, I9 and the ends of handoffs, as far as rows show them."""
    active = Instance.objects.filter(session=session_id, status=Instance.Status.ACTIVE)
    agents = set(Instance.objects.filter(session=session_id).values_list("agent", flat=True))
    assert sorted(active.values_list("agent", flat=True)) == sorted(agents), "one active instance of every agent"
    for instance in active:
        older = Instance.objects.filter(session=session_id, agent=instance.agent, activated_at__isnull=False)
        assert max(older.values_list("epoch", flat=True)) == instance.epoch, "the newest that ever worked is active"
        items = ContextItem.objects.filter(instance=instance)
        assert instance.context_tokens == sum(instance.component_tokens.values())
        assert instance.context_tokens >= sum(items.values_list("tokens", flat=True))
    retired = Instance.objects.filter(session=session_id, status=Instance.Status.RETIRED)
    assert not retired.filter(budget__isnull=False).exists(), "no budget stays behind"
    holds = InstanceHold.objects.filter(session=session_id, is_open=True)
    assert not holds.exclude(instance__status=Instance.Status.ACTIVE).exists(), "no hold stays behind"
    unfinished = Handoff.objects.filter(session=session_id).exclude(phase__in=("complete", "aborted"))
    standby = Instance.objects.filter(session=session_id, status=Instance.Status.STANDBY)
    wanted = HandoffMember.objects.filter(handoff__in=unfinished, target__isnull=False).values_list("target", flat=True)
    assert set(standby.values_list("pk", flat=True)) == set(wanted), "nobody stands by for a handoff that ended"
