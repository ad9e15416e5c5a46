"""`/api/v1/allocation/`: plans, their fairness and their savings. Parties are aggregates; no request is told."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.scopes import Scope
from config.kernel.rest import paged
from market import selectors
from market.api.plan_serializers import (
    FairnessOut,
    PlanIn,
    PlanOut,
    RunDetailOut,
    RunOut,
    RunsIn,
    SavingsIn,
    SavingsOut,
    factor_rows,
)
from market.domain.explanation import usd
from market.domain.plan_views import FairnessReport

PAGE = 50


class RunListView(APIView):
    """Allocation passes."""

    required_scopes = {"GET": Scope.REQUESTS_READ}

    @extend_schema(operation_id="allocation_runs_list", parameters=[RunsIn], responses=paged(RunOut))
    def get(self, request: Request) -> Response:
        """Newest first, 50 a page; the next page is of runs `before` the last one."""
        query = RunsIn(data=request.query_params)
        query.is_valid(raise_exception=True)
        before = query.validated_data["before"]
        rows = selectors.list_runs(limit=PAGE + 1, before=before)
        here = request.build_absolute_uri(request.path)
        following = f"{here}?before={rows[PAGE - 1].run_id}" if len(rows) > PAGE else None
        results = RunOut(rows[:PAGE], many=True).data
        return Response({"next": following, "previous": None if before is None else here, "results": results})


class RunView(APIView):
    """One allocation pass."""

    required_scopes = {"GET": Scope.REQUESTS_READ}

    @extend_schema(operation_id="allocation_runs_read", responses=RunDetailOut)
    def get(self, request: Request, run_id: int) -> Response:
        """Its record, and what its settled work saved, expected and measured apart."""
        run = selectors.get_run(run_id)
        savings = selectors.get_run_savings(run_id, now=timezone.now())
        body = {
            **asdict(run.row),
            "fingerprint": run.fingerprint,
            "seconds": run.seconds,
            "bound_g": run.bound_g,
            "fund_promised_usd": usd(run.fund_promised_micro_usd),
            "first_hour": run.first_hour,
            "hour_count": run.hour_count,
            "savings": savings,
            "record": run.record,
        }
        return Response(RunDetailOut(body).data)


class RunFairnessView(APIView):
    """Who got what of one run."""

    required_scopes = {"GET": Scope.REQUESTS_READ}

    @extend_schema(operation_id="allocation_runs_fairness", responses=FairnessOut)
    def get(self, request: Request, run_id: int) -> Response:
        """By origin and purpose, with the policy and first come, first served."""
        return Response(_fairness(selectors.get_fairness(run_id)))


class FairnessView(APIView):
    """Who gets what of the plan in force."""

    required_scopes = {"GET": Scope.REQUESTS_READ}

    @extend_schema(operation_id="allocation_fairness", responses=FairnessOut)
    def get(self, request: Request) -> Response:
        """By origin and purpose, with the policy and first come, first served. 404 before the first plan."""
        return Response(_fairness(selectors.get_fairness()))


class PlanView(APIView):
    """The plan in force."""

    required_scopes = {"GET": Scope.REQUESTS_READ}

    @extend_schema(operation_id="allocation_plan", parameters=[PlanIn], responses=PlanOut)
    def get(self, request: Request) -> Response:
        """By region, model class and hour: room promised, kept and planned, and what an hour is worth."""
        query = PlanIn(data=request.query_params)
        query.is_valid(raise_exception=True)
        return Response(PlanOut(selectors.get_plan_grid(**query.validated_data)).data)


class SavingsView(APIView):
    """What was saved."""

    required_scopes = {"GET": Scope.REQUESTS_READ}

    @extend_schema(
        operation_id="allocation_savings",
        parameters=[OpenApiParameter("since", str), OpenApiParameter("until", str)],
        responses=SavingsOut,
    )
    def get(self, request: Request) -> Response:
        """Of work settled in a period of at most 31 days, expected and measured apart, misses beside them."""
        query, now = SavingsIn(data=request.query_params), timezone.now()
        query.is_valid(raise_exception=True)
        since, until = query.period(now)
        return Response(SavingsOut(selectors.get_savings(since=since, until=until, now=now)).data)


def _fairness(report: FairnessReport) -> Any:
    parties = [{**asdict(each), "factors": factor_rows(each.factors)} for each in report.parties]
    plain = {name: getattr(report, name) for name in FairnessReport.__dataclass_fields__}
    return FairnessOut({**plain, "parties": parties}).data
