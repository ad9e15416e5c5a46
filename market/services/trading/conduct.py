"""Flags: what auditors should look at, what hoarding costs, appeals and decisions.

Looking reads; each flag is a transaction of its own and is noticed once, by its key, whoever looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.domain.principal import Principal
from config.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from config.kernel.events import publish
from config.kernel.transactions import transactional
from market.events import ConductChanged
from market.models import Appeal, ConductFlag, FundEntry, Journal, team_account
from market.services.trading.money import FundMove, Line, account_of, lock_accounts, post

WATCH = "market watch"
LONGEST_REASON = 300
LONGEST_APPEAL = 2_000


@transactional
def raise_flag(
    *,
    key: str,
    kind: ConductFlag.Kind,
    team_id: int,
    since: datetime,
    evidence: Mapping[str, Any],
    charge_micro_usd: int = 0,
    budget_id: UUID | None = None,
    instrument: str | None = None,
    now: datetime,
) -> bool:
    """Notice a pattern once and charge for it what is due, at most what the team's account has free; True if new.

    The charge goes to the Access Fund. What was due and what could be taken are both kept.
    """
    flag, is_new = ConductFlag.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "team_id": team_id,
            "budget_id": budget_id,
            "instrument_id": instrument,
            "since": since,
            "until": now,
            "evidence": {**evidence, "charge_due_micro_usd": charge_micro_usd} if charge_micro_usd else dict(evidence),
            "noticed_at": now,
        },
    )
    if not is_new:
        return False
    if charge_micro_usd:
        _charge(flag, charge_micro_usd, now=now)
    publish(ConductChanged(team_ids=(team_id,), at=now))
    return True


@transactional
def appeal_flag(*, flag_id: int, text: str, principal: Principal, now: datetime) -> Appeal:
    """A team's word against a flag.

    Raises NotFound, NotAllowed of another team's, InvalidInput `text`, Conflict `lifted`, `already_appealed` or
    `decided` (an appeal against it was rejected).
    """
    flag = _locked_flag(flag_id)
    if not principal.may_see_team(flag.team_id):
        raise NotFound("There is no such flag.")
    if flag.team_id != principal.team_id:
        raise NotAllowed("This flag is another team's.")
    if not text.strip():
        raise InvalidInput("Say why it should be lifted.", field="text", code="required")
    if len(text) > LONGEST_APPEAL:
        raise InvalidInput(f"At most {LONGEST_APPEAL:,} characters.", field="text", code="too_long")
    _require_appealable(flag)
    appeal = Appeal.objects.create(flag=flag, text=text.strip(), at=now, actor=principal.actor)
    publish(ConductChanged(team_ids=(flag.team_id,), at=now))
    return appeal


@transactional
def decide_appeal(*, appeal_id: int, accept: bool, reason: str, actor: str, now: datetime) -> None:
    """Accept an appeal: the flag is lifted and its charge given back; or reject it: the flag stands.

    Raises NotFound, Conflict `decided`, InvalidInput `reason`, and FundShort if the Fund cannot give the
    charge back now; then nothing has changed.
    """
    found = Appeal.objects.filter(pk=appeal_id).first()
    if found is None:
        raise NotFound("There is no such appeal.")
    flag = _locked_flag(found.flag_id)
    appeal = Appeal.objects.select_for_update().get(pk=appeal_id)
    if appeal.status != Appeal.Status.OPEN:
        raise Conflict("This appeal is decided.", code="decided")
    reason = _reason(reason)
    appeal.status = Appeal.Status.ACCEPTED if accept else Appeal.Status.REJECTED
    appeal.decided_at, appeal.decided_by, appeal.decision_reason = now, actor, reason
    appeal.save()
    _decide(flag, lift=accept, reason=reason, actor=actor, now=now)


@transactional
def decide_flag(*, flag_id: int, lift: bool, reason: str, actor: str, now: datetime) -> None:
    """Lift a flag, with its charge given back, or uphold it, without an appeal.

    Raises NotFound, InvalidInput `reason`, FundShort, Conflict `decided`, or `appealed` where an appeal waits.
    """
    flag = _locked_flag(flag_id)
    if flag.appeals.filter(status=Appeal.Status.OPEN).exists():
        raise Conflict("The team has appealed: decide the appeal.", code="appealed")
    if flag.status != ConductFlag.Status.OPEN:
        raise Conflict("This flag is decided.", code="decided")
    _decide(flag, lift=lift, reason=_reason(reason), actor=actor, now=now)


def _charge(flag: ConductFlag, due: int, *, now: datetime) -> None:
    name = account_of(flag.team_id)
    account = lock_accounts({name})[name]
    amount = min(due, account.balance_micro_usd - account.reserved_micro_usd)
    if amount <= 0:
        return
    reason = f"{flag.get_kind_display()}: {due} micro-USD due by the policy"
    flag.charge = post(
        kind=Journal.Kind.CHARGE,
        lines=[Line(account=name, delta_micro_usd=-amount)],
        fund=[FundMove(kind=FundEntry.Kind.CHARGE, micro_usd=amount, reason=reason)],
        actor=WATCH,
        reason=reason,
        reference=f"flag:{flag.pk}",
        now=now,
    )
    flag.charge_micro_usd = amount
    flag.save(update_fields=["charge", "charge_micro_usd"])


def _decide(flag: ConductFlag, *, lift: bool, reason: str, actor: str, now: datetime) -> None:
    flag.status = ConductFlag.Status.LIFTED if lift else ConductFlag.Status.UPHELD
    flag.decided_at, flag.decided_by, flag.decision_reason = now, actor, reason
    flag.save(update_fields=["status", "decided_at", "decided_by", "decision_reason"])
    if lift and flag.charge_id is not None:
        post(
            kind=Journal.Kind.REVERSAL,
            lines=[Line(account=team_account(flag.team_id), delta_micro_usd=flag.charge_micro_usd)],
            fund=[FundMove(kind=FundEntry.Kind.REVERSAL, micro_usd=-flag.charge_micro_usd, reason=reason)],
            actor=actor,
            reason=reason,
            reference=f"flag:{flag.pk}",
            reverses_id=flag.charge_id,
            now=now,
        )
    publish(ConductChanged(team_ids=(flag.team_id,), at=now))


def _require_appealable(flag: ConductFlag) -> None:
    if flag.status == ConductFlag.Status.LIFTED:
        raise Conflict("This flag is lifted.", code="lifted")
    known = set(flag.appeals.values_list("status", flat=True))
    if Appeal.Status.OPEN in known:
        raise Conflict("Your appeal against this flag waits for a decision.", code="already_appealed")
    if Appeal.Status.REJECTED in known:
        raise Conflict("An appeal against this flag was rejected.", code="decided")


def _locked_flag(flag_id: int) -> ConductFlag:
    flag = ConductFlag.objects.select_for_update().filter(pk=flag_id).first()
    if flag is None:
        raise NotFound("There is no such flag.")
    return flag


def _reason(reason: str) -> str:
    if not reason.strip():
        raise InvalidInput("Say why.", field="reason", code="required")
    if len(reason) > LONGEST_REASON:
        raise InvalidInput(f"At most {LONGEST_REASON} characters.", field="reason", code="too_long")
    return reason.strip()
