"""Changes in the market by a person who trades for a team: a form, a redirect, a word on what became of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.domain.principal import Principal
from accounts.selectors import find_principal_of_person
from config.kernel.errors import DomainError
from dashboard.domain.sight import Sight
from dashboard.presentation.market.quota import PRICE_UNITS_WORDS, UNITS_OF_A_PRICE

Say = Callable[[dict[str, Any], Principal, datetime], str]


def act(request: HttpRequest, sight: Sight, form: forms.Form | None, say: Say, *, back: str) -> HttpResponse:
    """Do it if the form holds, say what became of it, and lead back to the page (and part) it came from."""
    principal = trader_of(request, sight)
    values: dict[str, Any] = {}
    if form is not None and not form.is_valid():
        for name, errors in form.errors.items():
            messages.error(request, f"{_label(form, name)}{' '.join(str(each) for each in errors)}")
        return redirect(back)
    if form is not None:
        values = form.cleaned_data
    try:
        messages.success(request, say(values, principal, datetime.now(UTC)))
    except DomainError as error:
        messages.error(request, f"{_label(form, error.field)}{_words(error)}")
    return redirect(back)


def _words(error: DomainError) -> str:
    """Why not, with prices for a thousand units as everywhere on the pages."""
    if error.code != "outside_collar":
        return error.detail
    low, high = ((Decimal(error.facts[name]) * UNITS_OF_A_PRICE).normalize() for name in ("low_usd", "high_usd"))
    return f"It stays between ${low:f} and ${high:f} for {PRICE_UNITS_WORDS} now."


def trader_of(request: HttpRequest, sight: Sight) -> Principal:
    """Who trades, for which team; others are turned away."""
    if sight.trading_team_id is None:
        raise PermissionDenied
    principal = find_principal_of_person(request.user)  # type: ignore[arg-type]  # known: they may trade
    if principal is None:
        raise PermissionDenied
    return principal


def page_at(name: str, part: str = "") -> str:
    """The address of a page of the market, at one of its parts."""
    return f"{reverse(name)}{part and f'#{part}'}"


_FIELDS = {"limit_price_usd": "limit_price", "fee_usd": "fee", "micro_usd": "amount_usd"}


def _label(form: forms.Form | None, name: str | None) -> str:
    """The field at fault, as the form calls it."""
    if not name or name == "__all__":
        return ""
    own = _FIELDS.get(name, name)
    if form is not None and own in form.fields:
        return f"{form.fields[own].label}: "
    return f"{name.replace('_', ' ').capitalize()}: "
