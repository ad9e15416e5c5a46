"""`python -m tests.browser.picture` draws docs/overview.png and docs/market.png: a first run, some work, two pictures.

The sources are asked as in any deployment; where they do not answer, the picture says so.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.conftest import QUIET_ARGUMENTS
from tests.servers.chromium import ADVICE, find_chromium
from tests.servers.commonwatt import ROOT, Client, environment, manage, serving

OVERVIEW = ROOT / "docs" / "overview.png"
MARKET = ROOT / "docs" / "market.png"
WIDTH, OVERVIEW_HEIGHT, MARKET_HEIGHT = 1440, 1000, 1100
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


def main() -> None:
    """Draw them."""
    path = find_chromium()
    if path is None:
        raise SystemExit(ADVICE)
    with tempfile.TemporaryDirectory() as folder:
        env = {name: value for name, value in environment(Path(folder)).items() if name not in SOURCES}
        with serving(env) as (server,), sync_playwright() as playwright:
            client = Client(server.url, server.printed("api key"))
            for ask in ASKS:
                client.post("requests/", dict(ask)).raise_for_status()
            browser = playwright.chromium.launch(executable_path=path, args=QUIET_ARGUMENTS)
            _draw(browser, server.url, OVERVIEW, OVERVIEW_HEIGHT)
            for _ in range(CALLS):
                manage("demo_market", env=env).check_returncode()
            _draw(browser, f"{server.url}/market/", MARKET, MARKET_HEIGHT)
            browser.close()


def _draw(browser: Browser, url: str, target: Path, height: int) -> None:
    page = browser.new_page(viewport={"width": WIDTH, "height": height}, color_scheme="light")
    page.goto(url)
    expect(page.locator("#live.on")).to_be_visible()
    page.wait_for_timeout(SOURCES_ANSWER_WITHIN_MS)
    page.screenshot(path=target)
    page.close()


if __name__ == "__main__":
    main()
