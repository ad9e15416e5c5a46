"""A view names the scope each method needs: `required_scopes = {"GET": Scope.BUDGETS_READ}`."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.domain.principal import Principal


class HasScope(BasePermission):
    """The default permission: a known caller with the scope of the method. No scope named, no entry."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """True, or a refusal that names the missing scope."""
        if not isinstance(request.auth, Principal):
            raise NotAuthenticated("Send an API key: Authorization: Bearer cw_...", code="no_key")
        scope = getattr(view, "required_scopes", {}).get(
            "GET" if request.method in ("HEAD", "OPTIONS") else request.method
        )
        if scope is None:
            # A method the view does not have goes on to its 405; one it has, but names no scope for, is shut.
            return not hasattr(view, str(request.method).lower())
        if not request.auth.may(scope):
            raise PermissionDenied(
                f"This needs the scope {scope}, which the caller does not have.", code="missing_scope"
            )
        return True
