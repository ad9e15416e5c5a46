"""A page with one form whose answer goes to a service. A refusal is shown beside its field, never as a 500."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from config.kernel.actors import person_actor
from config.kernel.errors import DomainError

LONGEST_REASON_CHARACTERS = 300


class ConfirmForm(forms.Form):
    """Nothing to fill in: the button is the answer."""


class WhyForm(forms.Form):
    """A change that must be justified."""

    reason = forms.CharField(
        max_length=LONGEST_REASON_CHARACTERS,
        widget=UnfoldAdminTextInputWidget,
        help_text="Kept with the change for everybody who looks at it later.",
    )


def actor_of(request: HttpRequest) -> str:
    """Who acts, as ledgers and decisions name people."""
    return person_actor(request.user.get_username())


def posted(request: HttpRequest) -> QueryDict | None:
    """What binds a form: the values sent, even where there are none; nothing on a GET."""
    return request.POST if request.method == "POST" else None


def object_or_404(request: HttpRequest, model_admin: Any, object_id: str) -> Any:
    """The object of an action's address."""
    found = model_admin.get_object(request, unquote(object_id))
    if found is None:
        raise Http404
    return found


def form_page(
    request: HttpRequest,
    *,
    model_admin: Any,
    form: forms.BaseForm,
    call: Callable[[dict[str, Any]], str],
    title: str,
    submit: str,
    intro: str = "",
    object_id: Any = None,
    template: str = "admin/commonwatt/form.html",
    extra: dict[str, Any] | None = None,
) -> HttpResponse:
    """Show `form`; once it is valid give its values to `call` and say the words that `call` returns.

    Goes on to the object's page, or to the list where no `object_id` is given. A `template` of its own
    gets what is in `extra` besides.
    """
    if object_id is not None:
        object_or_404(request, model_admin, str(object_id))
    if request.method == "POST" and form.is_valid():
        try:
            done = call(form.cleaned_data)
        except DomainError as refusal:
            add_refusal(form, refusal)
        else:
            messages.success(request, done)
            return HttpResponseRedirect(url_of(model_admin, object_id))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.model._meta,
        "media": model_admin.media + form.media,
        "form": form,
        "intro": intro,
        "submit_label": submit,
        "back_url": url_of(model_admin, object_id),
        **(extra or {}),
    }
    return TemplateResponse(request, template, context)


def add_refusal(form: forms.BaseForm, refusal: DomainError) -> None:
    """Put a refusal beside the field it names, or above the form.

    `body.scarcity.max` is the field of that name, or else `scarcity.max`, or else `body`.
    """
    named = refusal.field or ""
    names = (named, named.partition(".")[2], named.partition(".")[0])
    field = next((name for name in names if name in form.fields), None)
    words = refusal.detail.removeprefix(f"{field}: ")  # the place says it
    form.add_error(field, words if words == refusal.detail else f"This {words}.")


def url_of(model_admin: Any, object_id: Any = None) -> str:
    """The page of an object, or the list of all."""
    meta = model_admin.model._meta
    name = f"admin:{meta.app_label}_{meta.model_name}"
    return reverse(f"{name}_changelist") if object_id is None else reverse(f"{name}_change", args=[object_id])
