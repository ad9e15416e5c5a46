"""Money of teams in the market."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from market.domain.trading.order_views import AccountRow, PostingRow
from market.models import Account, Posting, team_account


def list_accounts(*, team_ids: Collection[int] | None) -> list[AccountRow]:
    """Accounts of these teams (None: of all) that have had money, by team."""
    rows = Account.objects.filter(kind=Account.Kind.TEAM).select_related("team").order_by("team")
    if team_ids is not None:
        rows = rows.filter(team__in=team_ids)
    return [_row(each) for each in rows]


def get_account(team_id: int, *, team_name: str = "") -> AccountRow:
    """A team's account; one that has had no money yet is empty."""
    account = Account.objects.filter(team=team_id).select_related("team").first()
    if account is not None:
        return _row(account)
    return AccountRow(
        team_id=team_id,
        team_name=team_name,
        name=team_account(team_id),
        balance_micro_usd=0,
        reserved_micro_usd=0,
    )


def list_postings(
    *, team_ids: Collection[int] | None, account: str | None = None, before: int | None = None, limit: int = 50
) -> list[PostingRow]:
    """What moved the accounts of these teams (None: of all, the market's own too), newest first."""
    rows = Posting.objects.select_related("journal")
    if team_ids is not None:
        rows = rows.filter(account__team__in=team_ids)
    if account is not None:
        rows = rows.filter(account=account)
    return [_posting(each) for each in _before(rows, before)[:limit]]


def _before(rows: QuerySet[Posting], before: int | None) -> QuerySet[Posting]:
    return rows if before is None else rows.filter(pk__lt=before)


def _row(account: Account) -> AccountRow:
    return AccountRow(
        team_id=account.team_id or 0,
        team_name=account.team.name if account.team else "",
        name=account.name,
        balance_micro_usd=account.balance_micro_usd,
        reserved_micro_usd=account.reserved_micro_usd,
    )


def _posting(posting: Posting) -> PostingRow:
    journal = posting.journal
    return PostingRow(
        id=posting.pk,
        journal_id=journal.pk,
        account=posting.account_id,
        kind=journal.kind,
        at=journal.at,
        delta_micro_usd=posting.delta_micro_usd,
        reserved_delta_micro_usd=posting.reserved_delta_micro_usd,
        reason=journal.reason,
        reference=journal.reference,
        actor=journal.actor,
        auction_id=journal.auction_id,
        order_number=posting.order_number,
    )
