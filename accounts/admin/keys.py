"""API keys: made here, shown once, revoked here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminTextInputWidget,
)

from accounts.domain.scopes import PLATFORM_SCOPES, Scope
from accounts.models import ApiKey, IdempotentAnswer, Team
from accounts.services.keys import create_api_key, revoke_api_key
from config.administration.base import AuditedAdmin, ReasonForm, RecordAdmin
from config.administration.pages import ConfirmForm, form_page, posted
from config.administration.typed import action, display

SCOPES = [
    (Scope.CLIMATE_READ, "Read the climate: regions, intensity, forecasts"),
    (Scope.REQUESTS_READ, "Read the team's requests and decisions"),
    (Scope.REQUESTS_WRITE, "Ask for tokens, settle and release"),
    (Scope.REQUESTS_SIMULATE, "Ask what-if questions with a signal of one's own"),
    (Scope.BUDGETS_READ, "Read the team's budgets and ledgers"),
    (Scope.BUDGETS_SPEND, "Reserve, use and settle out of the team's budgets"),
    (Scope.BUDGETS_WRITE, "Create, change and end the team's budgets"),
    (Scope.MARKET_READ, "Read prices, calls, and the team's orders, loans and account"),
    (Scope.MARKET_TRADE, "Trade, lend and share the team's quota"),
    (Scope.EMERGENCIES_WRITE, "Declare, confirm and lift emergencies: this concerns every team"),
    (Scope.CAPACITY_WRITE, "Enter and end outages and maintenance of regions: this concerns every team"),
    (Scope.MARKET_OPERATE, "Halt and resume trading, pay into accounts, import units: this concerns every team"),
]

GIVES_ALL_SCOPES = "accounts.grant_platform_scopes"
"""Operators make keys and decide on emergencies; they may not hand that power on."""


def scopes_field() -> forms.MultipleChoiceField:
    """Scopes as check boxes."""
    return forms.MultipleChoiceField(
        choices=SCOPES, widget=UnfoldAdminCheckboxSelectMultipleWidget, help_text="Give a key no more than it needs."
    )


def expiry_field() -> forms.DateTimeField:
    """When a key ends."""
    return forms.DateTimeField(
        label="Expires at (UTC)",
        required=False,
        widget=UnfoldAdminTextInputWidget({"placeholder": "2027-01-31 00:00"}),
        help_text="Year-month-day hour:minute. Leave empty for a key that lasts until it is revoked.",
    )


class ScopesForm(forms.BaseForm):
    """Power over every team is given to a key by those alone who make the rules; others may leave what is there."""

    may_give_all = False

    def clean_scopes(self) -> list[str]:
        """The scopes, if whoever fills in the form may give them."""
        wanted: list[str] = self.cleaned_data["scopes"]
        added = (set(wanted) & PLATFORM_SCOPES) - set(self.initial.get("scopes") or ())
        if added and not self.may_give_all:
            raise ValidationError(f"Only administrators give {', '.join(sorted(added))}: it concerns every team.")
        return wanted


class NewKeyForm(ScopesForm, forms.Form):
    """What a new key needs."""

    team = forms.ModelChoiceField(queryset=Team.objects.select_related("organisation"), widget=UnfoldAdminSelect2Widget)
    name = forms.CharField(max_length=120, widget=UnfoldAdminTextInputWidget, help_text="What the key is for.")
    scopes = scopes_field()
    expires_at = expiry_field()

    def clean_expires_at(self) -> datetime | None:
        """A key that has expired already is a slip."""
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise ValidationError("This is in the past.")
        return expires_at


class KeyForm(ScopesForm, ReasonForm):
    """What may be changed of a key."""

    scopes = scopes_field()
    expires_at = expiry_field()


@display(description="State", label={"active": "success", "expired": "warning", "revoked": "danger"})
def state_of(key: ApiKey) -> str:
    """Active, expired or revoked."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= timezone.now() else "active"


@admin.register(ApiKey)
class ApiKeyAdmin(AuditedAdmin):
    """Keys of all teams. The secret exists in the answer to the form that makes it, and nowhere else."""

    form = KeyForm
    list_display = ("name", "prefix", "team", state_of, "expires_at", "last_used_at")
    list_filter = ("team__organisation", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("team__organisation",)
    search_fields = ("name", "prefix", "team__name", "team__organisation__name")
    readonly_fields = ("team", "prefix", "created_at", "created_by", "last_used_at", "revoked_at")
    actions_detail = ("revoke",)
    fieldsets = (
        (None, {"fields": ("name", "team", "prefix", "scopes", "expires_at")}),
        ("Story", {"fields": (("created_at", "created_by"), ("last_used_at", "revoked_at"))}),
    )

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Make a key and show its secret once, on the next page."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewKeyForm(posted(request))
        form.may_give_all = request.user.has_perm(GIVES_ALL_SCOPES)

        def create(given: dict[str, Any]) -> str:
            key, secret = create_api_key(
                team_id=given["team"].pk,
                name=given["name"],
                scopes=given["scopes"],
                expires_at=given["expires_at"],
                created_by_id=request.user.pk,
            )
            messages.warning(request, f"Copy the secret now, it is not shown again: {secret}")
            return f"The key {key} was created."

        return form_page(
            request,
            model_admin=self,
            form=form,
            call=create,
            title="Add API key",
            submit="Create the key",
            intro="The secret is shown once, on the next page. Only its digest is stored.",
        )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """A form made for this request, which knows what its reader may give."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.may_give_all = request.user.has_perm(GIVES_ALL_SCOPES)
        return form

    def has_revoke_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        key: Any = self.get_object(request, object_id) if object_id is not None else None
        return request.user.has_perm("accounts.change_apikey") and (key is None or key.revoked_at is None)

    @action(description="Revoke", icon="block", permissions=["revoke"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Refuse the key from now on, after a question."""

        def call(given: dict[str, Any]) -> str:
            revoke_api_key(key_id=int(object_id), now=timezone.now())
            return "The key was revoked. It is refused from now on."

        return form_page(
            request,
            model_admin=self,
            form=ConfirmForm(posted(request)),
            call=call,
            title="Revoke this API key",
            submit="Revoke the key",
            intro="Every program that uses the key is refused from this moment. This cannot be undone.",
            object_id=object_id,
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keys are revoked, so that old requests keep saying who asked."""
        return False


@admin.register(IdempotentAnswer)
class IdempotentAnswerAdmin(RecordAdmin):
    """What was answered to Idempotency-Keys in the last two days."""

    list_display = ("key", "team", "state", "status_code", "fence", "created_at")
    list_filter = ("state", "status_code")
    list_select_related = ("team__organisation",)
    search_fields = ("key",)
    ordering = ("-created_at",)
