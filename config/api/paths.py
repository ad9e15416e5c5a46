"""Addresses that nothing can have."""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse

from config.api.problems import nothing_here


class StorablePathMiddleware:
    """404 for a path with a NUL: names in paths are looked for in the database, and PostgreSQL takes none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer of the rest of the deployment. Raises Http404 for a page."""
        if "\0" not in request.path_info:
            return self.get_response(request)
        if request.path_info.startswith("/api/"):
            return nothing_here(request)
        raise Http404("There is nothing here by that name.")
