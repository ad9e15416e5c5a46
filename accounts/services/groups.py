"""Groups of people in the administration, and what each may do there."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission
from django.db import transaction

AUDITED_APPS = ("accounts", "auth", "axes", "budgets", "climate", "django_celery_beat", "market", "sessions_app")

OPERATED: dict[str, tuple[str, ...]] = {
    "accounts": ("add_apikey", "change_apikey"),
    "budgets": ("add_budget", "change_budget"),
    "climate": (
        "change_datasource",
        "add_emergency",
        "change_emergency",
        "change_region",
        "add_regioncapacity",
        "change_regioncapacity",
    ),
    "market": ("add_allocationrun",),
}
"""What running the deployment takes. Rules (policies, purposes, thresholds, people) are the administrators'."""


STANDARD = ("administrators", "operators", "auditors")
"""Kept by the program; whoever needs another mixture makes a group of their own."""


@transaction.atomic
def ensure_groups() -> int:
    """Create the standard groups, bring their permissions up to date, and return how many were made.

    Administrators may do everything, operators run the deployment and read, auditors read.
    A person also needs the mark "staff status" to enter the administration.
    """
    everything = Permission.objects.filter(content_type__app_label__in=AUDITED_APPS)
    reading = everything.filter(codename__startswith="view_")
    operating = [
        permission
        for permission in everything.select_related("content_type")
        if permission.codename in OPERATED.get(permission.content_type.app_label, ())
    ]
    made = 0
    for name, permissions in zip(STANDARD, (list(everything), [*reading, *operating], list(reading)), strict=True):
        group, created = Group.objects.get_or_create(name=name)
        group.permissions.set(permissions)
        made += created
    return made
