"""The doors of health: for orchestrators, load balancers and Prometheus."""

from __future__ import annotations

import hmac
import sys

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.utils import timezone
from django_prometheus.exports import ExportToDjangoView

from config.server.health import State, check_health


def healthz(_request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


def readyz(_request: HttpRequest) -> HttpResponse:
    """503 while the database or the broker fails; 200 with `degraded` while something lesser does."""
    report = check_health(now=timezone.now())
    checks = {
        name: {"status": finding.state, "detail": finding.detail, "took_ms": report.took_ms[name]}
        for name, finding in report.findings.items()
    }
    status = 503 if report.state is State.FAILED else 200
    return JsonResponse({"status": report.state, "checks": checks}, status=status)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text. Where METRICS_TOKEN is set, only for its bearer; production answers nobody without one."""
    if not _may_read_metrics(request):
        response = HttpResponse("Send the bearer token that METRICS_TOKEN names.\n", status=401)
        response["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return response
    answer: HttpResponse = ExportToDjangoView(request)
    return answer


def server_error(request: HttpRequest) -> HttpResponse:
    """The page of last resort. A database that cannot be reached is an outage, not a mistake: 503, ask again."""
    is_outage = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    # Rendered without the request: whoever is logged in would be looked up in the database.
    page = loader.get_template("503.html" if is_outage else "500.html").render({})
    response = HttpResponse(page, status=503 if is_outage else 500)
    if is_outage:
        response["Retry-After"] = "5"
    return response


def _may_read_metrics(request: HttpRequest) -> bool:
    token = settings.METRICS_TOKEN
    if not token:
        return not settings.ENVIRONMENT.is_production
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
