"""What people come for about plans: see work that waits get its place, and read why."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Site
from tests.browser.test_journeys import WITHIN_MS, log_in, open_live

pytestmark = pytest.mark.browser


def ask_for_tomorrow(site: Site, **changes: object) -> str:
    start = datetime.now(UTC) + timedelta(hours=20)
    asked = site.ask(earliest=start.isoformat(), latest=(start + timedelta(hours=4)).isoformat(), **changes)
    assert asked["status"] == "queued"
    return str(asked["id"])


def run_a_pass(page: Page, site: Site) -> None:
    page.goto(site.url("/login/"))
    log_in(page, site)
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    page.goto(site.url("/admin/market/allocationrun/"))
    page.get_by_role("link", name="Run allocation pass now").click()
    page.get_by_role("button", name="Run it now").click()
    expect(page.get_by_text("The pass has run")).to_be_visible()


def test_a_plan_arrives_on_an_open_page_without_a_reload(site: Site, page: Page, context: BrowserContext):
    tokens = 2000 + uuid.uuid4().int % 900
    request_id = ask_for_tomorrow(site, tokens=tokens, model_class="XL")
    open_live(page, site, "/allocation/?class=XL")
    run_a_pass(context.new_page(), site)
    row = page.locator(".plan-grid tbody tr").first
    expect(row).to_contain_text(f"{tokens:,}", timeout=WITHIN_MS)
    assert page.evaluate("window.neverReloaded")
    page.goto(site.url(f"/requests/{request_id}/"))
    expect(page.get_by_text("planned by run").first).to_be_visible()
    expect(page.locator(".head .pill")).to_have_text("granted")


def test_a_person_follows_a_plan_to_the_run_that_made_it_by_keyboard(site: Site, page: Page):
    ask_for_tomorrow(site)
    run_a_pass(page, site)
    page.goto(site.url("/allocation/"))
    page.locator("#part-plan").get_by_role("link", name="run ").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Run")
    expect(page.get_by_text("Fingerprint of what was solved")).to_be_visible()
    expect(page.get_by_text("in force")).to_be_visible()
