"""Two kinds of admin page: things that people change, with an audit trail, and records that nobody changes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from unfold.widgets import UnfoldAdminTextInputWidget

from config.administration.typed import AnyAdmin, AnyInline, AnyModelForm, HistoryAdmin

LONGEST_REASON_CHARACTERS = 100  # the column of django-simple-history


class ReasonForm(AnyModelForm):
    """A form that also asks why; the answer is kept in the history, not in the row."""

    change_reason = forms.CharField(
        label="Reason for this change",
        required=False,
        max_length=LONGEST_REASON_CHARACTERS,
        help_text="Kept in the history beside who, when, before and after.",
        widget=UnfoldAdminTextInputWidget,
    )


class AuditedAdmin(HistoryAdmin):
    """Something that people change. Every change is kept with who, when, why, before and after."""

    form = ReasonForm
    list_per_page = 50
    history_list_per_page = 50
    list_filter_submit = True
    compressed_fields = True
    warn_unsaved_form = True

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The fields of the page, and last the reason, for those who may change what is there."""
        fieldsets = [
            (title, {**options, "fields": [name for name in options["fields"] if name != "change_reason"]})
            for title, options in super().get_fieldsets(request, obj)
        ]
        may_change = obj is not None and self.has_change_permission(request, obj)
        if may_change and "change_reason" in self.form.base_fields:
            fieldsets.append(("Why", {"fields": ["change_reason"]}))
        return fieldsets

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save with the reason given."""
        obj._change_reason = form.cleaned_data.get("change_reason") or None
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Rows below the form share its reason."""
        for row in formset.forms:
            row.instance._change_reason = form.cleaned_data.get("change_reason") or None
        super().save_formset(request, form, formset, change)

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        """The past is looked at, not restored at a click: old values may break the rules of today."""
        return True

    def history_form_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """An old version, to be read only."""
        if request.method != "GET":
            raise PermissionDenied
        return super().history_form_view(request, *args, **kwargs)


class _NeverChanged:
    """Nobody adds, changes or deletes: services write these rows."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


class RecordAdmin(_NeverChanged, AnyAdmin):
    """A record of what happened: read, searched and filtered, never touched."""

    list_per_page = 50
    show_full_result_count = False
    list_filter_submit = True
    compressed_fields = True


class RecordInline(_NeverChanged, AnyInline):
    """Records below the thing they are about."""

    extra = 0
    tab = True
    show_change_link = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All that is shown, so that fields which no form may hold can be shown too."""
        return self.fields or ()
