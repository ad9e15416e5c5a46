"""CSV import of the readings of a private site: brought, checked in the background, confirmed with a reason."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Case, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from climate.domain.reading_file import EXAMPLE, LARGEST_BYTES, MOST_ROWS
from climate.domain.signal import Scope
from climate.models import GridZone, ReadingImport
from climate.services.reading_imports import AT_WORK, begin_import, confirm_import
from config.administration.base import LONGEST_REASON_CHARACTERS, AuditedAdmin, RecordAdmin
from config.administration.pages import form_page, posted, url_of
from config.administration.text import whole
from config.administration.typed import AnyModelChoiceField, action, display

LOOK_AGAIN_SECONDS = 2
State = ReadingImport.State
SCOPES = [
    (Scope.LIFECYCLE.value, "Life cycle: with building and fuel supply (10 to 1,300 g CO2e/kWh)"),
    (Scope.DIRECT.value, "Direct: the chimney only (0 to 1,300 g CO2e/kWh; not used for decisions)"),
]


def zones_to_choose() -> Any:
    """All zones, those of private sites first."""
    return GridZone.objects.order_by(Case(When(code__startswith="SITE-", then=0), default=1), "code")


class BringForm(forms.Form):
    """A file, what it is about and where it comes from."""

    zone: AnyModelChoiceField = AnyModelChoiceField(
        queryset=zones_to_choose(),
        widget=UnfoldAdminSelectWidget,
        help_text="Of a private site: first add a grid zone for it, and a region in it.",
    )
    source = forms.CharField(
        max_length=40,
        initial="site-",
        widget=UnfoldAdminTextInputWidget,
        help_text="Under which name the readings are kept: site- and a name of your own, for example site-roof.",
    )
    scope = forms.ChoiceField(choices=SCOPES, widget=UnfoldAdminSelectWidget)
    origin = forms.CharField(
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text="Where the values come from: meter, publisher, method.",
    )
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget,
        help_text=f"CSV, at most {LARGEST_BYTES // 2**20} MiB and {MOST_ROWS:,} rows.",
    )

    def clean_file(self) -> Any:
        """Refuse before it is read what is too large."""
        file = self.cleaned_data["file"]
        if file.size > LARGEST_BYTES:
            raise ValidationError(f"The file has {file.size / 2**20:.1f} MiB; at most {LARGEST_BYTES // 2**20} can be.")
        return file


class ConfirmImportForm(forms.Form):
    """Why the readings are stored."""

    reason = forms.CharField(
        max_length=LONGEST_REASON_CHARACTERS,
        widget=UnfoldAdminTextInputWidget,
        help_text="Kept beside who confirmed it and the SHA-256 of the file.",
    )


@admin.register(ReadingImport)
class ReadingImportAdmin(RecordAdmin, AuditedAdmin):
    """Files of readings and what became of them: services change them, and each step is kept."""

    list_display = ("file_name", "zone_id", "source", "shown_state", "row_count", "created_at", "author")
    list_filter = ("state", "source")
    list_select_related = ("author",)
    search_fields = ("file_name", "=zone__code", "source", "sha256")
    readonly_fields = ("shown_state", "progress", "findings", "author", "confirmed_by")
    actions_list = ("bring",)
    actions_detail = ("confirm",)
    fieldsets = (
        ("How far it is", {"fields": ("shown_state", "progress", "findings")}),
        ("The file", {"fields": (("file_name", "origin"), ("zone", "source", "scope"), "sha256")}),
        ("Who", {"fields": (("author", "created_at"), ("confirmed_by", "confirmed_at"), "reason")}),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Without the contents of the files."""
        return super().get_queryset(request).defer("content")

    def get_urls(self) -> list[URLPattern]:
        """With an example of a file."""
        view = self.admin_site.admin_view(self.example)
        return [path("example.csv", view, name="climate_readingimport_example"), *super().get_urls()]

    def example(self, request: HttpRequest) -> HttpResponse:
        """A small file to begin with."""
        headers = {"Content-Disposition": 'attachment; filename="readings.csv"'}
        return HttpResponse(EXAMPLE, content_type="text/csv; charset=utf-8", headers=headers)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A file is brought, not typed in."""
        if not self.has_bring_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:climate_readingimport_bring"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The report, which is asked for again while the file is worked on."""
        response = super().change_view(request, object_id, form_url, extra_context)
        if ReadingImport.objects.filter(pk=object_id, state__in=AT_WORK).exists():
            response["Refresh"] = str(LOOK_AGAIN_SECONDS)
        return response

    @display(
        description="State",
        ordering="state",
        label={
            **dict.fromkeys((State.CHECKING.label, State.STORING.label), "info"),
            **dict.fromkeys((State.REFUSED.label, State.FAILED.label), "danger"),
            State.READY.label: "warning",
            State.DONE.label: "success",
            State.LAPSED.label: "",
        },
    )
    def shown_state(self, brought: ReadingImport) -> str:
        """In words, coloured."""
        return State(brought.state).label

    @display(description="Progress")
    def progress(self, brought: ReadingImport) -> SafeString | str:
        """Rows checked; while they are stored, how many they are: they are stored all at once."""
        if brought.state == ReadingImport.State.CHECKING:
            bar = (
                '<progress class="w-full" max="{}" value="{}" aria-label="Rows checked"></progress> {} of about {} rows'
            )
            done, rows = brought.done_count, brought.row_count
            return format_html(bar, max(rows, 1), done, whole(done), whole(rows))
        if brought.state == ReadingImport.State.STORING:
            bar = '<progress aria-label="Rows being stored"></progress> {} rows, all or none'
            return format_html(bar, whole(brought.report.get("good")))
        return f"{whole(brought.row_count)} rows"

    @display(description="What was found")
    def findings(self, brought: ReadingImport) -> SafeString | str:
        """The report."""
        if not brought.report:
            return "It is being checked."
        report = {**brought.report}
        for name in ("first_at", "last_at"):
            report[name] = _moment(report.get(name))
        report["gaps"] = [[_moment(begin), _moment(end)] for begin, end in report.get("gaps", [])]
        context = {"report": report, "is_done": brought.state == ReadingImport.State.DONE}
        return render_to_string("admin/commonwatt/import_findings.html", context)

    def has_bring_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Asked by the actions."""
        return request.user.has_perm("climate.add_readingimport")

    def has_confirm_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Offered for what waits for it. A form that was sent for anything else is answered with the reason."""
        fits = object_id is None or request.method == "POST"
        fits = fits or ReadingImport.objects.filter(pk=object_id or 0, state=State.READY).exists()
        return fits and self.has_bring_permission(request)

    @action(description="Import a CSV file", icon="upload_file", permissions=["bring"])
    def bring(self, request: HttpRequest) -> HttpResponse:
        """Take a file in and go to its report."""
        brought: list[int] = []

        def call(given: dict[str, Any]) -> str:
            brought.append(
                begin_import(
                    zone_code=given["zone"].pk,
                    source=given["source"],
                    scope=Scope(given["scope"]),
                    origin=given["origin"],
                    file_name=given["file"].name,
                    content=given["file"].read(),
                    author_id=request.user.pk,
                    now=timezone.now(),
                )
            )
            return "The file is being checked. Nothing is stored before you confirm it."

        response = form_page(
            request,
            model_admin=self,
            form=BringForm(posted(request), request.FILES or None),
            call=call,
            title="Import readings from a CSV file",
            submit="Check the file",
            intro=_intro(),
        )
        return HttpResponseRedirect(url_of(self, brought[0])) if brought else response

    @action(description="Confirm and store", icon="task_alt", permissions=["confirm"])
    def confirm(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Store what was checked, with a reason."""

        def call(given: dict[str, Any]) -> str:
            now = timezone.now()
            confirm_import(import_id=int(object_id), reason=given["reason"], author_id=request.user.pk, now=now)
            return "The readings are being stored, all or none."

        return form_page(
            request,
            model_admin=self,
            form=ConfirmImportForm(posted(request)),
            call=call,
            title="Store the readings of this file",
            submit="Store them",
            intro="Readings that change a stored one leave the earlier version in the records.",
            object_id=object_id,
        )


def _intro() -> SafeString:
    return format_html(
        "Columns: starts_at (with offset, such as 2026-03-04T10:00:00Z), period_minutes (1 to 60), intensity_g_per_kwh"
        ' (g CO2e/kWh); renewable_share and carbon_free_share (0 to 1) may be left out. <a class="underline" href="{}">'
        "Download an example</a>. The file is checked first; you see what is in it before anything is stored.",
        reverse("admin:climate_readingimport_example"),
    )


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
