"""One deployment after the other, until one answers or the caller's deadline has come."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from django.utils import timezone

from config.kernel.errors import DomainError, InvalidInput, Unavailable
from market.domain.inline import InlineGrant
from market.services import move_inline
from sessions_app.connectors.contract import Provider
from sessions_app.connectors.registry import provider_of
from sessions_app.domain.gateway.breaker import Outcome
from sessions_app.domain.gateway.routing import Ranked
from sessions_app.domain.gateway.wire import RETRIED, Fault, Target, UpstreamError
from sessions_app.services.gateway import health, registry
from sessions_app.services.gateway.background import change
from sessions_app.services.gateway.placing import all_rest
from sessions_app.services.gateway.planning import Plan

logger = logging.getLogger(__name__)

PASSED_ON = RETRIED | {Fault.BLOCKED}
"""Faults after which the next deployment is tried."""
REST_SECONDS = 5
DEADLINE_WORDS = "The caller's deadline came before the answer."
T = TypeVar("T")
Send = Callable[[Provider, Target, int], Awaitable[T]]


@dataclass(slots=True)
class Tries:
    """What was tried for a call so far. `grant` follows the work where it moves.

    `is_under_way`: something was sent, and what came of it is not known yet.
    """

    plan: Plan
    grant: InlineGrant
    attempts: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    chosen: Ranked | None = None
    upstream_ms: float = 0.0
    first_byte_ms: float | None = None
    began_at: datetime | None = None
    last: UpstreamError | None = None
    sent_at: float = 0.0
    is_under_way: bool = False

    @property
    def max_output_tokens(self) -> int:
        """The most output of one answer that may be asked for of the chosen deployment."""
        granted = self.plan.output_of(self.grant.granted_tokens)
        if self.chosen is None:
            return granted
        return min(granted, self.chosen.candidate.deployment.most_output_tokens(self.plan.input_tokens))

    @property
    def likely_most_tokens(self) -> int:
        """Output that one answer hardly exceeds: 95 of 100 such answers do not, and none exceeds its bound."""
        estimate = self.plan.setup.looked.estimate
        return min(self.max_output_tokens, estimate.p95_tokens) if estimate else 0

    def begun(self, *, began: float) -> None:
        """The chosen deployment has sent its answer, or the first part of it."""
        self.first_byte_ms = self.upstream_ms = _ms_since(began)
        self.sent_at = began

    def answered(self) -> None:
        """Note that the chosen deployment answered, to the end."""
        self.upstream_ms = _ms_since(self.sent_at)
        self.is_under_way = False
        self._note("answered", None)
        self._tell(None)

    def broke_off(self, error: UpstreamError, *, is_its_fault: bool = True) -> None:
        """Note that an answer that had begun did not end as it should."""
        self.failed(error, began=self.sent_at, is_its_fault=is_its_fault)

    def failed(self, error: UpstreamError, *, began: float, is_its_fault: bool = True) -> None:
        """Note that the chosen deployment did not answer. Our own deadline is no fault of it."""
        self.last = error
        self.is_under_way = False
        self.upstream_ms = _ms_since(began)
        self._note(error.fault.value, error.status)
        if is_its_fault:
            self._tell(error)

    def _note(self, outcome: str, status: int | None) -> None:
        if self.chosen is not None:
            name = self.chosen.candidate.deployment.name
            self.attempts.append(
                {"deployment": name, "outcome": outcome, "status": status, "ms": round(self.upstream_ms, 1)}
            )

    def _tell(self, error: UpstreamError | None) -> None:
        if self.chosen is None:
            return
        self.outcomes.append(
            Outcome(
                deployment_id=self.chosen.candidate.deployment.id,
                fault=error.fault if error else None,
                began_at=self.began_at,
                # A whole answer has no first byte of its own: its time would be compared with that of streams.
                first_byte_ms=self.first_byte_ms if error is None and self.plan.wish.is_stream else None,
                retry_after_seconds=error.retry_after_seconds if error else None,
                words=error.words if error else "",
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """The time of an attempt. `is_part`: the rest is kept for somebody else. `counts`: one that says nothing for so
    long is held to be at fault; else it was the caller who had no more time."""

    seconds: float
    is_part: bool
    counts: bool


def _ms_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


async def first_answer(tries: Tries, send: Send[T]) -> T:
    """What the first deployment that answers says to `send`.

    Raises InvalidInput where the request itself is at fault, else Unavailable: with code `upstream_rate_limited`
    where all want us to wait, `deadline` where the time is over.
    """
    terms, ordered = tries.plan.terms, _in_order(tries)
    for place, ranked in enumerate(ordered, start=1):
        if len(tries.attempts) >= terms.calls.most_attempts or tries.plan.is_over:
            break
        if not await _may_go(tries, ranked):
            continue
        try:
            return await _attempt(tries, send, _bound(tries, ordered[place:]))
        except UpstreamError as error:
            if error.fault not in PASSED_ON:
                raise refusal_of(error) from error
    raise nobody_answered(tries)


def _in_order(tries: Tries) -> list[Ranked]:
    """As they were ranked, those in the region of the grant first: work that is granted there need not move."""
    return sorted(tries.plan.ranking.ordered, key=lambda each: each.region.code != tries.grant.region)


async def _may_go(tries: Tries, ranked: Ranked) -> bool:
    """Whether the deployment may be called now, and the work be done in its region. Since it was ranked, other calls
    may have found that it fails, or been asked to wait."""
    deployment, now = ranked.candidate.deployment, timezone.now()
    seen = registry.latest(ranked.candidate)
    if seen.needs_probe:
        if not await change(lambda: health.may_try(deployment.id, now=now)):
            return False
    elif seen.health.closed_to_calls_until(now) is not None:
        return False
    if ranked.region.code != tries.grant.region and not await _moved(tries, ranked, now):
        if seen.needs_probe:  # nobody tries it now: the next call may
            await change(lambda: health.give_try_back(deployment.id, taken_at=now))
        return False
    tries.chosen = ranked
    return True


async def _moved(tries: Tries, ranked: Ranked, now: datetime) -> bool:
    """Whether the work could move to the region of a deployment; else it stays where it is."""
    plan = tries.plan
    try:
        tries.grant = await change(
            lambda: move_inline(
                request_id=plan.request_id,
                regions=[ranked.region.code],
                routing=plan.ranking.to_json(),
                actor=plan.wish.principal.actor,
                now=now,
                why=f"{tries.attempts[-1]['deployment']}: {tries.attempts[-1]['outcome']}" if tries.attempts else "",
            )
        )
    except DomainError as refusal:
        logger.info("a call could not move", extra={"call": str(plan.call_id), "reason": refusal.detail})
        return False
    return True


def _bound(tries: Tries, others: Sequence[Ranked]) -> _Bound:
    """All the time that is left; of a whole answer only a part, while somebody else could be asked.

    A stream shows by its first byte that it is alive. A whole answer shows nothing before its end: without this, one
    provider that hangs would take all the time that the caller has.
    """
    plan, calls = tries.plan, tries.plan.terms.calls
    left = plan.seconds_left
    part = left
    if not plan.wish.is_stream and len(tries.attempts) + 1 < calls.most_attempts and _is_one_open(others):
        part = calls.part_seconds(left, likely_tokens=tries.likely_most_tokens)
    is_part = part < left
    return _Bound(seconds=part, is_part=is_part, counts=is_part or left >= calls.first_byte_seconds)


def _is_one_open(others: Sequence[Ranked]) -> bool:
    now = timezone.now()
    latest = (registry.latest(each.candidate) for each in others)
    return any(not each.deployment.problem and each.health.closed_to_calls_until(now) is None for each in latest)


async def _attempt(tries: Tries, send: Send[T], bound: _Bound) -> T:
    deployment, began = _chosen(tries).candidate.deployment, time.perf_counter()
    tries.began_at = timezone.now()
    try:
        target = registry.target_of(deployment, tries.plan.terms, total_seconds=bound.seconds)
        async with asyncio.timeout(bound.seconds):
            tries.is_under_way = True
            result = await send(provider_of(deployment.provider), target, tries.max_output_tokens)
    except TimeoutError as error:
        words = "No answer within its part of the time." if bound.is_part else DEADLINE_WORDS
        late = UpstreamError(Fault.TIMEOUT, words)
        tries.failed(late, began=began, is_its_fault=bound.counts)
        raise late from error
    except DomainError as refusal:
        unusable = UpstreamError(Fault.REFUSED, refusal.detail)
        tries.failed(unusable, began=began, is_its_fault=False)
        raise unusable from refusal
    except UpstreamError as error:
        tries.failed(error, began=began, is_its_fault=bound.counts or error.fault is not Fault.TIMEOUT)
        raise
    tries.begun(began=began)
    return result


def _chosen(tries: Tries) -> Ranked:
    if tries.chosen is None:
        raise RuntimeError("An attempt needs a deployment.")
    return tries.chosen


def refusal_of(error: UpstreamError) -> DomainError:
    """What a caller hears of a request that a provider refuses, or of an answer that broke off."""
    if error.fault is Fault.BAD_REQUEST:
        param, colon, words = error.words.partition(": ")
        named = param if colon and param.replace("_", "").replace(".", "").isalnum() else None
        # What the provider says may quote the call: the caller hears it, and it is stored nowhere.
        said = " ".join(each for each in (words if named else error.words, error.detail) if each)
        return InvalidInput(said, field=named, code="upstream_refused")
    return Unavailable(error.words, code=f"upstream_{error.fault.value}", retry_after_seconds=REST_SECONDS)


def nobody_answered(tries: Tries) -> DomainError:
    """What a caller hears when no deployment answered."""
    tried = "; ".join(f"{each['deployment']} {each['outcome']}" for each in tries.attempts) or "none could be called"
    if tries.plan.is_over:
        return Unavailable(f"No deployment answered before the deadline ({tried}).", code="deadline")
    last = tries.last
    if last is not None and last.fault is Fault.RATE_LIMITED:
        return all_rest(tried, last.retry_after_seconds or REST_SECONDS)
    if not tries.attempts and (seconds := _seconds_of_rest(tries.plan)) is not None:
        return all_rest(tried, seconds)
    return Unavailable(
        f"No deployment of this model answered ({tried}).",
        code="upstream_unavailable",
        retry_after_seconds=REST_SECONDS,
    )


def _seconds_of_rest(plan: Plan) -> float | None:
    """How long all deployments of a plan rest after a 429, as was heard since it was made; None where one does not."""
    now = timezone.now()
    rests = [registry.latest(each.candidate).health.cool_until for each in plan.ranking.ordered]
    known = [(each - now).total_seconds() for each in rests if each is not None and each > now]
    return min(known) if len(known) == len(rests) else None
