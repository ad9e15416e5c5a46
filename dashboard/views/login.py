"""Logging in, and the icon of the site."""

from __future__ import annotations

from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.views.decorators.http import require_safe


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Where programs look that do not read the page: bookmarks, feed readers, the page of a JSON answer."""
    return redirect(static("icons/icon-32.png"))


class LogIn(LoginView):
    """The login of everybody, members and staff."""

    template_name = "registration/login.html"
    redirect_authenticated_user = True
