"""Who may pass to which page. Both rules stand on the one sight of the viewer."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from dashboard.domain.sight import Sight
from dashboard.selectors.sight import get_sight

View = Callable[..., HttpResponse]


def seen_by(part: Literal["figures", "details"]) -> Callable[[View], Callable[..., HttpResponseBase]]:
    """Let a page be seen by those who may see `part`; others are asked to log in. The view gets the sight."""

    def decorate(view: View) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            sight: Sight = get_sight(request.user)
            if not getattr(sight, part):
                return redirect_to_login(request.get_full_path())
            return view(request, *args, sight=sight, **kwargs)

        return guarded

    return decorate
