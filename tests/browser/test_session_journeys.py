"""What people come for in sessions: how full the windows are, what was known when, the way back, a handoff."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from tests.browser.test_journeys import log_in, open_live
from tests.browser.test_looks import SCROLLS_SIDEWAYS, complaints
from tests.servers.commonwatt import manage

pytestmark = pytest.mark.browser

WITHIN_MS = 6000
NAME = "Flood desk (demonstration)"


@pytest.fixture(scope="module")
def desk(site: Site) -> Site:
    """The site after demo agents have worked and handed over."""
    done = manage("demo_session", env=site.server.env)
    assert done.returncode == 0, done.stderr
    return site


def session_of(site: Site) -> dict[str, Any]:
    """The demo session, by the API."""
    rows = site.client.get("sessions/").json()["results"]
    found: dict[str, Any] = next(row for row in rows if row["name"] == NAME)
    return found


def enter(page: Page, site: Site, path: str) -> None:
    page.goto(site.url(f"/login/?next={path}"))
    log_in(page, site)
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def test_a_person_finds_the_fullest_windows_and_looks_into_one(desk: Site, page: Page):
    enter(page, desk, "/sessions/")
    row = page.locator("table.sessions tbody tr", has_text=NAME)
    expect(row).to_contain_text("hydrologist")
    row.get_by_role("link", name=NAME).click()
    expect(page.get_by_role("heading", name="Context windows")).to_be_visible()
    expect(page.locator("#part-chart canvas")).to_be_visible()
    page.get_by_text("By component").first.click()
    expect(page.get_by_role("row", name=re.compile("Working memory")).first).to_be_visible()


def test_the_slider_shows_what_was_known_then_and_leads_back(desk: Site, page: Page):
    session_id = session_of(desk)["id"]
    enter(page, desk, f"/sessions/{session_id}/state/?at=1")
    expect(page.get_by_text("Which districts need boats before tonight's tide")).to_be_visible()
    expect(page.locator("#live.on")).to_be_visible()  # the script of the page listens
    page.get_by_label("After which event").press("ArrowRight")
    expect(page).to_have_url(re.compile(r"at=2"))
    page.goto(desk.url(f"/sessions/{session_id}/state/?at=1"))
    page.get_by_role("button", name="Go back to this state").click()
    expect(page.get_by_text("The state is that after event 1 again")).to_be_visible()


def test_a_change_by_an_agent_reaches_the_open_page_by_itself(desk: Site, page: Page):
    session = session_of(desk)
    enter(page, desk, f"/sessions/{session['id']}/state/")
    open_live(page, desk, f"/sessions/{session['id']}/state/")
    head = session_of(desk)["head_seq"]
    body = {"base_seq": head, "delta": {"focus": "the tide has turned"}}
    answer = desk.client.patch(f"sessions/{session['id']}/state/", body)
    assert answer.status_code == 200, answer.text
    expect(page.locator("#part-state")).to_contain_text("the tide has turned", timeout=WITHIN_MS)
    expect(page.locator("#part-log")).to_contain_text("State changed", timeout=WITHIN_MS)


def test_a_person_begins_a_handoff_and_aborts_it(desk: Site, page: Page):
    session_id = session_of(desk)["id"]
    enter(page, desk, f"/sessions/{session_id}/")
    page.get_by_placeholder("Why").fill("shift change")
    page.get_by_role("button", name="Hand over").click()
    expect(page.get_by_text(re.compile(r"Handoff \d+ is under way\."))).to_be_visible()
    page.get_by_role("button", name="Abort: everybody stays as they are").click()
    expect(page.get_by_text(re.compile(r"Handoff \d+ is aborted"))).to_be_visible()


def test_what_was_put_away_is_found_by_its_words(desk: Site, page: Page):
    session_id = session_of(desk)["id"]
    enter(page, desk, f"/sessions/{session_id}/memory/")
    page.get_by_placeholder("Words in the archive").fill("Cherrapunji")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=re.compile("sylhet")).first.click()
    expect(page.get_by_text("verified just now")).to_be_visible()


@pytest.mark.parametrize("part", ["", "state/", "memory/", "report/", "similar/"])
@pytest.mark.parametrize("width", [390, 1440])
def test_pages_of_a_session_please_rules_of_access_and_do_not_scroll_sideways(
    desk: Site, page: Page, part: str, width: int
):
    session_id = session_of(desk)["id"]
    page.set_viewport_size({"width": width, "height": 900})
    enter(page, desk, f"/sessions/{session_id}/{part}")
    assert complaints(page) == []
    assert not page.evaluate(SCROLLS_SIDEWAYS)
    assert page.evaluate("window.violations") in ([], None)
