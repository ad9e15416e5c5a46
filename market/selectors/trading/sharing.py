"""What the budgets of a team donated to each other, drew and owe."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Q, QuerySet

from budgets.domain.states import BudgetState
from budgets.domain.units import Unit, from_steps
from market.domain.trading.sharing import may_draw, most_owed_steps
from market.models import Donation, ShareAccount, ShareDraw
from market.selectors.policies import get_policy_in_force

MOST_DRAWS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DonationRow:
    """Quota that a budget gave its team. Amounts in `unit`. `status` is open, drawn, withdrawn or expired.

    `ends_at` is the end of the period that it is quota of; None if that has no end.
    """

    id: UUID
    budget_id: UUID
    budget_name: str
    unit: Unit
    model_class: str
    period: str
    quantity: Decimal
    left: Decimal
    status: str
    at: datetime
    ends_at: datetime | None
    closed_at: datetime | None
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawRow:
    """What a budget drew from one donation, in `unit`."""

    id: int
    donation_id: UUID
    budget_id: UUID
    budget_name: str
    donor_name: str
    unit: Unit
    quantity: Decimal
    at: datetime
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditRow:
    """What a budget donated that was drawn, less what it drew, in `unit`; `may_draw` is how far it may still go."""

    budget_id: UUID
    budget_name: str
    unit: Unit
    credit: Decimal
    may_draw: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """Open donations, the oldest first; credits by budget, which sum to zero in each unit; the last 50 draws."""

    donations: tuple[DonationRow, ...]
    credits: tuple[CreditRow, ...]
    draws: tuple[DrawRow, ...]
    most_owed_units: int


def get_sharing(team_id: int) -> Sharing:
    """Sharing inside one team. Four queries."""
    most = get_policy_in_force().terms.market.sharing_most_owed_tokens
    donations = Donation.objects.filter(team=team_id, status=Donation.Status.OPEN).select_related("budget")
    accounts = ShareAccount.objects.filter(team=team_id).select_related("budget").order_by("budget__name", "budget")
    draws = ShareDraw.objects.filter(donation__team=team_id).select_related("donation__budget", "budget")
    return Sharing(
        donations=tuple(donation_row(each) for each in donations.order_by("at", "pk")),
        credits=tuple(_credit(each, most) for each in accounts),
        draws=tuple(draw_row(each) for each in draws.order_by("-pk")[:MOST_DRAWS]),
        most_owed_units=most,
    )


def get_donation(donation_id: UUID) -> DonationRow:
    """One donation, whose id is known to be there."""
    return donation_row(Donation.objects.select_related("budget").get(pk=donation_id))


def drawable(budget: BudgetState, *, now: datetime) -> QuerySet[Donation]:
    """Open donations that this budget may draw from, the oldest first: not its own; of its unit, period and class."""
    goes_on = Q(ends_at=None) | Q(ends_at__gt=now)
    classes = Q(budget__model_class=budget.model_class) | Q(budget__model_class="")
    open_ones = Donation.objects.filter(team=budget.team_id, status=Donation.Status.OPEN).exclude(budget=budget.id)
    fitting = open_ones.filter(goes_on, classes, budget__unit=budget.unit, budget__period=budget.period)
    return fitting.select_related("budget").order_by("at", "pk")


def donation_row(donation: Donation) -> DonationRow:
    """A row as a value."""
    unit = Unit(donation.budget.unit)
    return DonationRow(
        id=donation.pk,
        budget_id=donation.budget_id,
        budget_name=donation.budget.name,
        unit=unit,
        model_class=donation.budget.model_class,
        period=donation.budget.period,
        quantity=from_steps(unit, donation.steps),
        left=from_steps(unit, donation.left_steps),
        status=donation.status,
        at=donation.at,
        ends_at=donation.ends_at,
        closed_at=donation.closed_at,
        actor=donation.actor,
    )


def draw_row(draw: ShareDraw) -> DrawRow:
    """A row as a value."""
    unit = Unit(draw.budget.unit)
    return DrawRow(
        id=draw.pk,
        donation_id=draw.donation_id,
        budget_id=draw.budget_id,
        budget_name=draw.budget.name,
        donor_name=draw.donation.budget.name,
        unit=unit,
        quantity=from_steps(unit, draw.steps),
        at=draw.at,
        actor=draw.actor,
    )


def _credit(account: ShareAccount, most: int) -> CreditRow:
    unit = Unit(account.budget.unit)
    left = may_draw(credit_steps=account.credit_steps, most_owed=most_owed_steps(unit, most))
    return CreditRow(
        budget_id=account.budget_id,
        budget_name=account.budget.name,
        unit=unit,
        credit=from_steps(unit, account.credit_steps),
        may_draw=from_steps(unit, left),
    )
