"""The Access Fund: discounts out, premiums in, never below zero, every move an entry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from config.kernel.errors import Conflict, InvalidInput
from config.kernel.events import publish
from market.events import FundChanged
from market.models import FUND_NAME, AllocationRun, Fund, FundEntry


class FundShort(Conflict):
    """Another request has just reserved what this one counted on. Decide again."""

    code = "fund_short"


@transaction.atomic
def deposit_to_fund(*, micro_usd: int, actor: str, reason: str, now: datetime) -> None:
    """Put money into the Fund. Raises InvalidInput if it is not a positive amount."""
    if micro_usd <= 0:
        raise InvalidInput("A deposit is more than zero.", field="micro_usd")
    Fund.objects.get_or_create(name=FUND_NAME)
    _move(FundEntry.Kind.DEPOSIT, balance=micro_usd, reserved=0, actor=actor, reason=reason, request_id=None, now=now)


def reserve_discount(*, micro_usd: int, request_id: UUID, actor: str, now: datetime) -> None:
    """Promise a discount. Raises FundShort if that much is not there any more."""
    _move(
        FundEntry.Kind.RESERVE,
        balance=0,
        reserved=micro_usd,
        actor=actor,
        reason="discount promised",
        request_id=request_id,
        now=now,
    )


def release_discount(*, micro_usd: int, request_id: UUID, actor: str, now: datetime) -> None:
    """Take back a promise that will not be used."""
    _move(
        FundEntry.Kind.RELEASE,
        balance=0,
        reserved=-micro_usd,
        actor=actor,
        reason="discount not used",
        request_id=request_id,
        now=now,
    )


def move_plan_promise(run: AllocationRun, *, micro_usd: int, reason: str, actor: str, now: datetime) -> None:
    """Keep so much more of the Fund for a plan as a whole, or less. Raises FundShort if it is not there.

    The caller has the plan to itself (`plan_lock.own_plan`) or gives back only what the plan promised.
    """
    if not micro_usd:
        return
    kind = FundEntry.Kind.RESERVE if micro_usd > 0 else FundEntry.Kind.RELEASE
    _move(kind, balance=0, reserved=micro_usd, actor=actor, reason=reason, request_id=None, now=now)
    _add_to_plan(run, micro_usd)


def take_from_plan(run: AllocationRun, promises: Sequence[tuple[UUID, int, str]], *, now: datetime) -> None:
    """Turn what a plan keeps of the Fund into promises to single requests: (request, micro-USD, actor) each.

    The Fund keeps as much as before; its books have a pair for each.
    """
    promises = [each for each in promises if each[1]]
    if not promises:
        return
    FundEntry.objects.bulk_create(
        FundEntry(
            fund_id=FUND_NAME,
            request_id=of_request,
            kind=kind,
            reserved_delta_micro_usd=sign * micro_usd,
            at=now,
            actor=actor,
            reason="taken up from the plan",
        )
        for request_id, micro_usd, actor in promises
        for kind, sign, of_request in ((FundEntry.Kind.RELEASE, -1, None), (FundEntry.Kind.RESERVE, 1, request_id))
    )
    _add_to_plan(run, -sum(micro_usd for _, micro_usd, _ in promises))


def _add_to_plan(run: AllocationRun, micro_usd: int) -> None:
    AllocationRun.objects.filter(pk=run.pk).update(fund_promised_micro_usd=F("fund_promised_micro_usd") + micro_usd)


def settle_flows(
    *, promised_micro_usd: int, paid_micro_usd: int, premium_micro_usd: int, request_id: UUID, actor: str, now: datetime
) -> None:
    """Pay the discount that was earned out of its promise, and take in the premium."""
    if promised_micro_usd or paid_micro_usd:
        _move(
            FundEntry.Kind.DISCOUNT,
            balance=-paid_micro_usd,
            reserved=-promised_micro_usd,
            actor=actor,
            reason="discount paid",
            request_id=request_id,
            now=now,
        )
    if premium_micro_usd:
        _move(
            FundEntry.Kind.PREMIUM,
            balance=premium_micro_usd,
            reserved=0,
            actor=actor,
            reason="premium received",
            request_id=request_id,
            now=now,
        )


def correct_flows(*, paid_micro_usd: int, premium_micro_usd: int, request_id: UUID, actor: str, now: datetime) -> None:
    """Pay so much more of a discount and take in so much more of a premium; below zero, the other way.

    Raises FundShort if a premium that was too high cannot be paid back now.
    """
    flows = [
        (premium_micro_usd, FundEntry.Kind.PREMIUM, "premium corrected"),
        (-paid_micro_usd, FundEntry.Kind.DISCOUNT, "discount corrected"),
    ]
    # What comes in first: it may pay for what goes out.
    for balance, kind, reason in sorted(flows, reverse=True):
        if balance:
            _move(kind, balance=balance, reserved=0, actor=actor, reason=reason, request_id=request_id, now=now)


def book_market_moves(
    moves: Sequence[tuple[FundEntry.Kind, int, str]], *, journal_id: int, actor: str, now: datetime
) -> None:
    """Write what one journal entry of the market brings the Fund or costs it: (kind, micro-USD, reason) each.

    What comes in pays for what goes out. Raises FundShort if the Fund cannot pay the rest.
    """
    moves = [move for move in moves if move[1]]
    if not moves:
        return
    Fund.objects.get_or_create(name=FUND_NAME)
    _change(balance=sum(micro_usd for _, micro_usd, _ in moves), reserved=0)
    FundEntry.objects.bulk_create(
        FundEntry(
            fund_id=FUND_NAME,
            journal_id=journal_id,
            kind=kind,
            balance_delta_micro_usd=micro_usd,
            at=now,
            actor=actor,
            reason=reason,
        )
        for kind, micro_usd, reason in moves
    )
    publish(FundChanged(at=now))


def lock_fund() -> int:
    """Lock the Fund; what it can still pay, micro-USD, until this transaction ends."""
    fund = Fund.objects.select_for_update().filter(name=FUND_NAME).first()
    return fund.balance_micro_usd - fund.reserved_micro_usd if fund else 0


def _move(
    kind: FundEntry.Kind,
    *,
    balance: int,
    reserved: int,
    actor: str,
    reason: str,
    request_id: UUID | None,
    now: datetime,
) -> None:
    _change(balance=balance, reserved=reserved)
    FundEntry.objects.create(
        fund_id=FUND_NAME,
        request_id=request_id,
        kind=kind,
        balance_delta_micro_usd=balance,
        reserved_delta_micro_usd=reserved,
        at=now,
        actor=actor,
        reason=reason,
    )
    publish(FundChanged(at=now))


def _change(*, balance: int, reserved: int) -> None:
    moved = Fund.objects.filter(
        name=FUND_NAME, balance_micro_usd__gte=F("reserved_micro_usd") + reserved - balance
    ).update(balance_micro_usd=F("balance_micro_usd") + balance, reserved_micro_usd=F("reserved_micro_usd") + reserved)
    if not moved:
        raise FundShort("The Fund cannot promise this much any more.")
