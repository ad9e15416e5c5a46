from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore

from accounts.models import Membership
from climate.events import AlertsChanged, EmergencyChanged, ReadingsCollected, SourceChanged
from climate.models import Alert, CarbonReading, DataSource, Emergency
from config.kernel.events import publish
from dashboard import consumers
from market.services import settle
from tests.integration.dashboard.conftest import ask_for_tokens, make_person, make_world

pytestmark = pytest.mark.django_db(transaction=True)

SOON_SECONDS = 2
FIGURES = {"headline", "regions", "sources", "alerts", "notice", "alert_feed"}


@pytest.fixture
def world():
    return make_world()


def session_of(user) -> SessionStore:
    session = SessionStore()
    if user.is_authenticated:
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session


class Page:
    """An open page: what the socket told it."""

    def __init__(self, user, name: str = "") -> None:
        self.user = user
        self.query = f"page={name}".encode() if name else b""

    async def __aenter__(self) -> Page:
        self.session = await sync_to_async(session_of)(self.user)
        scope = {"type": "websocket", "path": "/ws/dashboard/", "user": self.user, "session": self.session}
        scope["query_string"] = self.query
        self.socket = ApplicationCommunicator(consumers.DashboardConsumer.as_asgi(), scope)
        await self.socket.send_input({"type": "websocket.connect"})
        assert (await self.output())["type"] == "websocket.accept"
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.socket.send_input({"type": "websocket.disconnect", "code": 1001})
        await self.socket.wait(timeout=SOON_SECONDS)

    async def output(self) -> dict[str, Any]:
        return await self.socket.receive_output(timeout=SOON_SECONDS)

    async def frame(self) -> dict[str, Any]:
        return json.loads((await self.output())["text"])

    async def is_silent(self, seconds: float) -> bool:
        return await self.socket.receive_nothing(timeout=seconds)

    async def frames(self, *wanted: str) -> dict[str, Any]:
        """The first frame of each wanted event."""
        found: dict[str, Any] = {}
        while set(wanted) - set(found):
            frame = await self.frame()
            found.setdefault(frame["event"], frame)
        return found


def settle_now(request_id: UUID) -> None:
    settle(
        request_id=request_id,
        used_tokens=1800,
        quality=None,
        collaboration=None,
        actor="test",
        now=datetime.now(UTC),
    )


def report_germany() -> None:
    now = datetime.now(UTC)
    CarbonReading.objects.create(
        zone_id="DE",
        source="energy-charts",
        starts_at=now.replace(minute=0, second=0, microsecond=0),
        period_minutes=60,
        intensity_g_per_kwh=300,
        received_at=now,
    )


def visit(user, journey: Callable[[Page], Awaitable[None]], name: str = "") -> None:
    async def run() -> None:
        async with Page(user, name) as page:
            await journey(page)

    asyncio.run(run())


def test_the_first_frame_is_a_snapshot_of_every_part(world):
    async def journey(page: Page) -> None:
        frame = await page.frame()
        assert frame["event"] == "snapshot"
        assert datetime.fromisoformat(frame["at"]).tzinfo
        assert set(frame["data"]) == {*FIGURES, "decisions", "budgets", "plan"}
        assert {row["who"] for row in frame["data"]["decisions"]} == {"Delta Relief · Floods", "Coast Watch · Storms"}

    visit(AnonymousUser(), journey)


def test_a_decision_reaches_the_open_page_with_row_headline_and_budget(world):
    async def journey(page: Page) -> None:
        await page.frame()
        request_id = await sync_to_async(ask_for_tokens)(world.delta_team_id)
        found = await page.frames("request.decided", "headline", "budgets.changed")
        row = found["request.decided"]["data"]
        assert row["key"] == str(request_id)
        assert row["tokens"] == "2,000"
        assert row["explanation"]
        assert found["headline"]["data"]["tokens"] == "6,000"

    visit(AnonymousUser(), journey)


def test_a_burst_of_decisions_tells_every_row_once_and_the_headline_rarely(world):
    async def journey(page: Page) -> None:
        await page.frame()
        wanted = {str(await sync_to_async(ask_for_tokens)(world.delta_team_id)) for _ in range(12)}
        heard: list[str] = []
        headlines = 0
        while set(heard) < wanted:
            frame = await page.frame()
            headlines += frame["event"] == "headline"
            if frame["event"] == "request.decided":
                heard.append(frame["data"]["key"])
        assert sorted(heard) == sorted(wanted)
        assert headlines <= 6

    visit(AnonymousUser(), journey)


