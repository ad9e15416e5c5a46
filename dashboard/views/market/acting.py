"""Changes in the market by a person who trades for a team."""

from __future__ import annotations

from decimal import Decimal

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.domain.principal import Principal
from accounts.selectors import find_principal_of_person
from config.kernel.errors import DomainError
from dashboard.domain.sight import Sight
from dashboard.presentation.market.quota import PRICE_UNITS_WORDS, UNITS_OF_A_PRICE
from dashboard.views import acting
from dashboard.views.acting import Say


def act(request: HttpRequest, sight: Sight, form: forms.Form | None, say: Say, *, back: str) -> HttpResponse:
    """Do it for the team that the viewer trades for; others are turned away."""
    own = acting.OwnWords(refusal=_words, fields=_FIELDS)
    return acting.act(request, trader_of(request, sight), form, say, back=back, own=own)


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
