"""Connectors against a stand-in for their provider: recorded answers in, values out. No database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import responses

from climate.connectors.contract import Ask
from climate.connectors.http import Limits, SourceHttp
from climate.connectors.registry import CONNECTORS
from climate.domain.collected import Collected

ANSWERS = Path(__file__).parent.parent / "answers"
SOURCE = "https://source.example"


def recorded(name: str) -> str:
    return (ANSWERS / name).read_text(encoding="utf-8")


@pytest.fixture
def outside():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def collect() -> Callable[..., Collected]:
    """Ask a connector by its name, as of `now`."""

    def ask(name: str, *, now: datetime, memory: Any = None, **question: Any) -> Collected:
        limits = Limits(first_wait_seconds=0, tries=1)
        with SourceHttp(SOURCE, allowed_hosts=["source.example"], limits=limits, memory=memory, now=now) as http:
            return CONNECTORS[name].collect(http, Ask(now=now, **question))

    return ask
