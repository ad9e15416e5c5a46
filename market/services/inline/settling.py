"""Settling and giving back many inline grants in one commit, to the same rows as `settle` and `release` one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction

from budgets import selectors as budget_reads
from budgets import services as budgets
from budgets.domain.ending import Came, HoldReturn, HoldUse, SettledHold
from budgets.domain.estimates import Estimate
from budgets.domain.units import Amounts
from config.kernel.errors import Conflict, DomainError
from config.kernel.transactions import transactional
from market.domain.footprint import Split
from market.domain.inline import InlineReturn, InlineSettled, InlineUse
from market.domain.placement.promised import promised_amounts
from market.models import AllocationRequest, FundEntry, Settlement
from market.services.inline.ending import Ending
from market.services.inline.open_grants import OpenGrant, lock_open_grants
from market.services.learning import input_of, tells_its_need
from market.services.resolve import release, settle
from market.services.settling import require_use, settled_figures

Status = AllocationRequest.Status
T = TypeVar("T")


@transactional
def end_inline(
    uses: Sequence[InlineUse], returns: Sequence[InlineReturn] = (), *, now: datetime
) -> tuple[list[InlineSettled | DomainError], list[DomainError | None]]:
    """Charge what each call really used, and give back the grants of which nothing was: what came of each.

    In the caller's transaction, or one of its own. The refusals are those of `settle` and `release`; one that is
    refused changes nothing, and the others go on. Open grants go together; what is odd (given back by the sweep,
    settled unverified, split, reported twice) comes after them, one by one. Locks requests, holds, hours, the Fund,
    then budgets deepest first, of all of them: two calls one after the other would lock hours after budgets.
    """
    grants = lock_open_grants([*(each.request_id for each in uses), *(each.request_id for each in returns)])
    settled: dict[int, InlineSettled | DomainError] = {}
    together: dict[int, tuple[InlineUse, OpenGrant]] = {}
    for index, use in enumerate(uses):
        grant = grants.pop(use.request_id, None)
        if grant is None:
            continue
        try:
            require_use(use.used_tokens, split_of(use), granted_tokens=grant.granted_tokens)
            together[index] = (use, grant)
        except DomainError as refusal:
            settled[index] = refusal
    back = {index: grant for index, each in enumerate(returns) if (grant := grants.pop(each.request_id, None))}
    ended = _end_together(list(together.values()), [(returns[index], grant) for index, grant in back.items()], now=now)
    settled |= zip(together, ended, strict=True)
    for index, use in enumerate(uses):
        if index not in settled:
            settled[index] = _or_refusal(lambda use=use: _settle_alone(use, now=now))  # type: ignore[misc]
    given_back: list[DomainError | None] = [
        None if index in back else _or_refusal(lambda each=each: _release_alone(each, now=now))  # type: ignore[misc]
        for index, each in enumerate(returns)
    ]
    return [settled[index] for index in range(len(uses))], given_back


def split_of(use: InlineUse) -> Split | None:
    """How the used tokens were divided, where the provider told."""
    return None if use.input_tokens is None else Split(input_tokens=use.input_tokens, cached_tokens=use.cached_tokens)


def _end_together(
    works: Sequence[tuple[InlineUse, OpenGrant]], back: Sequence[tuple[InlineReturn, OpenGrant]], *, now: datetime
) -> list[InlineSettled]:
    if not works and not back:
        return []
    ending = Ending(now=now)
    for use, grant in works:
        _end(ending, use, grant)
    for each, grant in back:
        _give_back(ending, each, grant)
    ending.write()
    _learn(works, now=now)
    holds = [
        HoldUse(hold=grant.hold, amounts=_amounts(row), actor=use.actor)
        for (use, grant), row in zip(works, ending.settlements, strict=True)
    ]
    given_back = [HoldReturn(hold=grant.hold, actor=each.actor, reason=each.reason) for each, grant in back]
    settled = budgets.end_holds(holds, given_back, now=now)
    return [_settled(use, row, hold) for (use, _), row, hold in zip(works, ending.settlements, settled, strict=True)]


def _end(ending: Ending, use: InlineUse, grant: OpenGrant) -> None:
    """As `resolve.settled`: the record, the room of the hour, the flows of the Fund."""
    promised = grant.fund_reserved_micro_usd
    figures = settled_figures(
        grant.terms, grant.facts, [grant.part], use.used_tokens, payable_micro_usd=promised, split=split_of(use)
    )
    ending.end(grant, Status.SETTLED.value)
    ending.settlements.append(_row(use, grant, figures, now=ending.now))
    ending.free(grant, max(0, grant.granted_tokens - use.used_tokens))
    paid, premium = figures["from_fund_micro_usd"], max(0, figures["justice_micro_usd"])
    if promised or paid:
        kind, reason = FundEntry.Kind.DISCOUNT, "discount paid"
        ending.flow(kind, grant, balance=-paid, reserved=-promised, actor=use.actor, reason=reason)
    if premium:
        ending.flow(FundEntry.Kind.PREMIUM, grant, balance=premium, actor=use.actor, reason="premium received")


def _give_back(ending: Ending, back: InlineReturn, grant: OpenGrant) -> None:
    """As `resolve.release`."""
    ending.end(grant, Status.CANCELLED.value)
    ending.free(grant, grant.granted_tokens)
    if promised := grant.fund_reserved_micro_usd:
        ending.flow(FundEntry.Kind.RELEASE, grant, reserved=-promised, actor=back.actor, reason="discount not used")


def _row(use: InlineUse, grant: OpenGrant, figures: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    return {
        "request_id": grant.request_id,
        "decision_id": grant.decision_id,
        **figures,
        "quality": use.quality,
        "market_value_tokens": None if use.quality is None else use.used_tokens * use.quality,
        "settled_at": now,
        "is_verified": True,
    }


def _learn(works: Sequence[tuple[InlineUse, OpenGrant]], *, now: datetime) -> None:
    """As `learning.note_work`: outcomes of what was predicted, and the value of work whose quality was reported."""
    came = []
    for use, grant in works:
        input_tokens = input_of(reported=use.input_tokens, asked=grant.input_tokens)
        reference = f"request:{grant.request_id}"
        if grant.estimate and tells_its_need(
            used_tokens=use.used_tokens,
            input_tokens=input_tokens,
            granted_tokens=grant.granted_tokens,
            asked_tokens=grant.tokens,
            tokens_basis=grant.tokens_basis,
        ):
            predicted = Estimate.from_json(json.loads(grant.estimate))
            came.append(Came(reference=reference, predicted=predicted, actual_tokens=use.used_tokens - input_tokens))
        if use.quality is not None:
            budgets.record_value(
                budget_id=grant.budget_id,
                reference=reference,
                held_tokens=grant.granted_tokens,
                used_tokens=use.used_tokens,
                quality=use.quality,
                collaboration=None,
                at=now,
            )
    budgets.record_outcomes(came, at=now)


def _amounts(row: Mapping[str, Any]) -> Amounts:
    return promised_amounts(
        tokens=row["used_tokens"],
        location_g=row["location_g"],
        total_micro_usd=row["total_micro_usd"],
        energy_wh=row["energy_wh"],
    )


def _settled(use: InlineUse, row: Mapping[str, Any], hold: SettledHold) -> InlineSettled:
    return InlineSettled(
        request_id=use.request_id,
        total_micro_usd=row["total_micro_usd"],
        location_g=row["location_g"],
        energy_wh=row["energy_wh"],
        warning_percent=hold.warning_percent,
        remaining=hold.remaining,
        remaining_unit=hold.unit.value,
    )


def _or_refusal(work: Callable[[], T]) -> T | DomainError:
    """What came of it, or the refusal, which leaves nothing behind."""
    try:
        with transaction.atomic():
            return work()
    except DomainError as refusal:
        return refusal


def _release_alone(back: InlineReturn, *, now: datetime) -> None:
    release(request_id=back.request_id, actor=back.actor, now=now, reason=back.reason)


def _settle_alone(use: InlineUse, *, now: datetime) -> InlineSettled:
    warning = settle(
        request_id=use.request_id,
        used_tokens=use.used_tokens,
        quality=use.quality,
        collaboration=None,
        actor=use.actor,
        now=now,
        split=split_of(use),
    )
    settlement = Settlement.objects.select_related("request").get(request=use.request_id)
    if settlement.request.budget_id is None:
        raise Conflict("A what-if has no budget.")
    budget = budget_reads.get_budget(settlement.request.budget_id)
    return InlineSettled(
        request_id=use.request_id,
        total_micro_usd=settlement.total_micro_usd,
        location_g=settlement.location_g,
        energy_wh=settlement.energy_wh or 0.0,
        warning_percent=warning,
        remaining=f"{budget.limit - budget.spent - budget.reserved:f}",
        remaining_unit=budget.unit.value,
    )
