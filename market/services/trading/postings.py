"""Writing many postings at once: one statement for all accounts and one for all postings on PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import connection
from django.db.models import F

from market.models import Account, Posting
from market.services.trading.bulk import insert_rows

ADD = """
UPDATE market_account SET balance_micro_usd = balance_micro_usd + moved.delta,
  reserved_micro_usd = reserved_micro_usd + moved.reserved
FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS moved (name, delta, reserved)
WHERE market_account.name = moved.name
"""
LINE = ("account_id", "delta_micro_usd", "reserved_delta_micro_usd", "order_number")


def add_to_accounts(net: Mapping[str, tuple[int, int]]) -> None:
    """Add (balance, reserved) micro-USD to accounts that the caller has locked."""
    moved = {name: both for name, both in net.items() if any(both)}
    if connection.vendor == "postgresql" and moved:
        with connection.cursor() as cursor:
            deltas, reserved = zip(*moved.values(), strict=True)
            cursor.execute(ADD, [list(moved), list(deltas), list(reserved)])
        return
    for name, (delta, reserved_delta) in moved.items():
        Account.objects.filter(name=name).update(
            balance_micro_usd=F("balance_micro_usd") + delta,
            reserved_micro_usd=F("reserved_micro_usd") + reserved_delta,
        )


def insert_postings(journal_id: int, lines: Sequence[tuple[str, int, int, int | None]]) -> None:
    """Write (account, delta, reserved delta, order number) of each line, micro-USD."""
    insert_rows(Posting, LINE, lines, constants={"journal_id": journal_id})
