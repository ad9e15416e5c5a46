"""How alerts become emergencies. A version is never changed: a change is a new version, in force at once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from climate.admin.emergency_forms import PolicyForm
from climate.models import EmergencyPolicy
from climate.services.emergency_policies import create_emergency_policy_version
from config.administration.base import AuditedAdmin
from config.administration.pages import form_page, posted
from config.administration.text import differences, pretty_json
from config.administration.typed import display


@admin.register(EmergencyPolicy)
class EmergencyPolicyAdmin(AuditedAdmin):
    """All versions, the newest first: that one is in force."""

    list_display = ("version", "state", "rationale", "author", "created_at")
    list_select_related = ("author",)
    search_fields = ("rationale",)
    readonly_fields = ("version", "state", "rationale", "author", "created_at", "difference", "shown_terms")
    fieldsets = (
        (None, {"fields": (("version", "state"), "rationale", ("author", "created_at"))}),
        ("Changed since the version before", {"fields": ("difference",)}),
        ("Terms", {"fields": ("shown_terms",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Each with whether a newer one is in force."""
        newer = EmergencyPolicy.objects.filter(version__gt=OuterRef("version"))
        versions: QuerySet[Any] = super().get_queryset(request)
        annotated: QuerySet[Any] = versions.annotate(is_superseded=Exists(newer))
        return annotated

    @display(description="State", label={"in force": "success", "superseded": "info"})
    def state(self, policy: Any) -> str:
        """Whether alerts are read by it."""
        return "superseded" if policy.is_superseded else "in force"

    @display(description="Terms")
    def shown_terms(self, policy: EmergencyPolicy) -> SafeString:
        """Laid out."""
        return pretty_json(policy.terms)

    @display(description="Changes")
    def difference(self, policy: EmergencyPolicy) -> str:
        """Each term that differs from the version before."""
        before = EmergencyPolicy.objects.filter(version__lt=policy.version).order_by("-version").first()
        if before is None:
            return "This is the first version."
        return differences(before.terms, policy.terms) or f"Nothing differs from version {before.version}."

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The next version, starting from the terms in force."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        newest = EmergencyPolicy.objects.order_by("-version").first()
        form = PolicyForm(posted(request), start=newest.terms if newest else {})

        def create(given: dict[str, Any]) -> str:
            version = create_emergency_policy_version(
                terms=form.terms(), rationale=given["rationale"], author_id=request.user.pk, now=timezone.now()
            )
            return f"Version {version} is in force. The next alerts are read by it."

        return form_page(
            request,
            model_admin=self,
            form=form,
            call=create,
            title="New version of the emergency policy",
            submit="Put it in force",
            intro="A version cannot be changed later. What stands keeps the terms on which it was declared.",
        )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A version is read, never edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Emergencies refer to versions."""
        return False
