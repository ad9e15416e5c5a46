"""What people come for in the market: offer what is left, see a call arrive, read why, follow the money."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.test_journeys import log_in, open_live
from tests.browser.test_looks import SCROLLS_SIDEWAYS, complaints
from tests.servers.commonwatt import manage

pytestmark = pytest.mark.browser

WITHIN_MS = 4000
PAGES = ["/market/", "/market/calls/", "/market/loans/", "/market/fund/", "/market/conduct/", "/market/week/"]


def let_demo_teams_trade(site: Site) -> str:
    """Twelve demo teams trade and lend beside the server; the words that were printed."""
    done = manage("demo_market", env=site.server.env)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def market(site: Site) -> Site:
    """The site after two calls have cleared."""
    let_demo_teams_trade(site)
    let_demo_teams_trade(site)
    return site


def enter(page: Page, site: Site) -> None:
    page.goto(site.url("/login/"))
    log_in(page, site)
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def test_a_person_offers_quota_and_takes_it_back(market: Site, page: Page):
    enter(page, market)
    page.goto(market.url("/market/"))
    form = page.locator("#order form")
    form.get_by_label("I want to").select_option("sell")
    form.get_by_label("Quantity").fill("20000")
    form.get_by_label("Limit price, US$").fill("0.0029")
    form.get_by_role("button", name="Place order").click()
    expect(page.get_by_text("The order is in.")).to_be_visible()
    row = page.locator("#part-orders tbody tr", has_text="Demo team").first
    expect(row).to_contain_text("20,000 tokens")
    expect(row).to_contain_text("$0.0029")
    row.get_by_role("button", name=re.compile("Cancel")).click()
    expect(page.get_by_text("Cancelled. What it kept is free again.")).to_be_visible()
    expect(page.locator("#part-orders tbody tr", has_text="Demo team").first).to_contain_text("cancelled")


def test_an_order_outside_the_collar_says_which_field_and_between_what(market: Site, page: Page):
    enter(page, market)
    page.goto(market.url("/market/"))
    form = page.locator("#order form")
    form.get_by_label("Quantity").fill("20000")
    form.get_by_label("Limit price, US$").fill("9")
    form.get_by_role("button", name="Place order").click()
    expect(page.get_by_role("alert")).to_contain_text("Limit price, US$: It stays between $0.00")


def test_a_call_arrives_on_an_open_page_without_a_reload(market: Site, page: Page):
    open_live(page, market, "/market/calls/")
    before = page.locator("#part-auctions tbody tr").count()
    code = (
        "from django.utils import timezone; from market.models import Instrument; from market.services import run_call;"
        " run_call(instrument_code=Instrument.objects.earliest('created_at').pk, now=timezone.now())"
    )
    market.run(code)
    # Nothing tells the server of work beside it: the next thing that it hears of brings the page up to date.
    enter_page = page.context.new_page()
    enter(enter_page, market)
    enter_page.goto(market.url("/market/"))
    form = enter_page.locator("#order form")
    form.get_by_label("I want to").select_option("sell")
    form.get_by_label("Quantity").fill("10000")
    form.get_by_role("button", name="Place order").click()
    expect(enter_page.get_by_text("The order is in.")).to_be_visible()
    expect(page.locator("#part-auctions tbody tr")).to_have_count(before + 1, timeout=WITHIN_MS)
    assert page.evaluate("window.neverReloaded")


def test_a_call_is_explained_by_its_curve_and_its_money_by_keyboard(market: Site, page: Page):
    page.goto(market.url("/market/calls/"))
    page.locator("#part-auctions tbody th a").last.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Why this price")).to_be_visible()
    expect(page.locator(".chart canvas")).to_be_visible()
    page.get_by_text("Show the chart as a table").click()
    assert page.locator("#curve-table tbody tr").count() > 5
    expect(page.get_by_text("The Fund’s part")).to_be_visible()
    expect(page.locator(".pill", has_text="agrees")).to_be_visible()


def test_prices_are_drawn_with_their_table(market: Site, page: Page):
    page.goto(market.url("/market/"))
    expect(page.locator("#price .chart canvas")).to_be_visible()
    expect(page.locator("#price .readout")).to_contain_text("price")
    page.locator("#prices-table summary").click()
    assert page.locator("#prices-table tbody tr").count() >= 2


def test_a_week_that_was_simulated_says_so_before_any_figure(market: Site, page: Page):
    page.goto(market.url("/market/week/"))
    expect(page.get_by_role("note")).to_contain_text("Simulation.")
    expect(page.locator(".chart canvas")).to_be_visible()
    page.get_by_role("link", name="policy seed-2025").click()
    expect(page).to_have_url(re.compile("policy=seed-2025"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_the_market_is_accessible_in_both_themes(market: Site, page: Page, path: str, scheme: str):
    enter(page, market)
    page.emulate_media(color_scheme=scheme)
    page.goto(market.url(path))
    assert complaints(page) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_the_market_fits_a_narrow_phone(market: Site, page: Page, path: str):
    page.set_viewport_size({"width": 360, "height": 740})
    enter(page, market)
    page.goto(market.url(path))
    assert not page.evaluate(SCROLLS_SIDEWAYS)
