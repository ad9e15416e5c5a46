"""`/api/v1/market/units/`, `/reputation/`, `/flags/`, `/rules/`: clean supply, conduct and standing rules."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from accounts.services.once import IDEMPOTENCY_KEY, answered_once
from config.kernel.errors import NotFound
from config.kernel.paging import PAGE, PageIn, page_of, query_of
from config.kernel.rest import paged, validated
from market.api.trading.conduct_serializers import (
    AppealIn,
    FlagOut,
    ReputationOut,
    RuleChangeIn,
    RuleIn,
    RuleOut,
    UnitOut,
    UnitsIn,
)
from market.domain.trading.registry import BadRows, read_rows
from market.selectors.trading.conduct import (
    FlagFacts,
    RuleFacts,
    get_flag,
    get_rule,
    list_flags,
    list_rules,
    list_units,
)
from market.selectors.trading.reputation import get_reputation, list_reputations
from market.services.trading.conduct import appeal_flag
from market.services.trading.registry import UnitsRefused, import_units
from market.services.trading.rules import RuleAsk, change_rule, create_rule, pause_rule


class UnitListView(APIView):
    """Units of carbon registries that stand in for the carbon adder."""

    required_scopes = {"GET": Scope.MARKET_READ, "POST": Scope.MARKET_OPERATE}

    @extend_schema(operation_id="market_units_list", parameters=[PageIn], responses=paged(UnitOut))
    def get(self, request: Request) -> Response:
        """Your teams' blocks, newest first, with what is missing to be verified and what is used."""
        rows = list_units(team_ids=_teams(request), before=query_of(PageIn, request)["before"], limit=PAGE + 1)
        return page_of(request, rows, lambda page: UnitOut(page, many=True).data)

    @extend_schema(operation_id="market_units_import", request=UnitsIn, responses={201: UnitOut(many=True)})
    def post(self, request: Request) -> Response:
        """Take blocks in, all or none. One that is there already gets what was empty; it is never changed else."""
        given, now = validated(UnitsIn, request), timezone.now()
        try:
            blocks = read_rows(given["units"], today=now.date())
        except BadRows as bad:
            raise UnitsRefused(bad) from bad
        actor = Principal.of(request.auth).actor
        ids = set(import_units(team_id=given["team"], blocks=blocks, actor=actor, now=now))
        rows = list_units(team_ids=[given["team"]], limit=None)
        return Response(UnitOut([row for row in rows if row.id in ids], many=True).data, status=201)


class ReputationView(APIView):
    """Scores made in the open."""

    required_scopes = {"GET": Scope.MARKET_READ}

    @extend_schema(operation_id="market_reputation", responses=paged(ReputationOut))
    def get(self, request: Request) -> Response:
        """Your teams', each with what it is made of; staff see those of all teams."""
        principal, now = Principal.of(request.auth), timezone.now()
        if principal.sees_everything:
            rows = list_reputations(team_ids=None, now=now)
        else:
            rows = [get_reputation(team_id, now=now) for team_id in sorted(principal.visible_team_ids)]
        return Response({"next": None, "previous": None, "results": ReputationOut(rows, many=True).data})


class FlagListView(APIView):
    """What was noticed."""

    required_scopes = {"GET": Scope.MARKET_READ}

    @extend_schema(operation_id="market_flags_list", parameters=[PageIn], responses=paged(FlagOut))
    def get(self, request: Request) -> Response:
        """Your teams' flags, newest first; staff see all."""
        rows = list_flags(team_ids=_teams(request), before=query_of(PageIn, request)["before"], limit=PAGE + 1)
        return page_of(request, rows, lambda page: FlagOut(page, many=True).data)


class FlagView(APIView):
    """One flag."""

    required_scopes = {"GET": Scope.MARKET_READ}

    @extend_schema(operation_id="market_flags_read", responses=FlagOut)
    def get(self, request: Request, flag_id: int) -> Response:
        """With its evidence and appeals."""
        return Response(FlagOut(_visible_flag(request, flag_id)).data)


