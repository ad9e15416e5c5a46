"""People and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.models import Membership, User
from accounts.services.groups import STANDARD
from config.administration.base import AuditedAdmin
from config.administration.typed import AnyAdmin, AnyInline

if TYPE_CHECKING:
    AnyUserAdmin = DjangoUserAdmin[User]
else:
    AnyUserAdmin = DjangoUserAdmin

GIVES_POWER = ("is_superuser", "user_permissions")


class MembershipInline(AnyInline):
    """The teams a person is in."""

    model = Membership
    extra = 0
    hide_title = True
    tab = True
    autocomplete_fields = ("team",)


@admin.register(User)
class UserAdmin(AnyUserAdmin, AuditedAdmin):
    """People who log in."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "first_name", "last_name", "is_staff", "is_active", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", "groups")
    search_fields = ("username", "first_name", "last_name", "email")
    readonly_fields = ("last_login", "date_joined")
    autocomplete_fields = ("groups",)
    filter_horizontal = ("user_permissions",)
    inlines = (MembershipInline,)
    fieldsets = (
        (None, {"fields": ("username", "password", ("first_name", "last_name"), "email")}),
        (
            "What this person may do here",
            {
                "fields": ("is_active", "is_staff", "groups", "is_superuser", "user_permissions"),
                "description": "Staff status opens the administration; the groups decide what may be seen and changed.",
            },
        ),
        ("Dates", {"fields": (("last_login", "date_joined"),)}),
    )
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2")}),)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Teams are chosen once the person is there."""
        return self.inlines if obj else ()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only a superuser gives or takes the powers of one."""
        fixed = super().get_readonly_fields(request, obj)
        return fixed if request.user.is_superuser else (*fixed, *GIVES_POWER)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody but a superuser changes a superuser, or their password."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (request.user.is_superuser or not getattr(obj, "is_superuser", False))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """People are switched off, so that the history keeps saying who they were."""
        return False


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, AnyAdmin):
    """What the members of a group may do."""

    search_fields = ("name",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Powers are given by superusers, else members of a group could give them to themselves."""
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The standard groups are kept by the program."""
        return bool(request.user.is_superuser) and getattr(obj, "name", "") not in STANDARD

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As for changing; one at a time, so that no standard group goes with the others."""
        return obj is not None and self.has_change_permission(request, obj)
