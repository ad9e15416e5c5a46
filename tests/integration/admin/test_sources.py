"""The page of data sources: how each does, and what people may do about it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from climate.models import DataSource
from climate.selectors.sources import key_digest_of
from climate.services.collect import CollectionResult

pytestmark = pytest.mark.django_db
GB, KEYED = "gb-carbon-intensity", "electricity-maps"
LIST = "/admin/climate/datasource/"


def page(root, address=LIST):
    """The words of a page, without its markup."""
    answer = root.get(address)
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def source(**changes):
    values = {"name": GB, "title": "Great Britain", "key_digest": key_digest_of(GB), **changes}
    return DataSource.objects.create(**values)


def history():
    return [
        (each.is_enabled, each.history_change_reason, each.history_user and each.history_user.username)
        for each in DataSource.history.order_by("history_id")
    ][1:]


def test_the_list_says_last_success_next_run_breaker_and_quota(root):
    now = timezone.now()
    source(
        state="ok",
        last_attempt_at=now,
        last_success_at=now,
        requests_in_hour=7,
        request_hour_at=now,
        last_error="GB-3: the source answered 404",
    )

    words = page(root)

    assert "answering" in words
    assert f"{now:%d %b %Y %H:%M} UTC" in words
    assert f"{now + timedelta(minutes=15):%d %b %Y %H:%M} UTC" in words
    assert "closed: asked on its interval" in words
    assert "7 of 120" in words
    assert "GB-3: the source answered 404" in words


def test_a_source_that_is_left_alone_says_so(root):
    now = timezone.now()
    source(state="failing", consecutive_failures=4, last_attempt_at=now, not_before=now + timedelta(hours=2))

    words = page(root)

    assert "open: left alone for now; it asked us to wait until" in words
    assert "not answering" in words


def test_a_source_without_its_key_names_what_is_missing(root):
    DataSource.objects.create(name=KEYED, title="Electricity Maps")

    words = page(root, f"{LIST}{KEYED}/change/")

    assert "needs a key" in words
    assert "ELECTRICITY_MAPS_KEY" in words
    assert "not until it is set up" in words


def test_of_a_source_only_the_interval_is_typed_in_and_nothing_else_is_written(root):
    source(state="ok")
    DataSource.objects.filter(pk=GB).update(last_error="before")
    root.post(
        f"{LIST}{GB}/change/",
        {"interval_minutes": 30, "state": "failing", "is_enabled": "", "change_reason": "Quota."},
    )

    row = DataSource.objects.get()
    assert (row.is_enabled, row.interval_minutes, row.state, row.last_error) == (True, 30, "ok", "before")
    assert history() == [(True, "Quota.", "root")]


def test_a_source_is_paused_and_resumed_with_a_reason(root):
    source()
    root.get(f"{LIST}{GB}/pause/")
    root.post(f"{LIST}{GB}/pause/", {"reason": ""})
    assert DataSource.objects.get().is_enabled, "not without a reason"

    root.post(f"{LIST}{GB}/pause/", {"reason": "Wrong since Monday."})
    assert not DataSource.objects.get().is_enabled
    assert "paused" in page(root)
    assert "is paused already" in root.post(f"{LIST}{GB}/pause/", {"reason": "Again."}).content.decode()

    root.post(f"{LIST}{GB}/resume/", {"reason": "Mended."})
    assert DataSource.objects.get().is_enabled
    assert history() == [(False, "Wrong since Monday.", "root"), (True, "Mended.", "root")]


def test_a_source_that_does_not_answer_is_told_in_words_and_stored(root):
    source()
    root.get(f"{LIST}{GB}/fetch_now/")
    assert DataSource.objects.get().last_attempt_at is None

    answer = root.post(f"{LIST}{GB}/fetch_now/")

    assert "The source was asked, and failed" in answer.content.decode()
    assert (DataSource.objects.get().state, DataSource.objects.get().consecutive_failures) == ("failing", 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "other"}, "There is no source"),
        ({"name": KEYED}, "ELECTRICITY_MAPS_KEY must be set"),
        ({"not_before": timezone.now() + timedelta(hours=1)}, "must not be asked before"),
        ({"leased_until": timezone.now() + timedelta(hours=1), "lease_token": "x"}, "is being asked at this moment"),
    ],
)
def test_a_source_that_cannot_be_asked_now_is_refused_in_words(root, changes, words):
    row = source(**changes)

    assert words in root.post(f"{LIST}{row.pk}/fetch_now/").content.decode()
    assert DataSource.objects.get().last_attempt_at is None


def test_a_source_is_fetched_from_and_what_it_brought_is_told(root, monkeypatch):
    now = timezone.now()
    source()
    asked = []

    def collect(*, name, now):
        asked.append((name, now))
        return CollectionResult(source=name, state="ok", new=2, revised=1, forecasts=96, problems=("GB-3: none",))

    monkeypatch.setattr("climate.admin.sources.collect_source", collect)
    told = root.post(f"{LIST}{GB}/fetch_now/", follow=True).content.decode()

    assert "2 new and 1 changed readings, 96 forecasts and 0 changed alerts were stored. Problems: GB-3: none." in told
    assert [name for name, _ in asked] == [GB]
    assert asked[0][1] >= now
