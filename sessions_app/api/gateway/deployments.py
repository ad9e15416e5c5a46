"""`/api/v1/gateway/deployments/`: what serves calls, how it stands, and what its calls emit now."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from config.kernel.errors import NotFound
from config.kernel.paging import PAGE, PageIn, page_of, query_of
from config.kernel.rest import paged, validated
from sessions_app.api.gateway.deployment_serializers import (
    BreakerEventOut,
    DeploymentOut,
    DeploymentsIn,
    ResetIn,
    deployment_bodies,
)
from sessions_app.selectors.gateway.deployments import get_deployment_id, list_breaker_events
from sessions_app.services.gateway import registry
from sessions_app.services.gateway.health import reset_breaker


class DeploymentListView(APIView):
    """Deployments of models."""

    required_scopes = {"GET": Scope.REQUESTS_READ}

    @extend_schema(operation_id="gateway_deployments_list", parameters=[DeploymentsIn], responses=paged(DeploymentOut))
    def get(self, request: Request) -> Response:
        """All of them, by public name, in one page."""
        now = timezone.now()
        known, model = registry.snapshot(now), query_of(DeploymentsIn, request)["model"]
        found = known.all if model is None else known.candidates(model)
        shows = _may_administer(request)
        results = deployment_bodies(found, shows_problem=shows, now=now)
        return Response({"next": None, "previous": None, "results": results})


class DeploymentView(APIView):
    """One deployment."""

    required_scopes = {"GET": Scope.REQUESTS_READ}

    @extend_schema(operation_id="gateway_deployments_read", responses=DeploymentOut)
    def get(self, request: Request, name: str) -> Response:
        """With its breaker and the grid of its region in this hour."""
        return Response(_body(request, name))


class BreakerEventListView(APIView):
    """What a breaker did."""

    required_scopes = {"GET": Scope.REQUESTS_READ}

    @extend_schema(
        operation_id="gateway_deployments_breaker_events", parameters=[PageIn], responses=paged(BreakerEventOut)
    )
    def get(self, request: Request, name: str) -> Response:
        """Newest first, 50 a page."""
        before = query_of(PageIn, request)["before"]
        rows = list_breaker_events(get_deployment_id(name), before=before, limit=PAGE)
        return page_of(request, rows, lambda page: BreakerEventOut(page, many=True).data)


class ResetView(APIView):
    """A breaker closed by hand."""

    required_scopes = {"POST": Scope.CAPACITY_WRITE}

    @extend_schema(operation_id="gateway_deployments_reset", request=ResetIn, responses=DeploymentOut)
    def post(self, request: Request, name: str) -> Response:
        """Calls go there again at once, and what was held against it is forgotten."""
        validated(ResetIn, request)
        deployment_id = get_deployment_id(name)
        reset_breaker(deployment_id=deployment_id, actor=Principal.of(request.auth).actor, now=timezone.now())
        registry.forget()
        return Response(_body(request, name))


def _body(request: Request, name: str) -> Any:
    now = timezone.now()
    found = next((each for each in registry.snapshot(now).all if each.deployment.name == name), None)
    if found is None:
        raise NotFound("There is no such deployment.", field="name")
    return deployment_bodies([found], shows_problem=_may_administer(request), now=now)[0]


def _may_administer(request: Request) -> bool:
    return Principal.of(request.auth).may(Scope.CAPACITY_WRITE)


ROUTES: list[URLPattern] = [
    path("gateway/deployments/", DeploymentListView.as_view()),
    path("gateway/deployments/<slug:name>/", DeploymentView.as_view()),
    path("gateway/deployments/<slug:name>/breaker-events/", BreakerEventListView.as_view()),
    path("gateway/deployments/<slug:name>/reset/", ResetView.as_view()),
]
