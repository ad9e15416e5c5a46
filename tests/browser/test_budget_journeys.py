"""What people come for about budgets: see the tree, understand one, follow it live, change it with two people."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Site
from tests.browser.test_journeys import WITHIN_MS, log_in, open_live
from tests.browser.test_looks import SCROLLS_SIDEWAYS, complaints

pytestmark = pytest.mark.browser

SOON_MS = 8000  # lists of a page are read again at most every three seconds
COLLEAGUE = """
from accounts.domain.scopes import Role
from accounts.models import Membership, Team, User
from budgets.models import Budget
person = User.objects.create_user(username="{name}", password="another long password")
Membership.objects.create(user=person, team=Team.objects.get(name="Demo team"), role=Role.OPERATOR)
Budget.objects.filter(pk="{budget}").update(needs_two=True)
"""


class Tree:
    """A parent with a child of the demo team, made by API."""

    def __init__(self, site: Site):
        self.site = site
        self.name = f"Session {uuid.uuid4().hex[:6]}"
        self.parent = self._make(self.name, 10_000)
        self.child = self._make(f"Agent of {self.name}", 1000, parent=self.parent)

    def _make(self, name: str, limit: int, **more: str) -> str:
        body = {"name": name, "unit": "tokens", "limit": limit, "period": "month", **more}
        answer = self.site.client.post("budgets/", body)
        answer.raise_for_status()
        return str(answer.json()["id"])

    def reserve(self, tokens: int) -> None:
        answer = self.site.client.post(
            f"budgets/{self.child}/reserve/", {"tokens": tokens}, **{"Idempotency-Key": uuid.uuid4().hex}
        )
        assert answer.status_code == 201, answer.text


@pytest.fixture
def tree(site: Site) -> Tree:
    return Tree(site)


def test_a_person_unfolds_the_tree_by_keyboard_and_sees_a_reservation_arrive(site: Site, page: Page, tree: Tree):
    open_live(page, site, f"/budgets/?text={tree.name.split()[1]}")
    child = page.locator(f'[data-key="{tree.child}"]')
    expect(child).to_be_visible()
    arrow = page.locator(f"#below-{tree.parent} > summary")
    arrow.focus()
    page.keyboard.press("Enter")
    expect(child).to_be_hidden()
    page.keyboard.press("Enter")
    expect(child).to_be_visible()
    tree.reserve(400)
    expect(child.locator("[data-t=reserved]")).to_have_text("400", timeout=WITHIN_MS)
    expect(page.locator(f'[data-key="{tree.parent}"] [data-t=reserved]')).to_have_text("400")
    arrow.focus()
    page.keyboard.press("Enter")
    tree.reserve(500)  # past its marks: the part of the tree is drawn anew, and what was closed stays closed
    expect(child.locator("[data-t=status]")).to_have_text("critical", timeout=SOON_MS)
    expect(child).to_be_hidden()
    assert page.evaluate("window.neverReloaded")


def test_a_person_opens_a_budget_asks_for_advice_and_follows_it(site: Site, page: Page, tree: Tree):
    page.goto(site.url(f"/budgets/?text={tree.name.split()[1]}"))
    page.get_by_role("link", name=f"Agent of {tree.name}").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Agent of {tree.name}")
    page.get_by_label("Tokens to ask for").fill("350")
    page.get_by_role("button", name="Advise").click()
    expect(page.locator("#advice")).to_contain_text("would reach 75 %")
    expect(page.locator("#live.on")).to_be_visible()
    expect(page.locator(".chart canvas")).to_be_visible()
    page.evaluate("window.neverReloaded = true")
    tree.reserve(300)
    expect(page.locator("#figures [data-t=available]")).to_have_text("700", timeout=WITHIN_MS)
    expect(page.locator("#part-holds")).to_contain_text("300 tokens", timeout=SOON_MS)
    assert page.evaluate("window.neverReloaded")
    page.get_by_text("Show the chart as a table").click()
    expect(page.locator("#hours tbody tr").first).to_be_visible()


def test_a_person_filters_the_ledger_and_takes_it_home(site: Site, page: Page, tree: Tree):
    tree.reserve(10)
    page.goto(site.url(f"/login/?next=/budgets/{tree.child}/"))
    log_in(page, site)
    expect(page.locator("#ledger-rows tr")).to_have_count(2)
    page.get_by_label("Kind").select_option("hold")
    page.locator("#ledger").get_by_role("button", name="Filter").click()
    expect(page.locator("#ledger-rows tr")).to_have_count(1)
    expect(page.locator("#ledger-rows")).to_contain_text("+10")
    for kind, begin in (("CSV", b"id,"), ("Parquet", b"PAR1")):
        with page.expect_download() as download:
            page.get_by_role("link", name=kind, exact=True).click()
        assert begin in Path(download.value.path()).read_bytes()[:100]


def test_a_budget_is_read_and_searched_without_scripts(site: Site, browser: Browser, tree: Tree):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.url("/budgets/"))
    page.get_by_role("searchbox").fill(tree.name)
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#found-count")).to_have_text("2")
    page.locator(f"#below-{tree.parent} > summary").click()
    expect(page.locator(f'[data-key="{tree.child}"]')).to_be_hidden()
    page.get_by_role("link", name=tree.name, exact=True).click()
    expect(page.locator("#part-below")).to_contain_text(f"Agent of {tree.name}")
    context.close()


def test_an_operator_sets_a_limit_and_another_person_approves_what_needs_two(
    site: Site, page: Page, context: BrowserContext, watch, tree: Tree
):
    page.goto(site.url(f"/login/?next=/budgets/{tree.child}/"))
    log_in(page, site)
    forms = page.locator("#changes form")
    forms.nth(0).get_by_label("Limit, tokens").fill("2500")
    forms.nth(0).get_by_label("Reason").fill("More work.")
    page.get_by_role("button", name="Set limit").click()
    expect(page.get_by_text("The limit is set.")).to_be_visible()
    expect(page.locator("#figures [data-t=limit]")).to_have_text("2,500")
    name = f"colleague-{uuid.uuid4().hex[:6]}"
    site.run(COLLEAGUE.format(name=name, budget=tree.child))
    page.reload()
    page.get_by_label("Amount, tokens").fill("4000")
    page.locator("#changes").get_by_label("Reason").first.fill("The season begins.")
    page.get_by_role("button", name="Propose").click()
    expect(page.get_by_text("Proposed: it waits for a second person.")).to_be_visible()
    expect(page.locator("#part-waiting").get_by_role("button", name="Approve")).to_have_count(0)
    second = watch(context.browser.new_context().new_page())
    second.goto(site.url(f"/login/?next=/budgets/{tree.child}/"))
    second.get_by_label("Username").fill(name)
    second.get_by_label("Password").fill("another long password")
    second.get_by_role("main").get_by_role("button", name="Log in").click()
    assert complaints(second) == []
    second.locator("#part-waiting").get_by_label("Reason").fill("Agreed.")
    second.get_by_role("button", name="Approve").click()
    expect(second.get_by_text("Approved: the change is made.")).to_be_visible()
    expect(page.locator("#figures [data-t=limit]")).to_have_text("4,000", timeout=SOON_MS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_budgets_are_accessible_and_fit_a_phone(site: Site, page: Page, tree: Tree, scheme: str):
    tree.reserve(950)
    page.emulate_media(color_scheme=scheme)
    for path in ("/budgets/?text=agent", f"/budgets/{tree.child}/?tokens=900&kind=hold", "/estimates/"):
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(site.url(path))
        assert complaints(page) == [], path
        page.set_viewport_size({"width": 360, "height": 740})
        assert not page.evaluate(SCROLLS_SIDEWAYS), path