def test_a_settlement_patches_the_status(world):
    async def journey(page: Page) -> None:
        await page.frame()
        await sync_to_async(settle_now)(world.delta_request_id)
        found = await page.frames("request.resolved", "request.decided")
        assert found["request.resolved"]["data"] == {
            "key": str(world.delta_request_id),
            "status": "settled",
            "tone": "good",
        }
        assert found["request.decided"]["data"]["status"] == "settled"

    visit(AnonymousUser(), journey)


def test_where_visitors_see_nothing_the_socket_closes_without_a_frame(world, visitors_see):
    visitors_see("nothing")

    async def journey(page: Page) -> None:
        closed = await page.output()
        assert closed == {"type": "websocket.close", "code": consumers.CLOSE_NOT_ALLOWED}

    visit(AnonymousUser(), journey)


def test_where_visitors_see_figures_no_decision_is_ever_told(world, visitors_see):
    visitors_see("figures")

    async def journey(page: Page) -> None:
        frame = await page.frame()
        assert set(frame["data"]) == FIGURES
        await sync_to_async(ask_for_tokens)(world.delta_team_id)
        frame = await page.frame()
        assert frame["event"] == "headline"
        assert "Floods" not in str(frame)
        await sync_to_async(settle_now)(world.delta_request_id)
        assert (await page.frame())["event"] == "headline"
        assert await page.is_silent(1.0)

    visit(AnonymousUser(), journey)


def test_a_member_hears_of_the_own_team_and_no_other(world, visitors_see):
    visitors_see("nothing")

    async def journey(page: Page) -> None:
        snapshot = await page.frame()
        assert {row["who"] for row in snapshot["data"]["decisions"]} == {"Delta Relief · Floods"}
        assert [row["name"] for row in snapshot["data"]["budgets"]] == ["Budget of Floods"]
        await sync_to_async(ask_for_tokens)(world.coast_team_id)
        await sync_to_async(settle_now)(world.coast_request_id)
        request_id = await sync_to_async(ask_for_tokens)(world.delta_team_id)
        found = await page.frames("request.decided", "budgets.changed")
        assert found["request.decided"]["data"]["key"] == str(request_id)
        assert "request.resolved" not in found
        assert "Storms" not in str(found)

    visit(make_person("member", world.delta_team_id), journey)


@pytest.mark.parametrize("how", ["removed from the team", "logged out elsewhere"])
def test_a_socket_ends_when_its_viewer_may_see_less(world, visitors_see, monkeypatch, how):
    visitors_see("nothing")
    monkeypatch.setattr(consumers, "HEARTBEAT_SECONDS", 0.05)
    member = make_person("member", world.delta_team_id)

    async def journey(page: Page) -> None:
        assert (await page.frame())["event"] == "snapshot"
        assert (await page.frame())["event"] == "heartbeat"
        if how == "logged out elsewhere":
            await sync_to_async(page.session.flush)()
        else:
            await sync_to_async(Membership.objects.all().delete)()
        async with asyncio.timeout(SOON_SECONDS):
            while (output := await page.output())["type"] == "websocket.send":
                pass
        assert output == {"type": "websocket.close", "code": consumers.CLOSE_SIGHT_CHANGED}

    visit(member, journey)


def test_news_of_the_climate_reach_everybody(world, visitors_see):
    visitors_see("figures")
    now = datetime.now(UTC)

    def work() -> None:
        DataSource.objects.update(state="failing", last_error="no route")
        publish(SourceChanged(source="energy-charts", state="failing", at=now))
        Emergency.objects.create(
            kind="flood",
            title="Floods in Sylhet",
            country_codes=["BD"],
            purposes=["disaster_response"],
            multiplier=5,
            reason="test",
            starts_at=now,
        )
        publish(EmergencyChanged(emergency_id=1, at=now))

    async def journey(page: Page) -> None:
        await page.frame()
        await sync_to_async(work)()
        found = await page.frames("sources.changed", "emergency.changed")
        assert {row["state"] for row in found["sources.changed"]["data"]} == {"not answering"}
        assert "Floods in Sylhet" in {row["title"] for row in found["emergency.changed"]["data"]}

    visit(AnonymousUser(), journey)


