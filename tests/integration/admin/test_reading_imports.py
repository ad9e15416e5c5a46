"""A private site in the administration: its zone, its region, and its readings from a CSV file."""

from __future__ import annotations

import html
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse, reverse_lazy
from django.utils import timezone

from accounts.models import User
from climate.domain.ladder import floor_hour
from climate.domain.reading_file import EXAMPLE, LARGEST_BYTES
from climate.models import CarbonReading, Country, GridZone, ReadingImport, Region
from climate.selectors import get_signal
from climate.services.reading_imports import continue_import

pytestmark = pytest.mark.django_db
LIST = "/admin/climate/readingimport/"
BRING = reverse_lazy("admin:climate_readingimport_bring")


@pytest.fixture(autouse=True)
def site(db):
    Country.objects.create(code="DE", iso3="DEU", name="Germany", latitude=51, longitude=10)
    return GridZone.objects.create(code="SITE-ROOF", name="Our roof")


def upload(client, content: str | bytes = EXAMPLE, **changes):
    data = content.encode() if isinstance(content, str) else content
    form = {"zone": "SITE-ROOF", "source": "site-roof", "scope": "lifecycle", "origin": "our meter"}
    return client.post(BRING, {**form, "file": SimpleUploadedFile("roof.csv", data), **changes})


def confirming(brought: ReadingImport) -> str:
    return reverse("admin:climate_readingimport_confirm", args=[brought.pk])


def report(client, brought: ReadingImport):
    return client.get(f"{LIST}{brought.pk}/change/")


def test_a_private_site_gets_its_zone_region_and_live_readings(root):
    zone = {"code": "SITE-CELLAR", "name": "Our cellar", "country": "DE", "latitude": 52.5, "longitude": 13.4}
    inline = {f"years-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL")}
    assert root.post("/admin/climate/gridzone/add/", {**zone, **inline}).status_code == 302
    region = {"code": "own-cellar", "provider": "own", "name": "Cellar", "country": "DE", "zone": "SITE-CELLAR"}
    region |= {"latitude": 52.5, "longitude": 13.4, "is_active": "on"}
    capacities = {f"capacities-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL")}
    assert root.post("/admin/climate/region/add/", {**region, **capacities}).status_code == 302
    assert Region.objects.get(zone_id="SITE-CELLAR").is_active

    now = timezone.now()
    hour = floor_hour(now)
    text = f"starts_at,period_minutes,intensity_g_per_kwh\n{hour:%Y-%m-%dT%H:%MZ},60,77\n"
    assert upload(root, text, zone="SITE-CELLAR").status_code == 302
    brought = ReadingImport.objects.get()
    continue_import(import_id=brought.pk, now=now)
    root.post(confirming(brought), {"reason": "first reading of the meter"})
    continue_import(import_id=brought.pk, now=now)
    signal = get_signal("SITE-CELLAR", at=now, now=now + timedelta(seconds=5))
    assert (signal.basis, signal.source, signal.intensity_g_per_kwh) == ("live", "site-roof", 77)


@pytest.mark.parametrize("code", ["site roof", "sité", "SITE--ROOF", "../X"])
def test_a_zone_with_a_strange_code_is_refused(root, code):
    inline = {f"years-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL")}
    page = root.post("/admin/climate/gridzone/add/", {"code": code, "name": "x", **inline})
    assert "code" in page.context["adminform"].form.errors
    assert GridZone.objects.count() == 1


def test_the_report_is_shown_before_anything_is_stored_and_refreshes_while_it_is_made(root):
    answer = upload(root)
    brought = ReadingImport.objects.get()
    assert answer.url == f"{LIST}{brought.pk}/change/"
    page = report(root, brought)
    assert page["Refresh"] == "2"
    assert "<progress" in page.content.decode()
    continue_import(import_id=brought.pk, now=timezone.now())
    page = report(root, brought)
    text = page.content.decode()
    assert "Refresh" not in page
    assert "2 good rows, 0 bad." in text
    assert "2 new, 0 changed, 0 as stored before" in text
    assert "No gaps." in text
    assert CarbonReading.objects.count() == 0


