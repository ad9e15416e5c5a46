"""What people come for: see a decision arrive, understand it, look at a region, log in and out."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, WebSocket, expect

from tests.browser.conftest import REGION, Site

pytestmark = pytest.mark.browser

WITHIN_MS = 2000
KEEP_SOCKETS = """
window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    window.sockets.push(this);
  }
};
"""


def open_live(page: Page, site: Site, path: str = "/") -> None:
    """Open a page, wait until it is live, and mark it so that a reload would be noticed."""
    page.goto(site.url(path))
    expect(page.locator("#live.on")).to_be_visible()
    page.evaluate("window.neverReloaded = true")


def test_a_decision_shows_in_the_open_page_within_two_seconds(site: Site, page: Page):
    open_live(page, site)
    tokens = page.locator("#headline [data-t=tokens]").inner_text()
    answer = site.ask(tokens=3456)
    row = page.locator(f'#decisions [data-key="{answer["id"]}"]')
    expect(row).to_be_visible(timeout=WITHIN_MS)
    expect(row).to_contain_text("3,456")
    expect(row).to_contain_text(answer["region"]["code"])
    expect(page.locator("#headline [data-t=tokens]")).not_to_have_text(tokens, timeout=WITHIN_MS)
    assert page.locator("#decisions .decision").first.get_attribute("data-key") == answer["id"]
    assert page.evaluate("window.neverReloaded")


def test_a_row_that_came_live_explains_itself_and_leads_on(site: Site, page: Page):
    open_live(page, site)
    answer = site.ask()
    row = page.locator(f'#decisions [data-key="{answer["id"]}"]')
    row.locator("summary").click()
    expect(row.locator(".why")).to_contain_text(answer["explanation"])
    expect(row.locator(".why")).to_contain_text("estimated, unverified")
    row.get_by_role("link", name="All inputs and the timeline").click()
    expect(page).to_have_url(site.url(f"/requests/{answer['id']}/"))


def test_a_row_that_came_live_says_the_same_as_after_a_reload(site: Site, page: Page):
    open_live(page, site)
    answer = site.ask()
    words = page.locator(f'#decisions [data-key="{answer["id"]}"] .why')
    expect(words).to_have_count(1, timeout=WITHIN_MS)
    came_live = words.text_content() or ""
    assert "of 01 Jan " in came_live  # the sources are closed: the figure is modelled from a yearly value
    page.reload()
    assert (words.text_content() or "").split() == came_live.split()


def test_a_settlement_changes_the_row_and_the_budget_in_place(site: Site, page: Page):
    answer = site.ask()
    open_live(page, site)
    row = page.locator(f'#decisions [data-key="{answer["id"]}"]')
    expect(row.locator("[data-t=status]")).to_have_text("granted")
    payer = next(each["id"] for each in site.client.get("budgets/").json()["results"] if each["is_default"])
    budget = page.locator(f'#budgets [data-key="{payer}"] [data-t=parts]')
    before = budget.inner_text()
    site.client.post(f"requests/{answer['id']}/settle/", {"used_tokens": 1800}).raise_for_status()
    expect(row.locator("[data-t=status]")).to_have_text("settled", timeout=WITHIN_MS)
    expect(budget).not_to_have_text(before, timeout=WITHIN_MS)


def test_after_a_broken_line_the_page_says_so_and_catches_up(site: Site, page: Page):
    page.add_init_script(KEEP_SOCKETS)
    open_live(page, site)
    page.evaluate("window.sockets.at(-1).close()")
    expect(page.locator("#stale")).to_be_visible()
    answer = site.ask()
    expect(page.locator(f'#decisions [data-key="{answer["id"]}"]')).to_be_visible()
    expect(page.locator("#stale")).to_be_hidden()
    expect(page.locator("#live.on")).to_be_visible()
    assert page.evaluate("window.neverReloaded")


def test_the_page_of_a_region_draws_its_hours_and_lists_them(site: Site, page: Page):
    open_live(page, site, f"/regions/{REGION}/")
    expect(page.locator("#chart canvas")).to_be_visible()
    readout = page.locator("#readout")
    expect(readout).to_contain_text("(now)")
    page.locator("#chart .u-over").hover(position={"x": 3, "y": 100})
    expect(readout).not_to_contain_text("(now)")
    expect(readout).to_contain_text("g CO₂e/kWh")
    page.get_by_text("Show the chart as a table").click()
    expect(page.locator("#hours tbody tr")).to_have_count(49)
    expect(page.locator("#hours tr.now")).to_contain_text("(now)")
    expect(page.get_by_role("heading", name="Capacity this hour")).to_be_visible()
    expect(page.locator(".decision").first).to_contain_text(REGION)


def test_the_page_of_a_request_tells_when_it_has_changed(site: Site, page: Page):
    answer = site.ask()
    open_live(page, site, f"/requests/{answer['id']}/")
    expect(page.get_by_text(answer["explanation"])).to_be_visible()
    expect(page.locator("main")).to_contain_text(f"${answer['price']['total_usd']}")
    site.client.post(f"requests/{answer['id']}/settle/", {"used_tokens": 1500}).raise_for_status()
    expect(page.locator("#request [data-t=status]")).to_have_text("settled", timeout=WITHIN_MS)
    page.get_by_role("link", name="Show it as it is now").click()
    expect(page.locator("main")).to_contain_text("1,500")


def log_in(page: Page, site: Site) -> None:
    page.get_by_label("Username").fill(site.server.printed("username"))
    page.get_by_label("Password").fill(site.server.printed("password"))
    page.get_by_role("main").get_by_role("button", name="Log in").click()


def test_a_person_logs_in_to_see_decisions_and_out_again(reserved_site: Site, page: Page):
    page.goto(reserved_site.url("/requests/"))
    expect(page).to_have_url(reserved_site.url("/login/?next=/requests/"))
    log_in(page, reserved_site)
    expect(page).to_have_url(reserved_site.url("/requests/"))
    expect(page.locator(".decision").first).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(reserved_site.url("/"))
    expect(page.locator("#decisions")).to_have_count(0)


def test_a_visitor_who_may_see_figures_gets_no_decision_by_page_or_socket(
    reserved_site: Site, page: Page, context: BrowserContext, watch: Callable[[Page], Page]
):
    frames: list[str] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: frames.append(str(payload)))

    page.on("websocket", listen)
    open_live(page, reserved_site)
    tokens = page.locator("#headline [data-t=tokens]").inner_text()
    answer = reserved_site.ask()
    expect(page.locator("#headline [data-t=tokens]")).not_to_have_text(tokens, timeout=WITHIN_MS)
    expect(page.locator("#decisions")).to_have_count(0)
    expect(page.locator("#budgets")).to_have_count(0)
    events = [json.loads(frame) for frame in frames]
    assert set(events[0]["data"]) == {"headline", "regions", "sources", "alerts", "notice", "alert_feed"}
    assert not {"request.decided", "request.resolved", "budgets.changed"} & {each["event"] for each in events}
    assert not any(answer["id"] in frame or "Demo team" in frame for frame in frames)
