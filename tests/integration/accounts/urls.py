"""A door of each kind, for the tests of authentication and permission."""

from __future__ import annotations

from typing import Any, ClassVar

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.scopes import Scope


class Door(APIView):
    """Answers with who came in."""

    required_scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.REQUESTS_READ, "POST": Scope.REQUESTS_WRITE}

    def get(self, request: Request) -> Response:
        return Response({"actor": request.auth.actor, "team_id": request.auth.team_id})

    post = get
    put = get  # names no scope: shut


urlpatterns: list[Any] = [path("door/", Door.as_view())]