def test_mistakes_are_shown_by_line_and_column_and_nothing_from_a_file_becomes_markup(root):
    upload(root, "starts_at,period_minutes,intensity_g_per_kwh\n<script>alert(1)</script>,60,nan\n")
    brought = ReadingImport.objects.get()
    continue_import(import_id=brought.pk, now=timezone.now())
    text = report(root, brought).content.decode()
    assert "Line 2, column starts_at: &#x27;&lt;script&gt;" in text
    assert "Line 2, column intensity_g_per_kwh: &#x27;nan&#x27; is no number such as 212.5." in text
    assert "<script>alert" not in text
    page = root.post(confirming(brought), {"reason": "anyway"})
    assert "cannot be confirmed. Its state: has mistakes, nothing was stored." in page.content.decode()
    assert CarbonReading.objects.count() == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [("nothing", "has mistakes, nothing was stored"), (EXAMPLE, "checked, waits for confirmation")],
)
def test_the_state_is_said_in_words_and_only_what_waits_for_it_can_be_confirmed(root, content, words):
    upload(root, content)
    brought = ReadingImport.objects.get()
    continue_import(import_id=brought.pk, now=timezone.now())
    text = report(root, brought).content.decode()
    assert words in text
    assert f"('{brought.state}'" not in html.unescape(text)
    assert (confirming(brought) in text) is (content is EXAMPLE)
    assert words in root.get(LIST).content.decode()


def test_adding_an_import_means_to_bring_a_file(root, member_of):
    assert root.get(f"{LIST}add/").url == BRING
    assert member_of("auditors").get(f"{LIST}add/").status_code == 403


def test_zones_of_private_sites_are_offered_first(root):
    GridZone.objects.create(code="DE", name="Germany")
    form = root.get(BRING).context["form"]
    assert [zone.pk for zone in form.fields["zone"].queryset] == ["SITE-ROOF", "DE"]


def test_a_confirmation_needs_a_reason_and_is_found_in_the_audit_log(root):
    upload(root)
    brought = ReadingImport.objects.get()
    continue_import(import_id=brought.pk, now=timezone.now())
    page = root.post(confirming(brought), {"reason": ""})
    assert page.context["form"].errors
    assert root.post(confirming(brought), {"reason": "read on Monday"}).status_code == 302
    continue_import(import_id=brought.pk, now=timezone.now())
    brought.refresh_from_db()
    assert (brought.state, brought.confirmed_by, brought.author) == ("done", *[User.objects.get(username="root")] * 2)
    log = root.get("/admin/audit-log/?model=climate.readingimport").content.decode()
    assert "read on Monday" in log
    assert "Stored:" in report(root, brought).content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"zone": "NOWHERE"}, "zone"), ({"source": "energy-charts"}, "source"), ({"origin": ""}, "origin")],
)
def test_a_form_that_cannot_be_meant_is_refused_beside_the_field(root, changes, field):
    page = upload(root, **changes)
    assert list(page.context["form"].errors) == [field]
    assert not ReadingImport.objects.exists()


@pytest.mark.parametrize("content", [b"", b"x" * (LARGEST_BYTES + 1)], ids=["empty", "too large"])
def test_a_file_of_no_or_too_much_content_is_refused_beside_the_field(root, content):
    page = upload(root, content)
    assert list(page.context["form"].errors) == ["file"]
    assert not ReadingImport.objects.exists()


def test_an_example_can_be_downloaded_and_imported(root):
    assert f'href="{LIST}example.csv"' in root.get(BRING).content.decode()
    answer = root.get(f"{LIST}example.csv")
    assert answer["Content-Type"].startswith("text/csv")
    upload(root, answer.content)
    continue_import(import_id=ReadingImport.objects.get().pk, now=timezone.now())
    assert ReadingImport.objects.get().state == "ready"


def test_auditors_read_reports_and_bring_and_confirm_nothing(root, member_of):
    upload(root)
    brought = ReadingImport.objects.get()
    continue_import(import_id=brought.pk, now=timezone.now())
    auditor = member_of("auditors")
    assert report(auditor, brought).status_code == 200
    assert upload(auditor).status_code == 403
    assert auditor.post(confirming(brought), {"reason": "mine"}).status_code == 403
    assert ReadingImport.objects.get().state == "ready"
