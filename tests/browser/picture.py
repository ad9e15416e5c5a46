"""`python -m tests.browser.picture` draws the pictures of docs/ (overview, market, sessions, gateway): a first run,
some work, four pictures. `python -m tests.browser.picture sessions` draws only what is named.

The sources are asked as in any deployment; where they do not answer, the picture says so.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from urllib.parse import urljoin

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.conftest import QUIET_ARGUMENTS
from tests.servers.chromium import ADVICE, find_chromium
from tests.servers.commonwatt import ROOT, Client, environment, manage, serving

DOCS = ROOT / "docs"
NAMES = ("overview", "market", "sessions", "gateway")
WIDTH, OVERVIEW_HEIGHT, MARKET_HEIGHT, SESSIONS_HEIGHT, GATEWAY_HEIGHT = 1440, 1000, 1100, 1100, 1100
SOURCES = ("GB_CARBON_INTENSITY_URL", "ENERGY_CHARTS_URL")
SOURCES_ANSWER_WITHIN_MS = 8000
CALLS = 2
ASKS = (
    {"purpose": "climate_adaptation", "origin": "BD", "model_class": "L", "tokens": 48_000},
    {"purpose": "sustainable_agriculture", "origin": "KE", "model_class": "M", "tokens": 1_500},
    {"purpose": "disaster_response", "origin": "PH", "model_class": "L", "tokens": 120_000},
    {"purpose": "general_ai_research", "origin": "US", "model_class": "XL", "tokens": 250_000},
    {"purpose": "global_south_education", "origin": "IN", "model_class": "S", "tokens": 12_000},
    {"purpose": "climate_science_research", "origin": "DE", "model_class": "L", "tokens": 80_000},
)


def main(names: list[str]) -> None:
    """Draw those that are named, else all."""
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit(ADVICE)
    if unknown := sorted(set(names) - set(NAMES)):
        raise SystemExit(f"There is no picture {unknown[0]}; known are: {', '.join(NAMES)}.")
    wanted = names or NAMES
    with tempfile.TemporaryDirectory() as folder:
        env = {name: value for name, value in environment(Path(folder)).items() if name not in SOURCES}
        with serving(env) as (server,), sync_playwright() as playwright:
            client = Client(server.url, server.printed("api key"))
            browser = playwright.chromium.launch(executable_path=chromium, args=QUIET_ARGUMENTS)
            if "overview" in wanted:
                for ask in ASKS:
                    client.post("requests/", dict(ask)).raise_for_status()
                _draw(browser, server.url, DOCS / "overview.png", OVERVIEW_HEIGHT)
            if "market" in wanted:
                for _ in range(CALLS):
                    manage("demo_market", env=env).check_returncode()
                _draw(browser, f"{server.url}/market/", DOCS / "market.png", MARKET_HEIGHT)
            if "sessions" in wanted:
                manage("demo_session", env=env).check_returncode()
                newest = client.get("sessions/").json()["results"][0]["id"]
                # What agents say is shown to their team and to staff alone.
                login = ("admin", server.printed("password"))
                path = f"/sessions/{newest}/"
                _draw(browser, f"{server.url}{path}", DOCS / "sessions.png", SESSIONS_HEIGHT, login=login)
            if "gateway" in wanted:
                manage("demo_gateway", env=env).check_returncode()
                login = ("admin", server.printed("password"))
                _draw(browser, f"{server.url}/gateway/", DOCS / "gateway.png", GATEWAY_HEIGHT, login=login)
            browser.close()


def _draw(browser: Browser, url: str, target: Path, height: int, *, login: tuple[str, str] | None = None) -> None:
    page = browser.new_page(viewport={"width": WIDTH, "height": height}, color_scheme="light")
    if login is not None:
        page.goto(urljoin(url, "/login/"))
        page.get_by_label("Username").fill(login[0])
        page.get_by_label("Password").fill(login[1])
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("button", name="Log out")).to_be_visible(timeout=SOURCES_ANSWER_WITHIN_MS)
    page.goto(url)
    expect(page.locator("#live.on")).to_be_visible()
    page.wait_for_timeout(SOURCES_ANSWER_WITHIN_MS)
    page.screenshot(path=target)
    page.close()


if __name__ == "__main__":
    main(sys.argv[1:])
