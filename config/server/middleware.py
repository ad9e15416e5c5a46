"""Health checks skip the redirect to TLS, the check of the Host header, sessions and the request log.

An orchestrator asks by address and without TLS, every few seconds.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

URLS = "config.server.urls"


class HealthMiddleware:
    """Answer what `config.server.urls` names; pass on everything else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer of a health view, or of the rest of the deployment."""
        try:
            found = resolve(request.path_info, URLS)
        except Resolver404:
            return self.get_response(request)
        answer: HttpResponse = found.func(request, *found.args, **found.kwargs)
        return answer
