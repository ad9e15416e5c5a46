"""A real Chromium in front of a real `manage.py serve`, both on a first run's data.

Without a Chromium the journeys are skipped with a word on how to get one; with REQUIRE_BROWSER set
they fail instead.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.servers.chromium import ADVICE, find_chromium
from tests.servers.commonwatt import Client, Serve, manage, serving
from tests.servers.databases import migrated_environment

REGION = "aws-eu-central-1"
QUIET_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NOTE_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""


@pytest.fixture(scope="session", autouse=True)
def chromium_path() -> str:
    """Where the browser is."""
    path = os.environ.get("CHROMIUM_PATH") or find_chromium()
    if path is None and os.environ.get("REQUIRE_BROWSER"):
        pytest.fail(ADVICE)
    if path is None:
        pytest.skip(f"THE BROWSER JOURNEYS DID NOT RUN. {ADVICE}")
    return path


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], chromium_path: str) -> dict[str, Any]:
    """The machine's own Chromium, which asks nobody for anything."""
    return {**browser_type_launch_args, "executable_path": chromium_path, "args": QUIET_ARGUMENTS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A desk of usual size, in daylight."""
    return {**browser_context_args, "viewport": {"width": 1440, "height": 900}, "color_scheme": "light"}


@dataclass(frozen=True)
class Site:
    """A running Commonwatt and a program that holds its demo key."""

    server: Serve
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "client", Client(self.server.url, self.server.printed("api key")))

    def url(self, path: str = "/") -> str:
        return f"{self.server.url}{path}"

    def ask(self, **changes: Any) -> dict[str, Any]:
        """Send a request through the API; its answer."""
        body = {"purpose": "climate_adaptation", "origin": "BD", "model_class": "L", "tokens": 2000, **changes}
        answer = self.client.post("requests/", body)
        assert answer.status_code in (201, 202), answer.text
        found: dict[str, Any] = answer.json()
        return found

    def run(self, code: str) -> None:
        """Run Python beside the server, in its database: nothing tells the server of it."""
        done = manage("shell", "-c", code, env=self.server.env)
        assert done.returncode == 0, done.stderr


def _site(tmp_path_factory: pytest.TempPathFactory, visitors: str) -> Iterator[Site]:
    with serving(migrated_environment(tmp_path_factory.mktemp(visitors), COMMONWATT_VISITORS=visitors)) as (server,):
        site = Site(server)
        site.ask(eligible_regions=[REGION])  # the first ever loads data lazily, and no page is empty
        yield site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Visitors may see everything."""
    yield from _site(tmp_path_factory, "everything")


@pytest.fixture(scope="session")
def reserved_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Visitors may see figures only."""
    yield from _site(tmp_path_factory, "figures")


@pytest.fixture
def watch() -> Iterator[Callable[[Page], Page]]:
    """Watch pages: an error on the console or a violation of the policy fails the test."""
    pages: list[Page] = []
    troubles: list[str] = []

    def begin(page: Page) -> Page:
        page.add_init_script(NOTE_VIOLATIONS)
        page.on("console", lambda said: troubles.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        pages.append(page)
        return page

    yield begin
    for page in pages:
        troubles += page.evaluate("window.violations")
    assert troubles == []


@pytest.fixture
def page(context: BrowserContext, watch: Callable[[Page], Page]) -> Page:
    """A page that fails the test when anything goes wrong on it."""
    return watch(context.new_page())
