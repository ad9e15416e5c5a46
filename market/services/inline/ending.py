"""What the end of many grants moves in the market, added up in memory and written in one round trip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from climate.domain.ladder import floor_hour
from config.kernel.events import publish
from config.kernel.raw import Statement
from config.kernel.sql import insert, some, write
from market.events import FundChanged, RequestsResolved
from market.models import FUND_NAME, FundEntry
from market.services.inline.open_grants import OpenGrant

RESOLVE = "UPDATE market_allocationrequest SET status = %s, resolved_at = %s WHERE id IN "
FREE = """
UPDATE market_regionhour SET promised_tokens = promised_tokens - %s
 WHERE region_id = %s AND model_class = %s AND starts_at = %s"""
MOVE_FUND = """
UPDATE market_fund
   SET balance_micro_usd = balance_micro_usd + %s, reserved_micro_usd = reserved_micro_usd + %s WHERE name = %s"""
FUND_ENTRY = (
    "fund_id",
    "request_id",
    "kind",
    "balance_delta_micro_usd",
    "reserved_delta_micro_usd",
    "at",
    "actor",
    "reason",
)


@dataclass(slots=True, kw_only=True)
class Ending:
    """Requests that end: their rows, the room of their hours, their flows of the Fund."""

    now: datetime
    ended: dict[str, list[OpenGrant]] = field(default_factory=dict)
    settlements: list[Mapping[str, Any]] = field(default_factory=list)
    flows: list[tuple[Any, ...]] = field(default_factory=list)
    freed: Counter[tuple[str, str, datetime]] = field(default_factory=Counter)

    def end(self, grant: OpenGrant, status: str) -> None:
        """Let a request end in a status."""
        self.ended.setdefault(status, []).append(grant)

    def free(self, grant: OpenGrant, tokens: int) -> None:
        """Room that comes back while the hour lasts can serve others; afterwards it is history."""
        if tokens and grant.hour >= floor_hour(self.now):
            self.freed[(grant.region, grant.model_class, grant.hour)] += tokens

    def flow(
        self, kind: FundEntry.Kind, grant: OpenGrant, *, balance: int = 0, reserved: int = 0, actor: str, reason: str
    ) -> None:
        """One move of the Fund."""
        self.flows.append((FUND_NAME, grant.request_id, kind.value, balance, reserved, self.now, actor, reason))

    def write(self) -> None:
        """Write all of it: first what locks nothing that others want, then hours, then the Fund; publish once."""
        if not self.ended:
            return
        write(self._statements())
        teams = tuple(dict.fromkeys(grant.team_id for grants in self.ended.values() for grant in grants))
        publish(RequestsResolved(team_ids=teams, at=self.now))
        if self.flows:
            publish(FundChanged(at=self.now))

    def _statements(self) -> Iterable[Statement]:
        for status, grants in self.ended.items():
            yield RESOLVE + some(len(grants)), [status, self.now, *(grant.request_id for grant in grants)]
        if self.settlements:
            columns = tuple(self.settlements[0])
            yield insert("market_settlement", columns, [tuple(row.values()) for row in self.settlements])
        if self.flows:
            yield insert("market_fundentry", FUND_ENTRY, self.flows)
        for (region, model_class, hour), tokens in sorted(self.freed.items()):  # as everybody locks them
            yield FREE, [tokens, region, model_class, hour]
        balance, reserved = (sum(flow[index] for flow in self.flows) for index in (3, 4))
        if balance or reserved:
            yield MOVE_FUND, [balance, reserved, FUND_NAME]
