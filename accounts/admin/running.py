"""Pages of libraries, in the style of the rest: schedules and failed logins."""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.http import HttpRequest
from django_celery_beat.admin import ClockedScheduleAdmin as BeatClockedAdmin
from django_celery_beat.admin import CrontabScheduleAdmin as BeatCrontabAdmin
from django_celery_beat.admin import PeriodicTaskAdmin as BeatTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm, TaskSelectWidget
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from config.administration.base import RecordAdmin
from config.administration.typed import AnyAdmin

for model in (
    PeriodicTask,
    IntervalSchedule,
    CrontabSchedule,
    SolarSchedule,
    ClockedSchedule,
    AccessAttempt,
    AccessFailureLog,
    AccessLog,
):
    admin.site.unregister(model)


class TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):  # type: ignore[misc]  # an untyped library
    """The registered tasks, in the style of the other fields."""


class TaskForm(PeriodicTaskForm):  # type: ignore[misc]  # an untyped library
    """A schedule of a task."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskSelect()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BeatTaskAdmin, AnyAdmin):  # type: ignore[misc]  # an untyped library
    """What runs by the clock, and when."""

    form = TaskForm


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(AnyAdmin):
    """Every so many seconds, minutes or hours."""


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(BeatCrontabAdmin, AnyAdmin):  # type: ignore[misc]  # an untyped library
    """By minute, hour and day."""


@admin.register(SolarSchedule)
class SolarScheduleAdmin(AnyAdmin):
    """By the sun."""


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(BeatClockedAdmin, AnyAdmin):  # type: ignore[misc]  # an untyped library
    """Once."""


@admin.register(AccessAttempt)
class AccessAttemptAdmin(RecordAdmin):
    """Failed logins that count towards a lock-out. Deleting one lets the person try again."""

    list_display = ("attempt_time", "username", "ip_address", "failures_since_start", "path_info")
    list_filter = ("attempt_time",)
    search_fields = ("username", "ip_address")
    fields = ("attempt_time", "username", "ip_address", "user_agent", "path_info", "failures_since_start")
    ordering = ("-attempt_time",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Lifts a lock-out before its time."""
        return request.user.has_perm("axes.delete_accessattempt")


@admin.register(AccessLog)
class AccessLogAdmin(RecordAdmin):
    """Who logged in and out, when and from where."""

    list_display = ("attempt_time", "username", "ip_address", "logout_time", "path_info")
    list_filter = ("attempt_time",)
    search_fields = ("username", "ip_address")
    fields = ("attempt_time", "logout_time", "username", "ip_address", "user_agent", "path_info")
    ordering = ("-attempt_time",)
