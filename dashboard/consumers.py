"""The socket of the dashboard: a snapshot first, then what has changed since."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings

from dashboard.coalescer import Coalescer
from dashboard.domain.sight import Sight
from dashboard.presentation.rows import status_words
from dashboard.push import DASHBOARD_GROUP, remember_loop
from dashboard.sections import (
    EVENT_OF_SECTION,
    SECTIONS_OF_THE_CLOCK,
    SECTIONS_OF_THE_HOUR,
    allowed_sections,
    read_sections,
)
from dashboard.selectors.sight import get_sight

DELAY_SECONDS = 0.1
REST_SECONDS = 0.4
HEADLINE_REST_SECONDS = 1.0
HEARTBEAT_SECONDS = 20.0
CLOSE_NOT_ALLOWED = 4403
CLOSE_SIGHT_CHANGED = 4401


class DashboardConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]  # channels carries no types
    """One open page. Reads for itself, through its viewer's sight, whatever a nudge says has changed."""

    sight: Sight
    sections: tuple[str, ...] = ()
    heart: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Let the viewer in, join before reading so that nothing falls between, send the snapshot."""
        remember_loop(asyncio.get_running_loop())
        self.sight = await database_sync_to_async(get_sight)(self.scope["user"])
        self.sections = allowed_sections(self.sight, self._page())
        await self.accept()
        if not self.sections:
            await self.close(code=CLOSE_NOT_ALLOWED)
            return
        self.known: dict[str, Any] = {}
        self.others = Coalescer(self._flush, delay_seconds=DELAY_SECONDS, rest_seconds=REST_SECONDS)
        self.headline = Coalescer(self._flush, delay_seconds=DELAY_SECONDS, rest_seconds=HEADLINE_REST_SECONDS)
        await self.channel_layer.group_add(DASHBOARD_GROUP, self.channel_name)
        self.known = await self._read(set(self.sections))
        await self._send("snapshot", self.known)
        self.heart = asyncio.create_task(self._beat())

    async def disconnect(self, code: int) -> None:
        """Leave quietly."""
        if self.heart is not None:
            self.heart.cancel()
            self.others.stop()
            self.headline.stop()
            await self.channel_layer.group_discard(DASHBOARD_GROUP, self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Nothing a viewer sends changes anything."""

    async def nudge(self, message: dict[str, Any]) -> None:
        """Something changed below. `team_id` None concerns every viewer."""
        sections = set(message["sections"]) & set(self.sections)
        team_id = message.get("team_id")
        if team_id is not None and not self.sight.sees_team(team_id):
            sections -= {"decisions", "sessions", "gateway"}
        elif resolved := message.get("resolved"):
            word, tone = status_words(resolved["status"])
            await self._send("request.resolved", {"key": resolved["request_id"], "status": word, "tone": tone})
        self.headline.mark(sections & {"headline"})
        self.others.mark(sections - {"headline"})

    def _page(self) -> str:
        """Which page opened the socket, as its address says; the overview says nothing."""
        asked: dict[str, list[str]] = parse_qs(self.scope.get("query_string", b"").decode("ascii", "replace"))
        return asked.get("page", [""])[0]

    async def _flush(self, names: set[str]) -> None:
        for name, data in (await self._read(names)).items():
            before, self.known[name] = self.known.get(name), data
            if name == "decisions":
                await self._send_new_decisions(before or [], data)
            elif data != before:
                await self._send(EVENT_OF_SECTION[name], data)

    async def _send_new_decisions(self, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
        known = {row["key"]: row for row in before}
        for row in reversed(after):  # oldest first: the page puts each on top
            if known.get(row["key"]) != row:
                await self._send("request.decided", row)

    async def _read(self, names: set[str]) -> dict[str, Any]:
        sections = await database_sync_to_async(read_sections)(self.sight, names, now=datetime.now(UTC))
        return {name: data for name, data in sections.items() if data is not None}

    async def _send(self, event: str, data: Any) -> None:
        await self.send_json({"event": event, "at": datetime.now(UTC).isoformat(), "data": data})

    async def _beat(self) -> None:
        """Tell the page that the line is open, follow clock and hour, and notice a changed sight."""
        hour = datetime.now(UTC).hour
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if await self._current_sight() != self.sight:
                await self.close(code=CLOSE_SIGHT_CHANGED)
                return
            await self._send("heartbeat", None)
            # Nobody tells of an answer that did not come: the clock does.
            self.others.mark(set(SECTIONS_OF_THE_CLOCK) & set(self.sections))
            if datetime.now(UTC).hour != hour:
                hour = datetime.now(UTC).hour
                self.others.mark(set(SECTIONS_OF_THE_HOUR) & set(self.sections))
                self.headline.mark({"headline"} & set(self.sections))

    async def _current_sight(self) -> Sight:
        """The viewer's sight by the session as it is stored now: logged out, moved or demoted since?"""
        key = self.scope["session"].session_key
        store = import_module(settings.SESSION_ENGINE).SessionStore
        user = await get_user({"session": store(key)})
        sight: Sight = await database_sync_to_async(get_sight)(user)
        return sight
