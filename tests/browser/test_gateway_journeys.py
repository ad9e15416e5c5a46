"""What people come for at the gateway: an unchanged client, its call on the page at once, and why it went where."""

from __future__ import annotations

import re

import pytest
from openai import OpenAI
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.test_journeys import log_in, open_live
from tests.browser.test_looks import SCROLLS_SIDEWAYS, complaints

pytestmark = pytest.mark.browser

WITHIN_MS = 8000


@pytest.fixture(scope="module")
def client(site: Site) -> OpenAI:
    """The official client, with the demo key."""
    return OpenAI(base_url=f"{site.server.url}/v1", api_key=site.server.printed("api key"), max_retries=0)


def enter(page: Page, site: Site, path: str) -> None:
    page.goto(site.url(f"/login/?next={path}"))
    log_in(page, site)
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def ask(client: OpenAI, words: str) -> str:
    answer = client.chat.completions.create(model="echo", messages=[{"role": "user", "content": words}], max_tokens=40)
    return answer.choices[0].message.content or ""


def test_a_call_of_an_openai_client_shows_on_the_open_page_by_itself(site: Site, client: OpenAI, page: Page):
    enter(page, site, "/gateway/")
    open_live(page, site, "/gateway/")
    before = page.locator("section", has=page.get_by_role("heading", name="Calls", exact=True)).locator("tbody tr")
    count = before.count()
    assert "boats" in ask(client, "Where do the boats go?")
    expect(before).to_have_count(count + 1, timeout=WITHIN_MS)
    expect(before.first).to_contain_text("answered")
    expect(before.first).to_contain_text("echo-stockholm")


def test_a_person_follows_a_call_to_the_reasons_of_its_decision(site: Site, client: OpenAI, page: Page):
    ask(client, "Which district floods first?")
    enter(page, site, "/gateway/")
    page.get_by_role("link", name="echo", exact=True).first.click()
    expect(page.get_by_text("Answered by the built-in echo.")).to_be_visible()
    expect(page.get_by_role("heading", name="Triage")).to_be_visible()
    page.get_by_role("link", name="Why it was granted, at which price and carbon").click()
    expect(page.get_by_role("heading", name="Why")).to_be_visible()
    expect(page.get_by_text(re.compile("aws-eu-north-1")).first).to_be_visible()


def test_a_deployment_is_taken_out_in_the_admin_and_calls_go_elsewhere(site: Site, client: OpenAI, page: Page):
    enter(page, site, "/gateway/")
    page.goto(site.url("/admin/sessions_app/deployment/"))
    page.get_by_role("link", name="echo-stockholm").first.click()
    page.get_by_label(re.compile("is active", re.I)).uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    try:
        page.wait_for_timeout(1500)  # a process reads its deployments once a second
        raw = client.chat.completions.with_raw_response.create(
            model="echo", messages=[{"role": "user", "content": "And now?"}], max_tokens=20
        )
        assert raw.headers["x-commonwatt-deployment"] == "echo-virginia"
    finally:
        page.goto(site.url("/admin/sessions_app/deployment/"))
        page.get_by_role("link", name="echo-stockholm").first.click()
        page.get_by_label(re.compile("is active", re.I)).check()
        page.get_by_role("button", name="Save", exact=True).click()


@pytest.mark.parametrize("width", [390, 1440])
def test_pages_of_the_gateway_please_rules_of_access_and_do_not_scroll_sideways(
    site: Site, client: OpenAI, page: Page, width: int
):
    ask(client, "One more")
    page.set_viewport_size({"width": width, "height": 900})
    enter(page, site, "/gateway/")
    assert complaints(page) == []
    assert not page.evaluate(SCROLLS_SIDEWAYS)
    page.get_by_role("link", name="echo", exact=True).first.click()
    expect(page.get_by_role("heading", name="Triage")).to_be_visible()
    assert complaints(page) == []
    assert not page.evaluate(SCROLLS_SIDEWAYS)
    assert page.evaluate("window.violations") in ([], None)
