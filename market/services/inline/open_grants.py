"""Grants that are at work, locked and read with two statements, as plain values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from budgets import services as budgets
from budgets.domain.ending import LockedHold
from climate.domain.ladder import floor_hour
from config.kernel.sql import fetch, identifier, locking, moment, some
from market.domain.facts import DecisionFacts
from market.domain.parts import Part
from market.domain.policy import PolicyTerms, read_terms
from market.models import AllocationRequest, Decision

LOCK = """
SELECT id, team_id, budget_id, model_class, tokens, input_tokens, tokens_basis, estimate
  FROM market_allocationrequest WHERE status IN (%s, %s) AND NOT is_simulated AND id IN """
READ = """
SELECT d.request_id, d.id, d.verdict, d.granted_tokens, d.region_id, d.starts_at, d.hold_id,
       d.fund_reserved_micro_usd, d.inputs, p.body
  FROM market_decision d JOIN market_policy p ON p.id = d.policy_id
 WHERE d.parts IS NULL AND d.sequence = (SELECT MAX(sequence) FROM market_decision WHERE request_id = d.request_id)
   AND d.request_id IN """
HOLDING = tuple(each.value for each in AllocationRequest.HOLDING)
GRANTS = (Decision.Verdict.GRANTED, Decision.Verdict.PARTIAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenGrant:
    """A locked request with the decision that granted it, in one region and hour, and the open hold that pays."""

    request_id: UUID
    team_id: int
    budget_id: UUID
    model_class: str
    tokens: int
    input_tokens: int | None
    tokens_basis: str
    estimate: str | None
    decision_id: int
    granted_tokens: int
    region: str
    hour: datetime
    fund_reserved_micro_usd: int
    inputs: str
    policy: str
    hold: LockedHold

    @property
    def facts(self) -> DecisionFacts:
        """What the grant was computed from; of the candidates only the region that serves."""
        stored = json.loads(self.inputs)["facts"]
        columns, rows = stored["candidates"]["columns"], stored["candidates"]["rows"]
        code = columns.index("code")
        serving = [row for row in rows if row[code] == self.region]
        return DecisionFacts.from_json({**stored, "candidates": {"columns": columns, "rows": serving}})

    @property
    def terms(self) -> PolicyTerms:
        """The terms it was granted at."""
        return _terms(self.policy)

    @property
    def part(self) -> Part:
        """Where it is served."""
        return Part(
            region=self.region,
            starts_at=self.hour,
            tokens=self.granted_tokens,
            from_fund_micro_usd=self.fund_reserved_micro_usd,
        )


def lock_open_grants(request_ids: Sequence[UUID]) -> dict[UUID, OpenGrant]:
    """Those of these requests whose grant is open and whole: requests, then holds, locked in the order of their keys.

    What is left out is over, waits, is split, simulated, or is no request: the ordinary services say what can be
    done with it.
    """
    if not request_ids:
        return {}
    ids = list(dict.fromkeys(request_ids))
    locked = fetch(f"{LOCK}{some(len(ids))} ORDER BY id{locking()}", [*HOLDING, *ids])
    if not locked:
        return {}
    requests = {identifier(row[0]): row[1:] for row in locked}
    # Only now: what was decided while this waited for the lock is seen by the next statement.
    decided = {identifier(row[0]): row[1:] for row in fetch(f"{READ}{some(len(requests))}", list(requests))}
    whole = {key: row for key, row in decided.items() if row[1] in GRANTS and row[3] and row[4] and row[5]}
    holds = budgets.lock_holds([identifier(row[5]) for row in whole.values()])
    grants = {}
    for key, row in whole.items():
        hold = holds.get(identifier(row[5]))
        if hold is not None and hold.is_open:
            grants[key] = _grant(key, requests[key], row, hold)
    return grants


def _grant(request_id: UUID, request: tuple[Any, ...], decision: tuple[Any, ...], hold: LockedHold) -> OpenGrant:
    team_id, budget_id, model_class, tokens, input_tokens, tokens_basis, estimate = request
    decision_id, _, granted_tokens, region, starts_at, _, fund_reserved, inputs, policy = decision
    return OpenGrant(
        request_id=request_id,
        team_id=team_id,
        budget_id=identifier(budget_id),
        model_class=model_class,
        tokens=tokens,
        input_tokens=input_tokens,
        tokens_basis=tokens_basis,
        estimate=estimate,
        decision_id=decision_id,
        granted_tokens=granted_tokens,
        region=region,
        hour=floor_hour(moment(starts_at)),  # type: ignore[arg-type]  # not NULL: it was looked at
        fund_reserved_micro_usd=fund_reserved,
        inputs=inputs,
        policy=policy,
        hold=hold,
    )


@lru_cache(maxsize=64)
def _terms(body: str) -> PolicyTerms:
    """Terms of a body; the same version is read thousands of times."""
    return read_terms(json.loads(body))
