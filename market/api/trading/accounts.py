"""`/api/v1/market/accounts/`: a team's money in the market, where it came from and where it went."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from accounts.services.once import IDEMPOTENCY_KEY, answered_once
from config.kernel.paging import PAGE, page_of, query_of
from config.kernel.rest import validated
from market import selectors, services
from market.api.trading.account_serializers import (
    AccountOut,
    AccountsOut,
    DepositIn,
    MoveIn,
    PostingOut,
    PostingsIn,
    micro_usd_of,
)


class AccountListView(APIView):
    """Accounts."""

    required_scopes = {"GET": Scope.MARKET_READ}

    @extend_schema(operation_id="market_accounts_list", parameters=[PostingsIn], responses=AccountsOut)
    def get(self, request: Request) -> Response:
        """Balances of your own teams, and what moved them, newest first, 50 a page."""
        teams = Principal.of(request.auth).visible_team_ids
        rows = selectors.list_postings(team_ids=teams, **query_of(PostingsIn, request), limit=PAGE + 1)
        response = page_of(request, rows, lambda page: PostingOut(page, many=True).data)
        response.data["accounts"] = AccountOut(selectors.list_accounts(team_ids=teams), many=True).data
        return response


class TopUpView(APIView):
    """Money of a budget comes into the market."""

    required_scopes = {"POST": Scope.MARKET_TRADE}

    @extend_schema(
        operation_id="market_accounts_top_up",
        parameters=[IDEMPOTENCY_KEY],
        request=MoveIn,
        responses={201: AccountOut},
    )
    def post(self, request: Request) -> Response:
        """Out of a micro-USD budget of your team, for its present period; 402 if it lacks the money."""
        return _moved(request, services.top_up)


class PayOutView(APIView):
    """Money of the market goes into a budget."""

    required_scopes = {"POST": Scope.MARKET_TRADE}

    @extend_schema(
        operation_id="market_accounts_pay_out",
        parameters=[IDEMPOTENCY_KEY],
        request=MoveIn,
        responses={201: AccountOut},
    )
    def post(self, request: Request) -> Response:
        """Into a micro-USD budget of your team, for its present period; 402 if that much is not free."""
        return _moved(request, services.pay_out)


class DepositView(APIView):
    """Money from outside."""

    required_scopes = {"POST": Scope.MARKET_OPERATE}

    @extend_schema(
        operation_id="market_accounts_deposit",
        parameters=[IDEMPOTENCY_KEY],
        request=DepositIn,
        responses={201: AccountOut},
    )
    def post(self, request: Request) -> Response:
        """Put money into a team's account, with a reason that stays in its books."""
        values, principal = validated(DepositIn, request), Principal.of(request.auth)

        def work() -> tuple[int, object]:
            services.deposit(
                team_id=values["team"],
                micro_usd=micro_usd_of(values["amount_usd"]),
                actor=principal.actor,
                reason=values["reason"],
                now=timezone.now(),
            )
            return 201, AccountOut(selectors.get_account(values["team"])).data

        return answered_once(request, work)


def _moved(request: Request, move: Callable[..., object]) -> Response:
    values, principal = validated(MoveIn, request), Principal.of(request.auth)
    team_id = principal.team_id or 0

    def work() -> tuple[int, object]:
        move(
            team_id=team_id,
            micro_usd=micro_usd_of(values["amount_usd"]),
            budget_id=values["budget"],
            actor=principal.actor,
            now=timezone.now(),
        )
        return 201, AccountOut(selectors.get_account(team_id)).data

    return answered_once(request, work)