class AppealView(APIView):
    """A team's word against a flag."""

    required_scopes = {"POST": Scope.MARKET_TRADE}

    @extend_schema(operation_id="market_flags_appeal", request=AppealIn, responses={201: FlagOut})
    def post(self, request: Request, flag_id: int) -> Response:
        """A person decides. 409 while one waits, or once one was rejected."""
        _visible_flag(request, flag_id)
        text = validated(AppealIn, request)["text"]
        appeal_flag(flag_id=flag_id, text=text, principal=Principal.of(request.auth), now=timezone.now())
        return Response(FlagOut(get_flag(flag_id)).data, status=201)


class RuleListView(APIView):
    """What the worker trades on its own for budgets."""

    required_scopes = {"GET": Scope.MARKET_READ, "POST": Scope.MARKET_TRADE}

    @extend_schema(operation_id="market_rules_list", parameters=[PageIn], responses=paged(RuleOut))
    def get(self, request: Request) -> Response:
        """Your teams' rules, newest first, with what each did last and why."""
        rows = list_rules(team_ids=_teams(request), before=query_of(PageIn, request)["before"], limit=PAGE + 1)
        return page_of(request, rows, lambda page: RuleOut(page, many=True).data)

    @extend_schema(
        operation_id="market_rules_create", parameters=[IDEMPOTENCY_KEY], request=RuleIn, responses={201: RuleOut}
    )
    def post(self, request: Request) -> Response:
        """It runs every five minutes, within its limits, with one open order at most."""
        ask, principal = RuleAsk(**validated(RuleIn, request)), Principal.of(request.auth)

        def work() -> tuple[int, object]:
            rule = create_rule(ask=ask, principal=principal, now=timezone.now())
            return 201, RuleOut(get_rule(rule.pk)).data

        return answered_once(request, work)


class RuleView(APIView):
    """One rule."""

    required_scopes = {"GET": Scope.MARKET_READ, "PATCH": Scope.MARKET_TRADE, "DELETE": Scope.MARKET_TRADE}

    @extend_schema(operation_id="market_rules_read", responses=RuleOut)
    def get(self, request: Request, rule_id: int) -> Response:
        """With what it did last and why."""
        return Response(RuleOut(_visible_rule(request, rule_id)).data)

    @extend_schema(operation_id="market_rules_change", request=RuleChangeIn, responses=RuleOut)
    def patch(self, request: Request, rule_id: int) -> Response:
        """What is left out stays as it is; `is_active` true lets a paused rule run again."""
        changes = validated(RuleChangeIn, request)
        change_rule(rule_id=rule_id, changes=changes, principal=Principal.of(request.auth), now=timezone.now())
        return Response(RuleOut(get_rule(rule_id)).data)

    @extend_schema(operation_id="market_rules_pause", responses=RuleOut)
    def delete(self, request: Request, rule_id: int) -> Response:
        """It does not run any more; its open order stays until it ends or is cancelled."""
        pause_rule(rule_id=rule_id, principal=Principal.of(request.auth), now=timezone.now())
        return Response(RuleOut(get_rule(rule_id)).data)


def _teams(request: Request) -> frozenset[int] | None:
    principal = Principal.of(request.auth)
    return None if principal.sees_everything else principal.visible_team_ids


def _visible_flag(request: Request, flag_id: int) -> FlagFacts:
    """A flag that the caller may see; what it may not see does not exist for it."""
    flag = get_flag(flag_id)
    if not Principal.of(request.auth).may_see_team(flag.team_id):
        raise NotFound("There is no such flag.")
    return flag


def _visible_rule(request: Request, rule_id: int) -> RuleFacts:
    rule = get_rule(rule_id)
    if not Principal.of(request.auth).may_see_team(rule.team_id):
        raise NotFound("There is no such rule.")
    return rule
