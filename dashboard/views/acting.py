"""Changes by a person for their team: a form, a redirect, a word on what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.domain.principal import Principal
from config.kernel.errors import DomainError

Say = Callable[[dict[str, Any], Principal, datetime], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWords:
    """How pages of one kind put a refusal, and what their forms call the fields of a service."""

    refusal: Callable[[DomainError], str] = lambda error: error.detail
    fields: Mapping[str, str] = field(default_factory=dict)


def act(
    request: HttpRequest,
    principal: Principal,
    form: forms.Form | None,
    say: Say,
    *,
    back: str,
    own: OwnWords = OwnWords(),
) -> HttpResponse:
    """Do it if the form holds, say what became of it, and lead back to the page (and part) it came from."""
    if form is not None and not form.is_valid():
        for name, errors in form.errors.items():
            messages.error(request, f"{_label(form, name, own)}{' '.join(str(each) for each in errors)}")
        return redirect(back)
    values: dict[str, Any] = form.cleaned_data if form is not None else {}
    try:
        messages.success(request, say(values, principal, datetime.now(UTC)))
    except DomainError as error:
        messages.error(request, f"{_label(form, error.field, own)}{own.refusal(error)}")
    return redirect(back)


def _label(form: forms.Form | None, name: str | None, own: OwnWords) -> str:
    """The field at fault, as the form calls it."""
    if not name or name == "__all__":
        return ""
    called = own.fields.get(name, name)
    if form is not None and called in form.fields:
        return f"{form.fields[called].label}: "
    return f"{name.replace('_', ' ').capitalize()}: "
