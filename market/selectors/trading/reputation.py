"""Reputation of teams: what was seen of them in the last 90 days, and the scores of each day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Avg, Count, Sum

from budgets import selectors as budgets
from market.domain.trading.reputation import (
    ACCURACY,
    COLLABORATION,
    DELIVERY,
    EARLY_RETURN,
    Outcomes,
    Part,
    Score,
    score_of,
    weights_of,
)
from market.models import BuyIn, ForwardLeg, Loan, LoanEvent, ReputationScore, Settlement
from market.selectors.policies import get_policy_in_force

SEEN_DAYS = 90
KEPT_DAYS = 2
"""A score of the day before yesterday or older is not used any more: it is worked out again."""
MOST_ESTIMATES = 1_000
SNAPSHOT = "snapshot"
LIVE = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reputation:
    """A team's score 0..1 (None: nothing is known), what it is made of, and as of when.

    `basis`: the `snapshot` of a day, or worked out `live` where there is none. Made of the last 90 days.
    """

    team_id: int
    team_name: str
    score: float | None
    parts: tuple[Part, ...]
    as_of: datetime
    basis: str


def get_reputation(team_id: int, *, now: datetime) -> Reputation:
    """A team's newest score of today or yesterday; worked out from what is known now where there is none."""
    newest = date_of(now) - timedelta(days=KEPT_DAYS)
    rows = ReputationScore.objects.filter(team=team_id, day__gt=newest, made_at__lte=now).select_related("team")
    row = rows.order_by("-day").first()
    if row is not None:
        return _kept(row)
    score = work_out(team_id, now=now)
    return Reputation(team_id=team_id, team_name="", score=score.score, parts=score.parts, as_of=now, basis=LIVE)


def list_reputations(*, team_ids: Collection[int] | None, now: datetime) -> list[Reputation]:
    """The newest scores of teams (None: of all that have one), best first. One query; without those that have none."""
    rows = ReputationScore.objects.filter(day__gt=date_of(now) - timedelta(days=KEPT_DAYS), made_at__lte=now)
    if team_ids is not None:
        rows = rows.filter(team__in=team_ids)
    newest = {row.team_id: row for row in rows.select_related("team").order_by("day")}
    return sorted((_kept(row) for row in newest.values()), key=lambda each: (-(each.score or 0.0), each.team_id))


def work_out(team_id: int, *, now: datetime) -> Score:
    """A team's score by the policy in force, from what is known now. Seven queries."""
    since = now - timedelta(days=SEEN_DAYS)
    delivered, early = _loans(team_id, since, now)
    seen = {
        DELIVERY: _together(delivered, _forwards(team_id, since, now)),
        ACCURACY: _accuracy(team_id, since),
        EARLY_RETURN: early,
        COLLABORATION: _collaboration(team_id, since),
    }
    return score_of(seen, weights_of(get_policy_in_force().terms.market))


def list_teams_seen(*, now: datetime) -> list[int]:
    """Teams of which anything was seen in the last 90 days, by id."""
    since = now - timedelta(days=SEEN_DAYS)
    settled = Settlement.objects.filter(settled_at__gt=since, request__is_simulated=False)
    lent = Loan.objects.filter(due_at__gt=since, borrower_team__isnull=False)
    given = ForwardLeg.objects.filter(due_at__gt=since, side=ForwardLeg.Side.GIVES)
    found = {
        *settled.order_by().values_list("request__team", flat=True).distinct(),
        *lent.order_by().values_list("borrower_team", flat=True).distinct(),
        *given.order_by().values_list("team", flat=True).distinct(),
    }
    return sorted(found)


def date_of(now: datetime) -> date:
    """The day of a moment, UTC."""
    return now.date()


def _kept(row: ReputationScore) -> Reputation:
    return Reputation(
        team_id=row.team_id,
        team_name=row.team.name,
        score=row.score,
        parts=tuple(Part(**part) for part in row.parts),
        as_of=row.made_at,
        basis=SNAPSHOT,
    )


def _loans(team_id: int, since: datetime, now: datetime) -> tuple[Outcomes, Outcomes]:
    """Loans that this team had to return: how much of each came back by itself, and how much before it was due."""
    ended = (Loan.Status.RETURNED, Loan.Status.BUYING_IN, Loan.Status.DEFAULTED)
    owed = Loan.objects.filter(status__in=ended, borrower_team=team_id, due_at__gt=since, lent_at__lte=now)
    loans = dict(owed.values_list("pk", "lots"))
    back: defaultdict[object, int] = defaultdict(int)
    early: defaultdict[object, int] = defaultdict(int)
    returned = LoanEvent.objects.filter(loan__in=loans, kind=LoanEvent.Kind.RETURNED, at__lte=now)
    for loan_id, lots, at, due_at in returned.values_list("loan", "lots", "at", "loan__due_at"):
        back[loan_id] += lots
        early[loan_id] += lots if at < due_at else 0
    count = len(loans)
    return (
        Outcomes(good=sum(min(1.0, back[each] / lots) for each, lots in loans.items()), count=count),
        Outcomes(good=sum(min(1.0, early[each] / lots) for each, lots in loans.items()), count=count),
    )


def _forwards(team_id: int, since: datetime, now: datetime) -> Outcomes:
    """Quota of later periods that this team had sold: how much of each sale it delivered itself."""
    legs = ForwardLeg.objects.filter(team=team_id, side=ForwardLeg.Side.GIVES, due_at__gt=since, due_at__lte=now)
    legs = legs.exclude(status__in=(ForwardLeg.Status.DUE, ForwardLeg.Status.REVERSED))
    missed = dict(BuyIn.objects.filter(gives__in=legs).order_by().values_list("gives").annotate(lots=Sum("lots")))
    rows = legs.values_list("pk", "lots", "paid_out_lots")
    good = [1 - max(missed.get(pk, 0), paid_out) / lots for pk, lots, paid_out in rows]
    return Outcomes(good=sum(max(0.0, each) for each in good), count=len(good))


def _accuracy(team_id: int, since: datetime) -> Outcomes:
    """Estimates of this team's work that were within 30 % of what it took."""
    settled = Settlement.objects.filter(
        request__team=team_id, request__is_simulated=False, request__estimate__isnull=False, settled_at__gt=since
    )
    requests = settled.order_by("-settled_at").values_list("request_id", flat=True)[:MOST_ESTIMATES]
    on_target, count = budgets.count_on_target([f"request:{each}" for each in requests])
    return Outcomes(good=on_target, count=count)


def _collaboration(team_id: int, since: datetime) -> Outcomes:
    """Ratings 0..1 of finished work."""
    rated = Settlement.objects.filter(
        request__team=team_id, request__is_simulated=False, collaboration__isnull=False, settled_at__gt=since
    )
    found = rated.aggregate(mean=Avg("collaboration"), count=Count("pk"))
    count = found["count"] or 0
    return Outcomes(good=min(1.0, max(0.0, found["mean"] or 0.0)) * count, count=count)


def _together(one: Outcomes, other: Outcomes) -> Outcomes:
    return Outcomes(good=one.good + other.good, count=one.count + other.count)
