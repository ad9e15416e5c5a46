"""The untyped libraries of the administration, with the types that our code relies on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from simple_history.admin import SimpleHistoryAdmin
from unfold import decorators
from unfold.admin import ModelAdmin, TabularInline
from unfold.views import ChangeList as UnfoldChangeList

F = TypeVar("F", bound=Callable[..., Any])

if TYPE_CHECKING:
    AnyModelForm = forms.ModelForm[Any]
    AnyModelChoiceField = forms.ModelChoiceField[Any]
    AnyAdmin = admin.ModelAdmin[Any]
    AnyInline = admin.TabularInline[Any, Any]
    AnyChangeList = ChangeList
    AnyPaginator = Paginator[Any]

    class HistoryAdmin(admin.ModelAdmin[Any]):
        """Unfold's pages with the history of django-simple-history."""

        def history_form_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            """An old version of an object."""
            ...

    def display(**options: Any) -> Callable[[F], F]:
        """As `unfold.decorators.display`."""
        ...

    def action(**options: Any) -> Callable[[F], F]:
        """As `unfold.decorators.action`."""
        ...
else:
    AnyModelForm, AnyModelChoiceField = forms.ModelForm, forms.ModelChoiceField
    AnyAdmin, AnyInline = ModelAdmin, TabularInline
    AnyChangeList, AnyPaginator = UnfoldChangeList, Paginator
    display, action = decorators.display, decorators.action

    class HistoryAdmin(SimpleHistoryAdmin, ModelAdmin):
        """Unfold's pages with the history of django-simple-history."""