def test_an_outage_is_told_at_once_and_ends_by_itself(world, visitors_see):
    visitors_see("figures")

    def become(state: str, minutes_ago: int) -> None:
        at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        DataSource.objects.update(state=state, last_success_at=at)
        publish(SourceChanged(source="energy-charts", state=state, at=at))

    async def journey(page: Page) -> None:
        snapshot = await page.frame()
        assert snapshot["data"]["notice"].startswith("No live source has answered yet")
        await sync_to_async(become)("failing", 3)
        told = (await page.frames("notice.changed"))["notice.changed"]["data"]
        assert told.startswith("All live sources have failed since")
        await sync_to_async(report_germany)()
        await sync_to_async(become)("ok", 0)
        assert (await page.frames("notice.changed"))["notice.changed"]["data"] == ""

    visit(AnonymousUser(), journey)


def test_an_outage_that_nobody_tells_of_is_noticed_by_the_clock(world, monkeypatch):
    monkeypatch.setattr(consumers, "HEARTBEAT_SECONDS", 0.05)

    def stand_still() -> None:
        DataSource.objects.update(state="ok", last_success_at=datetime.now(UTC) - timedelta(hours=2))

    async def journey(page: Page) -> None:
        await page.frame()
        await sync_to_async(stand_still)()
        told = (await page.frames("notice.changed"))["notice.changed"]["data"]
        assert told.startswith("All live sources have failed since")

    visit(AnonymousUser(), journey)


def test_news_of_a_feed_reach_the_page_of_alerts_and_nothing_else(world):
    def hear() -> None:
        now = datetime.now(UTC)
        Alert.objects.create(
            source="gdacs",
            external_id="FL1",
            kind="flood",
            level="green",
            title="Flood",
            country_codes=["BD"],
            starts_at=now,
            is_current=True,
            version_at=now,
            first_seen_at=now,
            last_seen_at=now,
        )
        publish(AlertsChanged(source="gdacs", alert_ids=(1,), at=now))

    async def journey(page: Page) -> None:
        before = (await page.frame())["data"]["alert_feed"]
        await sync_to_async(hear)()
        told = await page.frame()
        assert told["event"] == "alerts.changed"
        assert told["data"]["current_alerts"] == 1
        assert told["data"]["digest"] != before["digest"]
        assert await page.is_silent(0.8)

    visit(AnonymousUser(), journey)


def test_a_nudge_without_news_sends_nothing(world):
    async def journey(page: Page) -> None:
        await page.frame()
        await sync_to_async(publish)(ReadingsCollected(source="energy-charts", zones=("DE",), at=datetime.now(UTC)))
        assert await page.is_silent(0.8)

    visit(AnonymousUser(), journey)


def test_what_a_page_sends_is_ignored(world):
    async def journey(page: Page) -> None:
        await page.frame()
        forged = json.dumps({"event": "request.decided", "data": {"key": "forged"}})
        await page.socket.send_input({"type": "websocket.receive", "text": forged})
        assert await page.is_silent(0.3)

    visit(AnonymousUser(), journey)


def test_a_page_of_budgets_hears_of_budgets_and_of_nothing_else(world, visitors_see):
    visitors_see("nothing")

    async def journey(page: Page) -> None:
        snapshot = await page.frame()
        assert set(snapshot["data"]) == {"budgets", "budget_picture"}
        assert [row["name"] for row in snapshot["data"]["budgets"]] == ["Budget of Floods"]
        before = {row["key"]: row for row in snapshot["data"]["budget_picture"]}
        await sync_to_async(ask_for_tokens)(world.delta_team_id)
        found = await page.frames("budgets.changed", "budget_picture.changed")
        after = {row["key"]: row for row in found["budget_picture.changed"]["data"]}
        assert int(after["holds"]["value"]) == int(before["holds"]["value"]) + 1
        assert set(found) == {"budgets.changed", "budget_picture.changed"}

    visit(make_person("member", world.delta_team_id), journey, "budgets")


def test_a_page_of_budgets_is_closed_to_whoever_sees_figures_only(world, visitors_see):
    visitors_see("figures")

    async def journey(page: Page) -> None:
        closed = await page.output()
        assert closed["type"] == "websocket.close"
        assert closed["code"] == consumers.CLOSE_NOT_ALLOWED

    visit(AnonymousUser(), journey, "budgets")


def test_a_name_that_no_page_has_hears_what_the_overview_hears(world):
    async def journey(page: Page) -> None:
        assert set((await page.frame())["data"]) == {*FIGURES, "decisions", "budgets", "plan"}

    visit(AnonymousUser(), journey, "nonsense")
