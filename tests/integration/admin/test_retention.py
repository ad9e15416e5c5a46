"""The retention policy: one row, edited with its history, beside what there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from climate.models import ArchivedFile, CarbonReading, GridZone, RetentionPolicy
from climate.services.retention import retire_readings

pytestmark = pytest.mark.django_db
ADDRESS = "/admin/climate/retentionpolicy/1/change/"
NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
DAYS = {"raw_days": 400, "hourly_days": 1100, "daily_days": 3660, "forecast_days": 14, "quarantine_days": 90}


@pytest.fixture(autouse=True)
def policy(db, settings, tmp_path):
    settings.ARCHIVE_DIR = tmp_path / "archive"
    GridZone.objects.create(code="DE", name="Germany")
    return RetentionPolicy.objects.create(pk=1)


def test_the_policy_is_changed_with_a_reason_that_is_kept(root):
    assert root.post(ADDRESS, {**DAYS, "raw_days": 90, "change_reason": "disk"}).status_code == 302
    record = RetentionPolicy.history.first()
    assert (record.raw_days, record.history_user.username, record.history_change_reason) == (90, "root", "disk")


@pytest.mark.parametrize("changes", [{"raw_days": 31}, {"hourly_days": 399}, {"daily_days": 10}, {"forecast_days": 6}])
def test_a_policy_that_would_lose_what_is_needed_is_refused(root, changes):
    page = root.post(ADDRESS, {**DAYS, **changes})
    assert page.context["adminform"].form.errors
    assert RetentionPolicy.objects.get().raw_days == 400


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"hourly_days": 399}, "hourly_days", "Hourly means must stay at least as long as readings: 400 days or more."),
        ({"daily_days": 10}, "daily_days", "Daily means must stay at least as long as those: 1,100 days or more."),
    ],
)
def test_tiers_out_of_order_are_refused_beside_their_field_and_not_in_the_words_of_the_database(
    root, changes, field, words
):
    errors = root.post(ADDRESS, {**DAYS, **changes}).context["adminform"].form.errors
    assert errors == {field: [words]}
    assert "32 at least." in root.get(ADDRESS).content.decode()


def test_there_is_exactly_one(root):
    assert root.get("/admin/climate/retentionpolicy/add/").status_code == 403
    assert root.post("/admin/climate/retentionpolicy/1/delete/", {"post": "yes"}).status_code == 403


def test_the_page_says_what_there_is_and_the_archive_lists_its_files(root):
    for age_days in (500, 1):
        CarbonReading.objects.create(
            zone_id="DE",
            source="meter",
            starts_at=NOW - timedelta(days=age_days),
            period_minutes=60,
            intensity_g_per_kwh=100,
            received_at=NOW,
        )
    retire_readings(now=NOW)
    text = root.get(ADDRESS).content.decode()
    assert "since 2026-03-03 10:20 UTC" in text
    assert "hourly means" in text
    listed = ArchivedFile.objects.get()
    assert f"in 1 files, {listed.size_bytes} bytes, since 2024-10-20" in text
    assert listed.path in root.get("/admin/climate/archivedfile/").content.decode()
