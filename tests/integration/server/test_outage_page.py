from __future__ import annotations

import pytest
from django.db import OperationalError
from django.test import Client

from dashboard import views

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("error", "status"), [(OperationalError("gone"), 503), (ValueError("a mistake"), 500)])
def test_a_page_says_whether_the_ledger_is_away_or_something_broke(monkeypatch, error, status):
    def broken(*args, **kwargs):
        raise error

    monkeypatch.setattr(views, "see", broken, raising=False)
    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", broken)
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "x" * 32
    answer = client.get("/")
    assert answer.status_code == status
    assert (answer.get("Retry-After") == "5") is (status == 503)
    assert b"<h1" in answer.content
