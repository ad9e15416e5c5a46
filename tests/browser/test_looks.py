"""Every page: no error, nothing that the policy forbids, accessible, and at home on a phone."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from market.domain.explanation import BASIS_WORDS
from tests.browser.conftest import REGION, Site

pytestmark = pytest.mark.browser

PATHS = [
    "/",
    "/regions/",
    f"/regions/{REGION}/",
    "/zones/",
    "/zones/DE/?range=7d",
    "/greenest/?job=10&home=aws-eu-central-1",
    "/greenest/?hours=2&duration=9",
    "/alerts/",
    "/sources/",
    "/requests/",
    "/requests/ID/",
    "/allocation/",
    "/login/",
    "/nowhere/",
]
SCROLLS_SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"

EVERY_BASIS_IS = """word => document.querySelectorAll('.basis').forEach(each => {
    each.className = 'basis yearly';
    each.textContent = word;
})"""


@pytest.fixture(scope="module")
def request_id(site: Site) -> str:
    return str(site.ask()["id"])


def complaints(page: Page) -> list[str]:
    """What axe finds wrong, with the element at fault."""
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_accessible_in_both_themes(site: Site, request, request_id: str, context, path: str, scheme: str):
    # The page that is not found reports itself as an error on the console, rightly: not watched.
    page = context.new_page() if path == "/nowhere/" else request.getfixturevalue("page")
    page.emulate_media(color_scheme=scheme)
    page.goto(site.url(path.replace("ID", request_id)))
    assert complaints(page) == []


@pytest.mark.parametrize("path", PATHS[:-1])
def test_a_page_fits_a_narrow_phone(site: Site, page: Page, request_id: str, path: str):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(site.url(path.replace("ID", request_id)))
    assert not page.evaluate(SCROLLS_SIDEWAYS)
    page.evaluate(EVERY_BASIS_IS, max(BASIS_WORDS.values(), key=len))
    assert not page.evaluate(SCROLLS_SIDEWAYS)
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


def test_the_theme_is_switched_at_once_and_kept(site: Site, page: Page):
    page.goto(site.url())
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_label("Theme").select_option("dark")
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
    expect(page.get_by_label("Theme")).to_have_value("dark")
    page.get_by_label("Theme").select_option("auto")
    assert page.evaluate(ground) == light


def test_the_overview_is_complete_without_scripts(site: Site, browser: Browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.url())
    expect(page.locator(".land path.b3").first).to_be_visible()
    expect(page.locator("#decisions .decision").first).to_be_visible()
    page.get_by_text("Show the map as a table").click()
    expect(page.get_by_role("rowheader", name="Germany")).to_be_visible()
    page.locator("#decisions summary").first.click()
    expect(page.locator("#decisions .why").first).to_contain_text("Service")
    context.close()


def test_the_map_tells_a_place_under_the_mouse(site: Site, page: Page):
    page.goto(site.url())
    topmost = page.locator(".dots .dot").last
    topmost.hover()
    expect(page.locator("#tip")).to_contain_text(topmost.get_attribute("data-title") or "nowhere")
    expect(page.locator("#tip")).to_contain_text("g CO₂e/kWh")
