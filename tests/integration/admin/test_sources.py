"""The page of data sources: how each does, and what people may do about it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.utils import timezone

from climate import tasks
from climate.models import DataSource
from climate.selectors.sources import key_digest_of

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

    assert "open: left alone between single trials; it asked us to wait until" in words
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


@pytest.fixture
def orders(monkeypatch):
    """What the workers are told to do, instead of doing it."""
    told = []
    monkeypatch.setattr(tasks.collect_one, "apply_async", lambda **options: told.append(options))
    return told


def test_only_what_can_be_done_with_a_source_is_offered_and_a_paused_one_is_not_said_to_answer(root):
    source(state="ok")
    DataSource.objects.create(name=KEYED, title="Electricity Maps", is_enabled=False)

    def offered(name):
        text = root.get(f"{LIST}{name}/change/").content.decode()
        return [each for each in ("fetch_now", "pause", "resume") if f"{LIST}{name}/{each}/" in text]

    assert offered(GB) == ["fetch_now", "pause"]
    assert offered(KEYED) == ["resume"]
    DataSource.objects.update(is_enabled=False)
    assert offered(GB) == ["fetch_now", "resume"]
    assert "answering" not in page(root, f"{LIST}{GB}/change/").replace("How it answers", "")


def test_a_source_is_asked_by_a_worker_and_the_page_answers_at_once(root, orders, django_capture_on_commit_callbacks):
    source()
    root.get(f"{LIST}{GB}/fetch_now/")
    with django_capture_on_commit_callbacks(execute=True):
        answer = root.post(f"{LIST}{GB}/fetch_now/", follow=True)

    assert "The source is being asked. What came of it appears on this page." in answer.content.decode()
    assert [each["kwargs"] for each in orders] == [{"source": GB, "is_by_hand": True}]
    assert DataSource.objects.get().last_attempt_at is None, "not within the request"


def test_the_worker_asks_although_it_is_not_due_and_its_failure_is_stored(db):
    source(state="refused", last_attempt_at=timezone.now(), consecutive_failures=4)
    tasks.collect_one(source=GB)
    assert DataSource.objects.get().consecutive_failures == 4

    tasks.collect_one(source=GB, is_by_hand=True)
    assert (DataSource.objects.get().state, DataSource.objects.get().consecutive_failures) == ("failing", 5)


@pytest.mark.parametrize("changes", [{"not_before": timedelta(hours=1)}, {"leased_until": timedelta(minutes=9)}])
def test_the_worker_honours_a_pause_and_another_run_that_began_since_the_order(db, changes):
    before = source(lease_token="x", **{name: timezone.now() + wait for name, wait in changes.items()})
    tasks.collect_one(source=GB, is_by_hand=True)
    assert DataSource.objects.get().last_attempt_at is None
    assert DataSource.objects.get().lease_token == before.lease_token


def test_the_page_says_that_a_source_is_being_asked(root):
    source(leased_until=timezone.now() + timedelta(minutes=5), lease_token="x", is_enabled=False)
    shown = root.get(f"{LIST}{GB}/change/").content.decode()
    assert "Being asked now" in shown
    on = DataSource.objects.get()
    assert admin.site._registry[DataSource].shown_running(on) is True
    DataSource.objects.update(leased_until=None)
    assert admin.site._registry[DataSource].shown_running(DataSource.objects.get()) is False


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "other"}, "There is no source"),
        ({"name": KEYED}, "ELECTRICITY_MAPS_KEY must be set"),
        ({"not_before": timedelta(hours=1)}, "must not be asked before"),
        ({"leased_until": timedelta(minutes=9), "lease_token": "x"}, "is being asked at this moment"),
    ],
)
def test_a_source_that_cannot_be_asked_now_is_refused_in_words(root, orders, changes, words):
    now = timezone.now()
    row = source(**{name: now + to if isinstance(to, timedelta) else to for name, to in changes.items()})

    assert words in root.post(f"{LIST}{row.pk}/fetch_now/").content.decode()
    assert DataSource.objects.get().last_attempt_at is None
    assert orders == []
