"""Pages of a market in which nobody has traded."""

from __future__ import annotations

from tests.integration.dashboard.test_pages import text_of
from tests.integration.world import load_world


def test_an_empty_market_says_what_will_be_there(client, db):
    load_world()
    page = text_of(client.get("/market/"))
    assert "Nothing is traded yet." in page
    assert "No call has closed yet." in text_of(client.get("/market/calls/"))
    assert "Nothing is lent or on offer." in text_of(client.get("/market/loans/"))
    assert "No entries yet." in text_of(client.get("/market/fund/"))
    assert "Nothing was noticed." in text_of(client.get("/market/conduct/"))
