"""Registry units: taken in from a CSV file, all or none; shown with what they lack and what they cover."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from config.administration.base import AuditedAdmin, RecordAdmin, RecordInline
from config.administration.pages import actor_of, form_page, posted
from config.administration.text import choices_of, whole
from config.administration.typed import action, display
from market.admin.trading.operating import OperatorActions
from market.domain.trading.registry import COLUMNS, EXAMPLE, MOST_BLOCKS, BadRows, missing_of, read_csv
from market.models import GRAMS_PER_UNIT, RegistryUnit, RegistryUse
from market.services.trading.registry import UnitsRefused, import_units

LARGEST_BYTES = 2 * 2**20


def known_teams() -> list[tuple[str, str]]:
    """All teams, to choose from."""
    return choices_of("accounts.Team")


class BringUnitsForm(forms.Form):
    """A file of blocks, and whose they are."""

    team = forms.ChoiceField(
        choices=known_teams, widget=UnfoldAdminSelectWidget, help_text="Only this team can use them."
    )
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget,
        help_text=f"CSV in UTF-8, at most {LARGEST_BYTES // 2**20} MiB and {MOST_BLOCKS:,} blocks.",
    )

    def clean_file(self) -> str:
        """Its text."""
        file = self.cleaned_data["file"]
        if file.size > LARGEST_BYTES:
            raise ValidationError(f"The file has {file.size / 2**20:.1f} MiB; at most {LARGEST_BYTES // 2**20} can be.")
        try:
            return str(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise ValidationError("The file is not UTF-8.") from error


class RegistryUseInline(RecordInline):
    """The offers that a block covers."""

    model = RegistryUse
    fields = ("order", "kept_g", "used_g", "at")
    verbose_name_plural = "Used by"


@admin.register(RegistryUnit)
class RegistryUnitAdmin(OperatorActions, RecordAdmin, AuditedAdmin):
    """Blocks of registry units. An import completes what is empty; nothing is changed by hand."""

    list_display = ("registry", "serials", "team", "vintage", "shown_state", "covered", "imported_at")
    list_filter = ("registry",)
    list_select_related = ("team__organisation",)
    search_fields = ("serial_prefix", "project_id", "project_name", "team__name", "=serial_first", "=serial_last")
    readonly_fields = ("shown_state", "lacking", "covered")
    inlines = (RegistryUseInline,)
    actions_list = ("bring",)
    fieldsets = (
        ("State", {"fields": ("shown_state", "lacking", "covered", "team")}),
        ("Serial numbers", {"fields": (("registry", "serial_prefix"), ("serial_first", "serial_last"))}),
        ("Project", {"fields": (("project_id", "project_name"), ("vintage", "methodology"), "verification_body")}),
        ("Retirement", {"fields": ("retired_on", "retirement_beneficiary", "retirement_reason")}),
        ("Import", {"fields": (("imported_at", "imported_by"),)}),
    )

    def get_urls(self) -> list[URLPattern]:
        """With an example of a file."""
        view = self.admin_site.admin_view(self.example)
        return [path("example.csv", view, name="market_registryunit_example"), *super().get_urls()]

    def example(self, request: HttpRequest) -> HttpResponse:
        """A small file to begin with."""
        headers = {"Content-Disposition": 'attachment; filename="units.csv"'}
        return HttpResponse(EXAMPLE, content_type="text/csv; charset=utf-8", headers=headers)

    @display(description="Serial numbers", ordering="serial_first")
    def serials(self, unit: RegistryUnit) -> str:
        """As registries write them."""
        return f"{unit.serial_prefix}{unit.serial_first} to {unit.serial_last}"

    @display(description="State", label={"verified": "success", "not verified": "warning"})
    def shown_state(self, unit: RegistryUnit) -> str:
        """Complete and retired, or not."""
        return "not verified" if missing_of(unit) else "verified"

    @display(description="Missing to be verified")
    def lacking(self, unit: RegistryUnit) -> str:
        """The empty columns."""
        return ", ".join(missing_of(unit)) or "nothing"

    @display(description="Covers offers, of all")
    def covered(self, unit: RegistryUnit) -> str:
        """Grams CO2e that offers use or keep."""
        grams = (unit.serial_last - unit.serial_first + 1) * GRAMS_PER_UNIT
        return f"{whole(unit.used_g)} of {whole(grams)} g CO₂e"

    @action(description="Import a CSV file", icon="upload_file", permissions=["operate"])
    def bring(self, request: HttpRequest) -> HttpResponse:
        """Take a file in, all of it or nothing."""

        def call(given: dict[str, Any]) -> str:
            now = timezone.now()
            try:
                blocks = read_csv(given["file"], today=now.date())
            except BadRows as bad:
                raise UnitsRefused(bad) from bad
            ids = import_units(team_id=int(given["team"]), blocks=blocks, actor=actor_of(request), now=now)
            return f"{len(ids)} blocks are stored."

        return form_page(
            request,
            model_admin=self,
            form=BringUnitsForm(posted(request), request.FILES or None),
            call=call,
            title="Import registry units",
            submit="Import",
            intro=_intro(),
        )


def _intro() -> SafeString:
    return format_html(
        "Columns: {}. The first four are needed; a block is verified once it has all of them and is retired. A row that"
        " is wrong is named, and then nothing is stored. A block that is stored already gets what was empty."
        ' <a class="underline" href="{}">Download an example</a>.',
        ", ".join(COLUMNS),
        reverse("admin:market_registryunit_example"),
    )
