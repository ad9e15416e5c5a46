"""Our own headers of a call, read from their small names."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from sessions_app.api.gateway.asking import Asked, read_headers

SESSION, BUDGET = "7f0e6a9e-3f0e-4f43-9a33-0a4d3f6b1a11", "0b0f52a6-6a86-4a35-8f43-2f1f3f1f7b22"


def test_a_call_that_states_nothing_is_for_anywhere_and_without_bounds():
    assert read_headers({"host": "a", "authorization": "Bearer cw_x", "content-type": "application/json"}) == Asked(
        purpose=None,
        origin=None,
        session_id=None,
        agent="",
        budget_id=None,
        deadline_seconds=None,
        mode="",
        latency_class="anywhere",
        residency=None,
        idempotency_key=None,
    )


def test_every_header_fills_its_column():
    asked = read_headers(
        {
            "x-commonwatt-purpose": "research",
            "x-commonwatt-origin": "BD",
            "x-commonwatt-session": SESSION,
            "x-commonwatt-agent": "scout",
            "x-commonwatt-budget": BUDGET,
            "x-commonwatt-latest": (timezone.now() + timedelta(seconds=60)).isoformat(),
            "x-commonwatt-mode": "council",
            "x-commonwatt-latency-class": "regional",
            "x-commonwatt-residency": "DE, FR,DE",
            "idempotency-key": "a key",
        }
    )
    assert asked.deadline_seconds == pytest.approx(60, abs=5)
    assert (asked.purpose, asked.origin, asked.agent, asked.mode) == ("research", "BD", "scout", "council")
    assert (asked.session_id, asked.budget_id) == (UUID(SESSION), UUID(BUDGET))
    assert (asked.latency_class, asked.residency, asked.idempotency_key) == ("regional", ("DE", "FR"), "a key")
