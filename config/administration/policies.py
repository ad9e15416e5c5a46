"""Policies of every kind. A version is never changed: a change is a new version, and which one counts is switched."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from config.administration.base import AuditedAdmin
from config.administration.pages import ConfirmForm, actor_of, form_page, object_or_404, posted
from config.administration.text import differences, pretty_json
from config.administration.typed import action, display


class VersionedPolicyAdmin(AuditedAdmin):
    """All versions of all policies, the newest of each first. `subject` is what refers to them, in the plural.

    The forms take `start`, a body of terms, and say with `body()` which body they describe.
    """

    subject: ClassVar[str]
    new_form: ClassVar[type[Any]]
    version_form: ClassVar[type[Any]]

    list_display = ("name", "version", "state", "rationale", "author", "created_at")
    list_filter = ("name", "is_current", "is_default")
    list_select_related = ("author",)
    search_fields = ("name", "rationale")
    actions_detail = ("new_version", "make_current", "make_default")
    readonly_fields = ("name", "version", "state", "rationale", "author", "created_at", "difference", "terms")
    fieldsets = (
        (None, {"fields": (("name", "version"), "state", "rationale", ("author", "created_at"))}),
        ("Changed since the version before", {"fields": ("difference",)}),
        ("Terms", {"fields": ("terms",)}),
    )

    @abstractmethod
    def create_version(self, **values: Any) -> None:
        """Add a version: `name`, `body`, `rationale`, `author_id`, `now`."""

    @abstractmethod
    def activate(self, **values: Any) -> None:
        """Make a version current: `policy_id`, `now`, `actor`, `make_default`."""

    @display(
        description="State",
        label={"current and default": "success", "current": "success", "not in use": "info"},
    )
    def state(self, policy: Any) -> str:
        """Whether anything new uses it."""
        if not policy.is_current:
            return "not in use"
        return "current and default" if policy.is_default else "current"

    @display(description="Terms")
    def terms(self, policy: Any) -> SafeString:
        """The body, laid out."""
        return pretty_json(policy.body)

    @display(description="Changes")
    def difference(self, policy: Any) -> str:
        """Each term that differs from the version before."""
        versions = self.model.objects.filter(name=policy.name, version__lt=policy.version)
        before = versions.order_by("-version").first()
        if before is None:
            return "This is the first version."
        return differences(before.body, policy.body) or f"Nothing differs from version {before.version}."

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A policy under a new name."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        newest = self.model.objects.filter(is_default=True).first()
        form = self.new_form(posted(request), start=newest.body if newest else {})
        return self._version_page(request, form, title="Add policy")

    def has_new_version_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return self._may(request, "add")

    def has_activate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the action of this name."""
        return self._may(request, "change")

    def _may(self, request: HttpRequest, what: str) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.{what}_{self.opts.model_name}")

    @action(description="New version of this policy", icon="add", permissions=["new_version"])
    def new_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The next version, starting from the terms of this one."""
        policy = object_or_404(request, self, object_id)
        form = self.version_form(posted(request), start=policy.body)
        return self._version_page(request, form, title=f"New version of {policy.name}", name=policy.name)

    def _version_page(self, request: HttpRequest, form: Any, *, title: str, name: str = "") -> HttpResponse:
        def create(given: dict[str, Any]) -> str:
            self.create_version(
                name=name or given["name"],
                body=form.body(),
                rationale=given["rationale"],
                author_id=request.user.pk,
                now=timezone.now(),
            )
            return f"A new version of {name or given['name']} was created. It is not in use until you make it current."

        return form_page(
            request,
            model_admin=self,
            form=form,
            call=create,
            title=title,
            submit="Create the version",
            intro=f"A version cannot be changed later, since {self.subject} refer to it. "
            "It is used once it is made current.",
        )

    @action(description="Make current", icon="check", permissions=["activate"])
    def make_current(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What is new under this name uses this version."""
        return self._activation_page(request, object_id, make_default=False)

    @action(description="Make default", icon="star", permissions=["activate"])
    def make_default(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What names no policy uses this version."""
        return self._activation_page(request, object_id, make_default=True)

    def _activation_page(self, request: HttpRequest, object_id: str, *, make_default: bool) -> HttpResponse:
        policy = object_or_404(request, self, object_id)
        whose = "that name no policy" if make_default else f"under the name {policy.name}"

        def call(given: dict[str, Any]) -> str:
            self.activate(policy_id=policy.pk, now=timezone.now(), actor=actor_of(request), make_default=make_default)
            return f"New {self.subject} {whose} use version {policy.version} of {policy.name} from now on."

        return form_page(
            request,
            model_admin=self,
            form=ConfirmForm(posted(request)),
            call=call,
            title=f"Make {policy} the {'default' if make_default else 'current version'}",
            submit="Make it the default" if make_default else "Make it current",
            intro=f"New {self.subject} {whose} use it from now on. Those that there are stay as they are.",
            object_id=object_id,
        )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A version is read, never edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Others refer to versions."""
        return False
