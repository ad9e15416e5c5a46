"""`/api/v1/market/loans/`, `/forwards/` and `/shares/`: quota lent, promised and shared."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from accounts.services.once import IDEMPOTENCY_KEY, acting_team, answered_once
from config.kernel.paging import PAGE, page_of, query_of
from config.kernel.rest import paged, validated
from market.api.trading.loan_serializers import (
    AcceptIn,
    DonationOut,
    DrawOut,
    EmptyIn,
    ForwardOut,
    ForwardsIn,
    LoanDetailOut,
    LoanIn,
    LoanOut,
    LoansIn,
    ReturnIn,
    ShareIn,
    SharingOut,
)
from market.models import Loan
from market.selectors.trading.loans import get_loan, list_forwards, list_loans
from market.selectors.trading.sharing import draw_row, get_donation, get_sharing
from market.services.trading.loans.lending import accept_loan
from market.services.trading.loans.offers import LoanAsk, cancel_loan, offer_loan
from market.services.trading.loans.returns import break_loan, return_loan
from market.services.trading.loans.sharing import ShareAsk, donate, draw_share, withdraw_donation


class LoanListView(APIView):
    """Loans and offers."""

    required_scopes = {"GET": Scope.MARKET_READ, "POST": Scope.MARKET_TRADE}

    @extend_schema(operation_id="market_loans_list", parameters=[LoansIn], responses=paged(LoanOut))
    def get(self, request: Request) -> Response:
        """Your teams' loans and everybody's open offers, newest first; of whom an offer is, is not told."""
        query = query_of(LoansIn, request)
        statuses = None if query["status"] is None else [query["status"]]
        rows = list_loans(team_ids=_teams(request), statuses=statuses, before=query["before"], limit=PAGE + 1)
        return page_of(request, rows, lambda page: LoanOut(page, many=True).data)

    @extend_schema(
        operation_id="market_loans_offer",
        parameters=[IDEMPOTENCY_KEY],
        request=LoanIn,
        responses={201: LoanDetailOut},
    )
    def post(self, request: Request) -> Response:
        """Offer quota of this period as a loan; it is kept aside at once, within what the budget may sell."""
        ask = LoanAsk(**validated(LoanIn, request))
        return _changed(request, lambda by: offer_loan(ask=ask, principal=by, now=timezone.now()), status_code=201)


class LoanView(APIView):
    """One loan."""

    required_scopes = {"GET": Scope.MARKET_READ}

    @extend_schema(operation_id="market_loans_read", responses=LoanDetailOut)
    def get(self, request: Request, loan_id: UUID) -> Response:
        """With its steps, and what is bought in where it defaulted."""
        return Response(LoanDetailOut(get_loan(loan_id, team_ids=_teams(request))).data)


class AcceptView(APIView):
    """Borrowing."""

    required_scopes = {"POST": Scope.MARKET_TRADE}

    @extend_schema(
        operation_id="market_loans_accept", parameters=[IDEMPOTENCY_KEY], request=AcceptIn, responses=LoanDetailOut
    )
    def post(self, request: Request, loan_id: UUID) -> Response:
        """The quota comes now; its price at the top of the collar and the fee go into escrow. 402 if that is short."""
        values = validated(AcceptIn, request)
        return _changed(request, lambda by: accept_loan(loan_id=loan_id, **values, principal=by, now=timezone.now()))


class ReturnView(APIView):
    """Giving back before it is due."""

    required_scopes = {"POST": Scope.MARKET_TRADE}

    @extend_schema(
        operation_id="market_loans_return", parameters=[IDEMPOTENCY_KEY], request=ReturnIn, responses=LoanDetailOut
    )
    def post(self, request: Request, loan_id: UUID) -> Response:
        """All or a part, with the fee for the time until now; the Fund adds a reward as far as it can."""
        quantity = validated(ReturnIn, request)["quantity"]
        return _changed(
            request, lambda by: return_loan(loan_id=loan_id, quantity=quantity, principal=by, now=timezone.now())
        )


class BreakView(APIView):
    """Calling back in an emergency."""

    required_scopes = {"POST": Scope.MARKET_TRADE}

    @extend_schema(
        operation_id="market_loans_break", parameters=[IDEMPOTENCY_KEY], request=EmptyIn, responses=LoanDetailOut
    )
    def post(self, request: Request, loan_id: UUID) -> Response:
        """What the borrower has free comes back now; you pay the break fee. 409 without an emergency in force."""
        validated(EmptyIn, request)
        return _changed(request, lambda by: break_loan(loan_id=loan_id, principal=by, now=timezone.now()))


class CancelView(APIView):
    """Taking an offer back."""

    required_scopes = {"POST": Scope.MARKET_TRADE}

    @extend_schema(
        operation_id="market_loans_cancel", parameters=[IDEMPOTENCY_KEY], request=EmptyIn, responses=LoanDetailOut
    )
    def post(self, request: Request, loan_id: UUID) -> Response:
        """409 once somebody has borrowed it."""
        validated(EmptyIn, request)
        return _changed(request, lambda by: cancel_loan(loan_id=loan_id, principal=by, now=timezone.now()))


class ForwardListView(APIView):
    """Quota of later periods that was bought and sold."""

    required_scopes = {"GET": Scope.MARKET_READ}

    @extend_schema(operation_id="market_forwards_list", parameters=[ForwardsIn], responses=paged(ForwardOut))
    def get(self, request: Request) -> Response:
        """What your teams give and take, newest first."""
        query = query_of(ForwardsIn, request)
        rows = list_forwards(team_ids=_teams(request), is_open=query["open"], before=query["before"], limit=PAGE + 1)
        return page_of(request, rows, lambda page: ForwardOut(page, many=True).data)


class ShareListView(APIView):
    """Sharing inside one's own team."""

    required_scopes = {"GET": Scope.MARKET_READ, "POST": Scope.MARKET_TRADE}

    @extend_schema(operation_id="market_shares_read", responses=SharingOut)
    def get(self, request: Request) -> Response:
        """What is donated, who owes and who is owed."""
        return Response(SharingOut(get_sharing(acting_team(Principal.of(request.auth)))).data)

    @extend_schema(
        operation_id="market_shares_donate", parameters=[IDEMPOTENCY_KEY], request=ShareIn, responses={201: DonationOut}
    )
    def post(self, request: Request) -> Response:
        """Set quota of a budget aside for the others of your team."""
        ask, principal = ShareAsk(**validated(ShareIn, request)), Principal.of(request.auth)

        def work() -> tuple[int, object]:
            donation = donate(ask=ask, principal=principal, now=timezone.now())
            return 201, DonationOut(get_donation(donation.pk)).data

        return answered_once(request, work)


