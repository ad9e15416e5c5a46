"""The page of the audit log."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from config.administration.audit import KINDS, Question, audited_models, list_changes
from config.administration.typed import AnyModelChoiceField

PERMISSION = "accounts.view_audit_log"
CHANGES_PER_PAGE = 50
LAST_PAGE = 200  # each history is read up to the page shown; older changes are found by date


class FilterForm(forms.Form):
    """What the log is filtered by; all of it may be left empty."""

    model = forms.ChoiceField(required=False, label="What", widget=UnfoldAdminSelectWidget)
    user: AnyModelChoiceField = AnyModelChoiceField(
        queryset=None, required=False, label="Who", empty_label="anybody", widget=UnfoldAdminSelectWidget
    )
    kind = forms.ChoiceField(
        required=False, label="Change", choices=[("", "any"), *KINDS.items()], widget=UnfoldAdminSelectWidget
    )
    since = forms.DateField(required=False, label="From day", widget=UnfoldAdminTextInputWidget({"type": "date"}))
    until = forms.DateField(required=False, label="To day", widget=UnfoldAdminTextInputWidget({"type": "date"}))
    page = forms.IntegerField(required=False, min_value=1, max_value=LAST_PAGE, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        models = [(model._meta.label_lower, str(model._meta.verbose_name)) for model in audited_models()]
        self.fields["model"].choices = [("", "anything"), *models]  # type: ignore[attr-defined]
        self.fields["user"].queryset = get_user_model().objects.order_by("username")  # type: ignore[attr-defined]


def question_of(answers: dict[str, Any]) -> Question:
    """The question that a filled in form asks. Days are whole days in UTC."""
    return Question(
        model_label=answers.get("model") or None,
        user_id=answers["user"].pk if answers.get("user") else None,
        kind=answers.get("kind") or None,
        since=_midnight(answers.get("since")),
        until=_midnight(answers.get("until"), days_later=1),
    )


@permission_required(PERMISSION, raise_exception=True)
def audit_log(request: HttpRequest) -> HttpResponse:
    """Who changed what, when, before and after."""
    form = FilterForm(request.GET or None)
    answers = form.cleaned_data if form.is_valid() else {}
    page = answers.get("page") or 1
    offset = (page - 1) * CHANGES_PER_PAGE
    found = list_changes(question_of(answers), offset=offset, limit=CHANGES_PER_PAGE + 1)
    context = {
        **admin.site.each_context(request),
        "title": "Audit log",
        "form": form,
        "changes": found[:CHANGES_PER_PAGE],
        "newer": _page_link(request, page - 1) if page > 1 else "",
        "older": _page_link(request, page + 1) if len(found) > CHANGES_PER_PAGE and page < LAST_PAGE else "",
    }
    return TemplateResponse(request, "admin/commonwatt/audit_log.html", context)


def _midnight(day: Any, *, days_later: int = 0) -> datetime | None:
    return datetime.combine(day + timedelta(days=days_later), time(), tzinfo=UTC) if day else None


def _page_link(request: HttpRequest, page: int) -> str:
    query = request.GET.copy()
    query["page"] = str(page)
    return f"?{query.urlencode()}"
