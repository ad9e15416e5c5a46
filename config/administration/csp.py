"""The administration's own Content-Security-Policy.

Its pages (django-unfold) evaluate expressions in attributes and carry inline script and style.
They get that much and no more; every other page keeps the strict policy of the settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponseBase

if TYPE_CHECKING:

    class _Parent:
        """The library's middleware, which carries no types."""

        def get_policy_parts(self, request: HttpRequest, response: HttpResponseBase, report_only: bool) -> Any: ...
else:
    _Parent = CSPMiddleware

ADMIN_PREFIX = "/admin/"  # as in config.urls
ADMIN_DIRECTIVES = {
    "script-src": ["'self'", "'unsafe-inline'", "'unsafe-eval'"],
    "style-src": ["'self'", "'unsafe-inline'"],
}


class SiteCSPMiddleware(_Parent):
    """The settings' policy, loosened for script and style of the administration only."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        """What django-csp builds the header from."""
        parts: PolicyParts = super().get_policy_parts(request, response, report_only)
        if not report_only and request.path_info.startswith(ADMIN_PREFIX):
            parts.replace = {**ADMIN_DIRECTIVES, **(parts.replace or {})}
        return parts