class DrawView(APIView):
    """Drawing from what the team donated."""

    required_scopes = {"POST": Scope.MARKET_TRADE}

    @extend_schema(
        operation_id="market_shares_draw",
        parameters=[IDEMPOTENCY_KEY],
        request=ShareIn,
        responses={201: DrawOut(many=True)},
    )
    def post(self, request: Request) -> Response:
        """The oldest donation first; 409 where the budget would owe more than the policy lets it."""
        ask, principal = ShareAsk(**validated(ShareIn, request)), Principal.of(request.auth)

        def work() -> tuple[int, object]:
            draws = draw_share(ask=ask, principal=principal, now=timezone.now())
            return 201, DrawOut([draw_row(each) for each in draws], many=True).data

        return answered_once(request, work)


class WithdrawView(APIView):
    """Taking a donation back."""

    required_scopes = {"POST": Scope.MARKET_TRADE}

    @extend_schema(
        operation_id="market_shares_withdraw", parameters=[IDEMPOTENCY_KEY], request=EmptyIn, responses=DonationOut
    )
    def post(self, request: Request, donation_id: UUID) -> Response:
        """What nobody drew is free again."""
        validated(EmptyIn, request)
        principal = Principal.of(request.auth)

        def work() -> tuple[int, object]:
            withdraw_donation(donation_id=donation_id, principal=principal, now=timezone.now())
            return 200, DonationOut(get_donation(donation_id)).data

        return answered_once(request, work)


def _changed(request: Request, work: Callable[[Principal], Loan], *, status_code: int = 200) -> Response:
    principal = Principal.of(request.auth)

    def once() -> tuple[int, object]:
        loan = work(principal)
        return status_code, LoanDetailOut(get_loan(loan.pk, team_ids=_teams(request))).data

    return answered_once(request, once)


def _teams(request: Request) -> frozenset[int] | None:
    principal = Principal.of(request.auth)
    return None if principal.sees_everything else principal.visible_team_ids
