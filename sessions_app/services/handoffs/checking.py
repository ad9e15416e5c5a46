"""Validation: every package is held against what the session says itself."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sessions_app.domain.handoff.checks import Finding, Truth, check, is_passed
from sessions_app.domain.handoff.packages import DamagedPackage, Decision, unpack
from sessions_app.domain.words import Protocol
from sessions_app.models import ContextItem, HandoffMember, Instance
from sessions_app.services.handoffs.copying import decisions_of, identity_of
from sessions_app.services.handoffs.held import Held
from sessions_app.services.handoffs.items import items_of_instances


def check_all(held: Held) -> dict[str, Any]:
    """What the checks of the last transfer find, as the handoff keeps it."""
    is_emergency = held.protocol == Protocol.EMERGENCY
    decisions = decisions_of(held)
    items = items_of_instances((each.source_id for each in held.members), with_texts=False)
    packages = dict(HandoffMember.objects.filter(handoff=held.handoff).values_list("agent", "package"))
    found = {
        each.agent: _check(held, each, bytes(packages[each.agent] or b""), items[each.source_id], decisions)
        for each in held.members
    }
    return {
        "seq": held.handoff.copied_seq,
        "passed": all(is_passed(each, is_emergency=is_emergency) for each in found.values()),
        "agents": {agent: [asdict(each) for each in findings] for agent, findings in found.items()},
    }


def failures_in(checks: dict[str, Any]) -> str:
    """What did not pass, in a line."""
    return "; ".join(
        f"{agent}: {each['name']} ({each['detail']})"
        for agent, findings in checks.get("agents", {}).items()
        for each in findings
        if not each["passed"]
    )


def _check(
    held: Held, member: HandoffMember, body: bytes, items: list[ContextItem], decisions: tuple[Decision, ...]
) -> list[Finding]:
    try:
        package = unpack(body, bytes(member.sha256 or b""))
    except DamagedPackage as error:
        return [Finding(name="hash", passed=False, detail=str(error))]
    source, terms = member.source, held.terms
    is_emergency = held.protocol == Protocol.EMERGENCY
    percent = terms.ladder.emergency_percent if is_emergency else terms.ladder.warn_percent
    truth = Truth(
        identity=identity_of(held, member),
        is_source_active=source.status == Instance.Status.ACTIVE,
        decisions=decisions,
        digest=bytes(held.session.digest).hex(),
        items={each.key: each.tokens for each in items},
        context_tokens=source.context_tokens,
        room_tokens=max(0, source.window_tokens * percent // 100 - source.max_output_tokens),
    )
    return check(package, truth, focus_percent=terms.handoffs.focus_percent)
