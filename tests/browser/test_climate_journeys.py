"""What people come for about the climate: a green window, a zone's hours, an emergency, and an honest outage."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Site
from tests.browser.test_journeys import WITHIN_MS, log_in, open_live
from tests.browser.test_looks import SCROLLS_SIDEWAYS, complaints

pytestmark = pytest.mark.browser

WITHIN_TWO_BEATS_MS = 45_000  # the socket looks at the clock every 20 seconds
CYCLONE = """
from datetime import UTC, datetime, timedelta
from climate.models import Alert, Emergency
now = datetime.now(UTC)
alert = Alert.objects.create(
    source="gdacs", external_id="TC{number}", kind="cyclone", level="orange", title="Cyclone {number}",
    country_codes=["MZ"], url="https://www.gdacs.org/", starts_at=now, is_current=True, version_at=now,
    first_seen_at=now, last_seen_at=now,
)
Emergency.objects.create(
    kind="cyclone", title="Cyclone {number}", state="proposed", country_codes=["MZ"], multiplier=5, alert=alert,
    purposes=["disaster_response"], reason="GDACS TC{number}, Orange.", starts_at=now - timedelta(hours=1),
)
"""
DOWN = """
from datetime import UTC, datetime, timedelta
from climate.models import DataSource
at = datetime.now(UTC) - timedelta(minutes=30)
DataSource.objects.update(state="failing", last_success_at=at, last_error="no route")
"""
BACK = """
from datetime import UTC, datetime
from climate.models import CarbonReading, DataSource
now = datetime.now(UTC)
DataSource.objects.update(state="ok", last_success_at=now, last_error="")
CarbonReading.objects.create(
    zone_id="DE", source="energy-charts", starts_at=now.replace(minute=0, second=0, microsecond=0),
    period_minutes=60, intensity_g_per_kwh=300, received_at=now,
)
"""


def test_a_person_finds_the_greenest_window_of_a_job(site: Site, page: Page):
    open_live(page, site, "/greenest/")
    page.get_by_label("Look ahead, hours").fill("24")
    page.get_by_label("Job takes, hours").fill("3")
    page.get_by_label("Home region, to compare with").select_option("aws-eu-central-1")
    page.get_by_label("Size of the job, optional").fill("250")
    page.get_by_text("All active regions; choose some").click()
    page.get_by_role("checkbox", name="aws-eu-north-1").check()
    page.get_by_role("checkbox", name="aws-ap-south-1").check()
    page.get_by_role("button", name="Find windows").click()
    expect(page.get_by_role("heading", name="2 windows, greenest first")).to_be_visible()
    windows = page.locator(".window")
    expect(windows).to_have_count(2)
    expect(windows.first).to_contain_text("Stockholm")
    expect(windows.first).to_contain_text("against now in aws-eu-central-1")
    expect(windows.first).to_contain_text("saved")
    expect(windows.first.get_by_role("img")).to_have_accessible_name(re.compile("^24 hours between .* the window is "))
    windows.first.get_by_role("link", name="Stockholm").click()
    expect(page).to_have_url(site.url("/regions/aws-eu-north-1/"))


def test_windows_are_found_without_scripts(site: Site, browser: Browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.url("/greenest/"))
    page.get_by_label("Look ahead, hours").fill("6")
    page.get_by_role("button", name="Find windows").click()
    expect(page.locator(".how")).to_contain_text("within the next 6")
    expect(page.locator(".window").first).to_be_visible()
    context.close()


def test_a_person_finds_a_zone_and_switches_its_range(site: Site, page: Page):
    open_live(page, site, "/zones/")
    page.get_by_role("searchbox").fill("germ")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("#zone-count")).to_have_text("1")
    page.get_by_role("link", name="DE", exact=True).click()
    expect(page.get_by_role("heading", name="Last 24 h and next 96 h")).to_be_visible()
    expect(page.locator("#chart canvas")).to_be_visible()
    expect(page.locator("#readout")).to_contain_text("g CO₂e/kWh")
    page.get_by_role("link", name="7 d").click()
    expect(page).to_have_url(site.url("/zones/DE/?range=7d"))
    expect(page.get_by_role("heading", name="Last 7 d and next 96 h")).to_be_visible()
    expect(page.locator("#chart canvas")).to_be_visible()
    page.get_by_text("Show the chart as a table").click()
    expect(page.locator("#hours tbody tr")).to_have_count(7 * 24 + 1 + 96)
    expect(page.get_by_role("link", name="7 d")).to_have_attribute("aria-current", "true")


def test_zones_are_found_without_scripts(site: Site, browser: Browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.url("/zones/"))
    page.get_by_role("searchbox").fill("namibia")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#zone-rows tr")).to_have_count(1)
    expect(page.get_by_role("link", name="NA", exact=True)).to_be_visible()
    context.close()


def test_an_operator_confirms_a_proposal_and_everybody_sees_it(site: Site, page: Page, context: BrowserContext, watch):
    site.run(CYCLONE.format(number=1))
    onlooker = watch(context.browser.new_context().new_page())
    open_live(onlooker, site)
    expect(onlooker.locator("#alerts")).to_contain_text("waits for an operator")
    page.goto(site.url("/login/?next=/alerts/"))
    log_in(page, site)
    proposal = page.locator("#part-proposed .emergency", has_text="Cyclone 1")
    proposal.get_by_label("Reason").fill("Confirmed by our office in Beira.")
    proposal.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("The emergency is in force.")).to_be_visible()
    expect(page.locator("#part-in-force")).to_contain_text("Cyclone 1")
    told = onlooker.locator("#alerts .alert", has_text="Cyclone 1")
    expect(told).to_contain_text("weight × 5 for disaster response", timeout=WITHIN_MS)
    expect(told).not_to_contain_text("waits for an operator")
    assert onlooker.evaluate("window.neverReloaded")
    page.locator("#part-in-force .emergency").get_by_label("Reason").fill("The storm is over.")
    page.get_by_role("button", name="Lift").click()
    expect(page.locator("#part-past")).to_contain_text("Cyclone 1")
    expect(told).to_have_count(0, timeout=WITHIN_MS)


def test_an_open_page_of_alerts_follows_a_decision_and_keeps_what_is_being_written(
    site: Site, page: Page, context: BrowserContext, watch
):
    site.run(CYCLONE.format(number=2))
    site.run(CYCLONE.format(number=3))
    page.goto(site.url("/login/?next=/alerts/"))
    log_in(page, site)
    colleague = watch(context.new_page())
    open_live(colleague, site, "/alerts/")
    expect(page.locator("#live.on")).to_be_visible()
    writing = colleague.locator("#part-proposed .emergency", has_text="Cyclone 3").get_by_label("Reason")
    writing.fill("Not our")
    dismissed = page.locator("#part-proposed .emergency", has_text="Cyclone 2")
    dismissed.get_by_label("Reason").fill("No harm expected.")
    dismissed.get_by_role("button", name="Dismiss").click()
    expect(page.locator("#part-past")).to_contain_text("Cyclone 2")
    expect(colleague.locator("#part-past")).to_contain_text("Cyclone 2", timeout=WITHIN_MS)
    expect(colleague.locator("#newer")).to_be_visible()
    expect(writing).to_have_value("Not our")
    assert colleague.evaluate("window.neverReloaded")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_an_operator_is_accessible_and_fits_a_phone(site: Site, page: Page, scheme: str):
    site.run(CYCLONE.format(number=f"4 {scheme}"))
    page.emulate_media(color_scheme=scheme)
    page.goto(site.url("/login/?next=/alerts/"))
    log_in(page, site)
    expect(page.locator("#part-proposed .emergency").first).to_be_visible()
    assert complaints(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert not page.evaluate(SCROLLS_SIDEWAYS)


def test_with_every_source_down_the_open_page_says_so_and_takes_it_back_by_itself(reserved_site: Site, page: Page):
    open_live(page, reserved_site)
    notice = page.locator("#notice")
    expect(notice).to_contain_text("No live source has answered yet")
    reserved_site.run(DOWN)
    expect(notice).to_contain_text("All live sources have failed since", timeout=WITHIN_TWO_BEATS_MS)
    expect(notice).to_contain_text("figures are modelled and yearly values")
    reserved_site.run(BACK)
    expect(notice).to_be_hidden(timeout=WITHIN_TWO_BEATS_MS)
    assert page.evaluate("window.neverReloaded")


def test_on_a_phone_the_bar_shows_where_one_is(site: Site, page: Page):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(site.url("/sources/"))
    here = page.get_by_role("navigation", name="Main").get_by_role("link", name="Sources")
    expect(here).to_be_in_viewport(ratio=1)
