"""The market's money: every move is a journal entry whose postings sum to zero.

`post` is the only way it moves. Accounts are locked in the order of their names, then the Fund.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from config.kernel.errors import Exhausted
from config.kernel.events import publish
from market.domain.explanation import usd
from market.events import MoneyChanged
from market.models import FUND, HOUSE, OUTSIDE, Account, FundEntry, Journal, team_account
from market.services.fund import book_market_moves
from market.services.trading.postings import add_to_accounts, insert_postings

KIND_OF = {FUND: Account.Kind.FUND, HOUSE: Account.Kind.HOUSE, OUTSIDE: Account.Kind.OUTSIDE}
UNBOUNDED = (Account.Kind.FUND, Account.Kind.OUTSIDE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one event does to one account: micro-USD that come or go, and that are put into or out of escrow."""

    account: str
    delta_micro_usd: int = 0
    reserved_delta_micro_usd: int = 0
    order_number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundMove:
    """What one event brings the Access Fund (below zero: costs it), micro-USD, as its own books call it."""

    kind: FundEntry.Kind
    micro_usd: int
    reason: str


class AccountShort(Exhausted):
    """An account has less than this needs. Facts: account, needed_usd and remaining_usd (decimal strings)."""

    code = "account_short"

    def __init__(self, *, account: str, needed_micro_usd: int, remaining_micro_usd: int, field: str | None = None):
        needed, remaining = usd(needed_micro_usd), usd(remaining_micro_usd)
        super().__init__(
            f"The account {account} has {remaining} US$ that are free; this needs {needed}.",
            field=field,
            account=account,
            needed_usd=needed,
            remaining_usd=remaining,
        )


def account_of(team_id: int) -> str:
    """The name of a team's account, which is made if there is none."""
    name = team_account(team_id)
    Account.objects.get_or_create(name=name, defaults={"kind": Account.Kind.TEAM, "team_id": team_id})
    return name


def lock_accounts(names: Collection[str]) -> dict[str, Account]:
    """Lock these accounts in the order of their names; who is missing is made. Part of the caller's transaction.

    Who posts several times in one transaction locks all accounts that it will touch first.
    """
    found = _locked(names)
    missing = set(names) - found.keys()
    if missing:
        Account.objects.bulk_create((_new_account(name) for name in sorted(missing)), ignore_conflicts=True)
        found = _locked(names)
    return found


@transaction.atomic
def post(
    *,
    kind: Journal.Kind,
    lines: Sequence[Line],
    fund: Sequence[FundMove] = (),
    actor: str,
    reason: str,
    reference: str = "",
    auction_id: int | None = None,
    reverses_id: int | None = None,
    now: datetime,
) -> Journal:
    """Move money: `lines` by account, and what the Access Fund gets or pays, in one journal entry.

    The deltas of all lines and of the Fund sum to zero (else ValueError); the account `fund` gets its line
    by itself. Raises AccountShort if an account would have less than it keeps in escrow, and FundShort if
    the Fund cannot pay; nothing has changed then.
    """
    lines = _with_fund(lines, fund)
    if sum(line.delta_micro_usd for line in lines):
        raise ValueError("What some accounts get, others give: these lines do not sum to zero.")
    net = _net(lines)
    accounts = lock_accounts(net)
    for name, (delta, reserved) in sorted(net.items()):
        _check(accounts[name], delta, reserved)
    add_to_accounts(net)
    journal = Journal.objects.create(
        kind=kind,
        at=now,
        actor=actor,
        reason=reason,
        reference=reference,
        auction_id=auction_id,
        reverses_id=reverses_id,
    )
    _write(journal, lines, fund)
    publish(MoneyChanged(team_ids=_teams(accounts.values()), at=now))
    return journal


def _write(journal: Journal, lines: Iterable[Line], fund: Iterable[FundMove]) -> None:
    """Postings, and the same in the Fund's own books."""
    moving = [line for line in lines if line.delta_micro_usd or line.reserved_delta_micro_usd]
    insert_postings(
        journal.pk,
        [(each.account, each.delta_micro_usd, each.reserved_delta_micro_usd, each.order_number) for each in moving],
    )
    moves = [(move.kind, move.micro_usd, move.reason) for move in fund]
    book_market_moves(moves, journal_id=journal.pk, actor=journal.actor, now=journal.at)


def _with_fund(lines: Sequence[Line], fund: Sequence[FundMove]) -> list[Line]:
    if any(line.account == FUND for line in lines):
        raise ValueError("The Fund moves by `fund`, so that its own books say the same.")
    moved = [Line(account=FUND, delta_micro_usd=sum(move.micro_usd for move in fund))] if fund else []
    return [*lines, *moved]


def _net(lines: Iterable[Line]) -> dict[str, tuple[int, int]]:
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for line in lines:
        of_account = sums[line.account]
        of_account[0] += line.delta_micro_usd
        of_account[1] += line.reserved_delta_micro_usd
    return {name: (delta, reserved) for name, (delta, reserved) in sums.items()}


def _check(account: Account, delta: int, reserved: int) -> None:
    if account.reserved_micro_usd + reserved < 0:
        raise ValueError(f"{account.name} has less than that in escrow.")
    free = account.balance_micro_usd - account.reserved_micro_usd
    if account.kind not in UNBOUNDED and free + delta - reserved < 0:
        raise AccountShort(account=account.name, needed_micro_usd=reserved - delta, remaining_micro_usd=free)


def _locked(names: Collection[str]) -> dict[str, Account]:
    rows = Account.objects.select_for_update().filter(name__in=list(names)).order_by("name")
    return {account.name: account for account in rows}


def _new_account(name: str) -> Account:
    if name in KIND_OF:
        return Account(name=name, kind=KIND_OF[name])
    prefix, _, team_id = name.partition("-")
    if team_account(int(team_id)) != name:
        raise ValueError(f"There is no account {prefix}.")
    return Account(name=name, kind=Account.Kind.TEAM, team_id=int(team_id))


def _teams(accounts: Iterable[Account]) -> tuple[int, ...]:
    return tuple(sorted(account.team_id for account in accounts if account.team_id is not None))
