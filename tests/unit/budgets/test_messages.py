"""What channels are told, and when they are tried again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from budgets.domain.alerts import AlertFacts, AlertKind
from budgets.domain.backoff import GIVE_UP_AFTER, next_try
from budgets.domain.exhaustion import ExhaustionForecast, Outlook
from budgets.domain.messages import payload_of, payload_of_test, subject_of, text_of
from budgets.domain.units import Unit

NOW = datetime(2026, 3, 4, 10, 20, tzinfo=UTC)
BUDGET = UUID("6f1f3c1e-0000-4000-8000-000000000001")
ALERT = AlertFacts(
    id=7,
    kind=AlertKind.PERCENT,
    at=NOW,
    budget_id=BUDGET,
    budget_name="Flood desk",
    budget_level="team",
    organisation_id=1,
    team_id=2,
    team_name="Flood",
    unit=Unit.CARBON_G,
    period="day",
    period_starts_at=NOW.replace(hour=0, minute=0),
    resets_at=NOW.replace(hour=0, minute=0) + timedelta(days=1),
    percent=85,
    amount=None,
    limit=Decimal("1000"),
    spent=Decimal("800.5"),
    reserved=Decimal("50"),
    runs_out_at=None,
    hold_id=None,
    is_fanned_out=False,
    waiting=0,
    delivered=0,
    failed=0,
)
FORECAST_NOW = ExhaustionForecast(
    budget_id=BUDGET,
    name="Flood desk",
    unit=Unit.CARBON_G,
    as_of=NOW,
    outlook=Outlook.RUNS_OUT,
    remaining=Decimal("149.5"),
    burn_per_hour=Decimal(50),
    burn_low_per_hour=Decimal(40),
    burn_high_per_hour=Decimal(60),
    earliest_at=NOW + timedelta(hours=2),
    central_at=NOW + timedelta(hours=3),
    latest_at=NOW + timedelta(hours=4),
    resets_at=ALERT.resets_at,
    ends_by_itself=True,
    until=NOW + timedelta(hours=14),
    hours_used=168,
    basis="spending of the last 168 hours",
)
OVERDRAFT = replace(ALERT, kind=AlertKind.OVERDRAFT, percent=None, amount=Decimal("12.25"), hold_id=BUDGET)
FORECAST = replace(ALERT, kind=AlertKind.FORECAST, percent=100, runs_out_at=NOW + timedelta(hours=3))


def words(alert: AlertFacts) -> tuple[str, str]:
    payload = payload_of(alert, forecast=FORECAST_NOW, public_url="https://example.org")
    return subject_of(payload), text_of(payload)


def test_a_notice_says_its_news_to_programs_and_people():
    notice = replace(ALERT, kind=AlertKind.NOTICE, percent=None, notice="Given back for an emergency: Brahmaputra.")
    payload = payload_of(notice, forecast=None, public_url="")
    assert (payload["type"], payload["data"]["notice"]) == ("budget.notice", notice.notice)
    subject, text = words(notice)
    assert subject == (
        "Commonwatt: Flood desk pays for work of which there is news: Given back for an emergency: Brahmaputra"
    )
    assert "Given back for an emergency: Brahmaputra." in text


def test_a_program_is_told_everything_in_plain_numbers_of_the_unit():
    payload = payload_of(ALERT, forecast=FORECAST_NOW, public_url="https://example.org")

    assert payload["type"] == "budget.threshold_crossed"
    assert payload["timestamp"] == "2026-03-04T10:20:00+00:00"
    assert payload["data"] == {
        "alert_id": 7,
        "kind": "percent",
        "budget_id": str(BUDGET),
        "name": "Flood desk",
        "level": "team",
        "unit": "carbon_g",
        "percent": 85,
        "amount": None,
        "limit": 1000,
        "spent": 800.5,
        "reserved": 50,
        "period": "day",
        "period_starts_at": "2026-03-04T00:00:00+00:00",
        "resets_at": "2026-03-05T00:00:00+00:00",
        "runs_out_at": None,
        "forecast": {
            "outlook": "runs_out",
            "words": "Runs out about 2026-03-04 13:20 UTC (earliest 2026-03-04 12:20 UTC).",
            "earliest_at": "2026-03-04T12:20:00+00:00",
            "central_at": "2026-03-04T13:20:00+00:00",
            "latest_at": "2026-03-04T14:20:00+00:00",
            "as_of": "2026-03-04T10:20:00+00:00",
            "basis": "spending of the last 168 hours",
        },
        "hold_id": None,
        "link": f"https://example.org/budgets/{BUDGET}/",
    }


@pytest.mark.parametrize(
    ("alert", "type_"),
    [
        (replace(ALERT, kind=AlertKind.AMOUNT, percent=None, amount=Decimal(900)), "budget.threshold_crossed"),
        (OVERDRAFT, "budget.overdraft"),
        (FORECAST, "budget.exhaustion_forecast"),
    ],
)
def test_each_kind_has_its_type(alert, type_):
    assert payload_of(alert, forecast=None, public_url="")["type"] == type_


def test_what_is_unknown_is_null_and_not_zero():
    unknown = replace(ALERT, limit=None, spent=None, reserved=None, resets_at=None)
    payload = payload_of(unknown, forecast=None, public_url="")
    subject, text = subject_of(payload), text_of(payload)

    assert [payload["data"][name] for name in ("limit", "spent", "reserved", "resets_at", "link")] == [None] * 5
    assert subject == "Commonwatt: Flood desk has passed 85 % of its limit"
    assert "Limit: unknown" in text
    assert "no date is known" in text
    assert "Forecast: unknown" in text


def test_a_person_reads_which_budget_how_much_and_until_when():
    assert words(ALERT) == (
        "Commonwatt: Flood desk has passed 85 % of its limit",
        "The budget Flood desk (team) has passed 85 % of its limit.\n\n"
        "Limit: 1,000 g CO2e\n"
        "Spent: 800.5 g CO2e\n"
        "Reserved: 50 g CO2e\n"
        "As of: 2026-03-04 10:20 UTC\n"
        "Period: day, since 2026-03-04 00:00 UTC\n"
        "Whole again: 2026-03-05 00:00 UTC\n"
        "Forecast: Runs out about 2026-03-04 13:20 UTC (earliest 2026-03-04 12:20 UTC).\n"
        "Forecast made: 2026-03-04 10:20 UTC, spending of the last 168 hours\n\n"
        f"https://example.org/budgets/{BUDGET}/\n",
    )


def test_an_overdraft_and_a_forecast_say_what_they_are():
    assert words(OVERDRAFT)[0] == "Commonwatt: Flood desk was overdrawn by 12.25 g CO2e"
    in_watt_hours = replace(OVERDRAFT, unit=Unit.ENERGY_WH)
    assert words(in_watt_hours)[0] == "Commonwatt: Flood desk was overdrawn by 12.25 Wh"
    assert "is forecast to pass 100 % of its limit before its period ends" in words(FORECAST)[0]
    assert payload_of(FORECAST, forecast=None, public_url="")["data"]["runs_out_at"] == "2026-03-04T13:20:00+00:00"


def test_a_name_cannot_begin_another_line():
    subject, text = words(replace(ALERT, budget_name="x\r\nBcc: all@example.org\n\nLimit: 0"))

    assert "\n" not in subject
    assert "\nBcc" not in text
    assert "\nLimit: 0" not in text


def test_a_test_says_that_nothing_has_happened():
    payload = payload_of_test(channel_name="Night watch", by="person ada", at=NOW, public_url="https://example.org")

    assert payload["type"] == "test"
    assert subject_of(payload) == "Commonwatt: a test of the channel Night watch"
    assert "Nothing has happened." in text_of(payload)


def tried(attempts: int, *, jitter: float = 0.5, after: timedelta = timedelta(0), asked: float | None = None):
    found = next_try(attempts=attempts, created_at=NOW, now=NOW + after, jitter=jitter, asked_seconds=asked)
    return None if found is None else (found - NOW - after).total_seconds()


def test_waits_grow_and_are_spread():
    assert [tried(attempts) for attempts in (1, 2, 3, 4, 20)] == [5, 15, 45, 135, 4 * 3600]
    assert (tried(2, jitter=0.0), tried(2, jitter=1.0)) == (11.25, 18.75)


def test_a_receiver_may_ask_for_a_longer_wait_but_not_for_a_shorter_one():
    assert tried(1, asked=120) == 120
    assert tried(3, asked=1) == 45
    assert tried(1, asked=10**9) == GIVE_UP_AFTER.total_seconds()


def test_the_last_try_is_at_the_end_of_the_day_and_then_it_is_given_up():
    assert tried(20, after=GIVE_UP_AFTER - timedelta(minutes=1)) == 60
    assert tried(21, after=GIVE_UP_AFTER) is None


def test_a_day_has_a_bounded_number_of_tries():
    at, attempts = NOW, 0
    while (following := next_try(attempts=attempts + 1, created_at=NOW, now=at, jitter=0.0)) is not None:
        at, attempts = following, attempts + 1

    assert 12 <= attempts <= 20
