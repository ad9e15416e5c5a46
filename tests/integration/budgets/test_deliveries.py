"""From an alert to e-mail and webhooks: to whom, once, again, and never for ever."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from standardwebhooks import Webhook

from budgets import selectors, services, tasks
from budgets.domain.units import Amounts
from budgets.models import AlertChannel, AlertDelivery, Budget, BudgetAlert, DeliveryAttempt
from budgets.services import alerting, deliveries
from budgets.services.alerting import note_forecast, note_overdraft
from budgets.services.deliveries import LEASE, deliver_due, fan_out
from budgets.services.forgetting import forget_deliveries
from config.kernel.errors import Conflict
from tests.integration.budgets.receiver import receiving, status
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _here(settings):
    settings.WEBHOOK_PRIVATE_HOSTS = ["127.0.0.1"]
    settings.PUBLIC_URL = "https://example.org"


def now():
    return timezone.now()


def channel(team, address: str, *, kind: str = "webhook", name: str = "pager", **changes):
    values = {"organisation_id": team.organisation_id, "team_id": team.team_id, "actor": "test", "now": now()}
    return services.create_channel(**{**values, "name": name, "kind": kind, "address": address, **changes})


def spend(budget_id, tokens: int, reference: str = "work:1"):
    hold = services.place_hold(
        budget_id=budget_id,
        amounts=Amounts(tokens=tokens, carbon_ug=0, micro_usd=0),
        reference=reference,
        lease_expires_at=now() + timedelta(hours=1),
        actor="test",
        now=now(),
    )
    return hold.hold_id


def test_a_crossing_arrives_signed_with_figures_and_a_link():
    team = make_team()
    with receiving() as receiver:
        made = channel(team, receiver.url)
        budget = make_budget(team, 1000, name="Flood desk", now=now())
        spend(budget, 800)
        assert deliver_due(now=now()) == 1
        (came,) = receiver.received

    told = Webhook(made.secret).verify(came.body, came.headers)
    assert told["type"] == "budget.threshold_crossed"
    figures = {name: told["data"][name] for name in ("name", "percent", "limit", "spent", "reserved", "unit")}
    assert figures == {
        "name": "Flood desk",
        "percent": 75,
        "limit": 1000,
        "spent": 0,
        "reserved": 800,
        "unit": "tokens",
    }
    assert told["data"]["link"] == f"https://example.org/budgets/{budget}/"
    (delivery,) = selectors.list_deliveries(channel_id=made.id)
    assert (str(delivery.id), delivery.status, len(delivery.attempts)) == (came.id, "delivered", 1)
    (alert,) = selectors.list_budget_alerts(team_ids=frozenset({team.team_id}))
    assert (alert.percent, alert.delivered, alert.waiting, alert.is_fanned_out) == (75, 1, 0, True)
    assert deliver_due(now=now()) == 0


def test_people_read_the_same_in_a_mail():
    team = make_team()
    channel(team, "ada@example.org, grace@example.org", kind="email")
    budget = make_budget(team, 1000, name="Flood desk", now=now())
    spend(budget, 960)
    deliver_due(now=now())

    assert sorted(message.subject for message in mail.outbox) == [
        f"Commonwatt: Flood desk has passed {percent} % of its limit" for percent in (75, 85, 95)
    ]
    message = mail.outbox[0]
    assert message.to == ["ada@example.org", "grace@example.org"]
    assert "Limit: 1,000 tokens\nSpent: 0 tokens\nReserved: 960 tokens\n" in message.body
    assert f"https://example.org/budgets/{budget}/" in message.body


@pytest.mark.parametrize(
    ("period", "whole"),
    [({"period": "day"}, "Whole again: 2026-03-05 00:00 UTC"), ({"period": "rolling", "window_hours": 24}, None)],
)
def test_a_mail_says_when_a_budget_is_whole_again_and_of_a_window_that_nobody_knows(period, whole):
    team = make_team()
    channel(team, "ada@example.org", kind="email")
    budget = make_budget(team, 1000, **period)
    amounts = Amounts(tokens=800, carbon_ug=0, micro_usd=0)
    services.consume(budget_id=budget, amounts=amounts, reference="work:1", actor="test", now=NOW)
    deliver_due(now=NOW)

    assert (whole or "Whole again: no date is known") in mail.outbox[0].body
    assert (selectors.list_budget_alerts(team_ids=None)[0].resets_at is None) == (whole is None)


def test_a_deployment_without_mail_says_so_and_tries_again(settings):
    settings.HAS_EMAIL = False
    team = make_team()
    made = channel(team, "ada@example.org", kind="email")
    spend(make_budget(team, 1000, now=now()), 800)
    deliver_due(now=now())
    (delivery,) = selectors.list_deliveries(channel_id=made.id)

    assert delivery.status == "waiting"
    assert "EMAIL_URL is not set" in delivery.attempts[0].error


def test_a_channel_is_told_of_its_team_its_kinds_and_its_percentages_only():
    team, other = make_team(), make_team("Other")
    wanted = {
        "own team": channel(team, "a@example.org", kind="email", name="own team"),
        "organisation": channel(team, "a@example.org", kind="email", name="organisation", team_id=None),
        "high": channel(team, "a@example.org", kind="email", name="high", least_percent=85),
        "overdrafts": channel(team, "a@example.org", kind="email", name="overdrafts", alert_kinds=["overdraft"]),
        "off": channel(team, "a@example.org", kind="email", name="off", is_active=False),
        "other": channel(other, "a@example.org", kind="email", name="other"),
    }
    spend(make_budget(team, 1000, now=now()), 900)
    assert fan_out(now=now()) == 5
    told = {name: len(selectors.list_deliveries(channel_id=made.id)) for name, made in wanted.items()}

    assert told == {"own team": 2, "organisation": 2, "high": 1, "overdrafts": 0, "off": 0, "other": 0}
    assert not BudgetAlert.objects.filter(fanned_out_at=None).exists()
    assert fan_out(now=now()) == 0


def test_a_budget_of_the_organisation_is_no_teams_to_hear_of():
    team = make_team()
    own = channel(team, "a@example.org", kind="email")
    whole = channel(team, "a@example.org", kind="email", name="whole", team_id=None)
    spend(make_budget(team, 1000, team_id=None, now=now()), 800)
    fan_out(now=now())

    assert selectors.list_deliveries(channel_id=own.id) == []
    assert len(selectors.list_deliveries(channel_id=whole.id)) == 1


def test_what_fails_is_tried_again_with_the_same_id_and_body_until_it_arrives():
    team = make_team()
    with receiving(status(500)) as receiver:
        made = channel(team, receiver.url)
        spend(make_budget(team, 1000, now=now()), 800)
        began = now()
        assert deliver_due(now=began) == 0
        assert deliver_due(now=began) == 0  # not due yet
        assert deliver_due(now=began + timedelta(seconds=10)) == 0
        receiver.answer = status(200)
        assert deliver_due(now=began + timedelta(minutes=1)) == 1
        first, second, third = receiver.received

    assert first.id == second.id == third.id
    assert first.body == second.body == third.body
    assert first.headers["webhook-timestamp"] != third.headers["webhook-timestamp"]
    (delivery,) = selectors.list_deliveries(channel_id=made.id)
    assert [(each.status_code, each.error) for each in delivery.attempts] == [
        (200, ""),
        (500, "answered 500"),
        (500, "answered 500"),
    ]
    assert selectors.get_channel(made.id).state == "active"


def test_a_receiver_that_asks_to_wait_is_left_alone_that_long():
    team = make_team()
    with receiving(status(429, Retry_After="600")) as receiver:
        channel(team, receiver.url)
        spend(make_budget(team, 1000, now=now()), 800)
        began = now()
        deliver_due(now=began)
        deliver_due(now=began + timedelta(minutes=9))
        assert len(receiver.received) == 1
        deliver_due(now=began + timedelta(minutes=11))
        assert len(receiver.received) == 2


def test_after_a_day_it_has_failed_and_is_seen_to_have():
    team = make_team()
    with receiving(status(500)) as receiver:
        made = channel(team, receiver.url)
        spend(make_budget(team, 1000, now=now()), 800)
        began = now()
        for hours in range(0, 30):
            deliver_due(now=began + timedelta(hours=hours))
        tries = len(receiver.received)
        (delivery,) = selectors.list_deliveries(channel_id=made.id, status="failed")
        seen = selectors.get_channel(made.id)
        assert (seen.state, seen.failed, seen.waiting) == ("failing", 1, 0)
        assert selectors.get_backlog(now=now()).failed == 1

        receiver.answer = status(200)
        services.retry_delivery(delivery_id=delivery.id, actor="test", now=began + timedelta(hours=40))
        assert deliver_due(now=began + timedelta(hours=40)) == 1

    assert 5 < tries < 30
    with pytest.raises(Conflict):
        services.retry_delivery(delivery_id=delivery.id, actor="test", now=now())


def test_a_receiver_that_is_gone_is_switched_off_for_everybody_to_see():
    team = make_team()
    with receiving(status(410)) as receiver:
        made = channel(team, receiver.url)
        spend(make_budget(team, 1000, now=now()), 960)
        deliver_due(now=now())

    seen = selectors.get_channel(made.id)
    assert (seen.state, seen.is_active, seen.waiting, seen.failed) == ("gone", False, 0, 3)
    assert "410" in AlertChannel.history.filter(id=made.id).first().history_change_reason


def test_a_receiver_that_was_replaced_meanwhile_is_not_switched_off():
    team = make_team()
    with receiving(status(410)) as receiver:
        made = channel(team, receiver.url)
        spend(make_budget(team, 1000, now=now()), 800)
        fan_out(now=now())
        (parcel,) = deliveries._claim(8, now=now())
        services.change_channel(channel_id=made.id, address=f"{receiver.url}/new", actor="test", now=now())
        deliveries.note(parcel, deliveries.send(parcel, now=now()), now=now())

    assert selectors.get_channel(made.id).is_active


def test_a_secret_that_cannot_be_opened_is_seen_and_breaks_nothing(settings):
    team = make_team()
    with receiving() as receiver:
        made = channel(team, receiver.url)
        spend(make_budget(team, 1000, now=now()), 800)
        settings.SECRET_KEY = "another key " * 5
        began = now()
        deliver_due(now=began)
        assert receiver.received == []
        assert selectors.get_channel(made.id).state == "secret_lost"
        (delivery,) = selectors.list_deliveries(channel_id=made.id)
        assert "make a new one" in delivery.attempts[0].error

        secret = services.rotate_secret(channel_id=made.id, actor="test", now=now())
        assert deliver_due(now=began + timedelta(minutes=1)) == 1
        Webhook(secret).verify(receiver.received[0].body, receiver.received[0].headers)


def test_a_slow_receiver_holds_up_nobody_else(monkeypatch):
    monkeypatch.setattr(deliveries, "TAKES_UP_SECONDS", 5.0)
    team = make_team()
    arrived = []

    def quick(handler, received):
        arrived.append(received)
        status(200)(handler, received)
        if len(arrived) == 6:
            slow.released.set()

    with receiving(lambda *_: slow.released.wait(10)) as slow, receiving(quick) as good:
        channel(team, slow.url, name="slow")
        for name in "abcd":  # more for the slow one than there are threads, and before anything for the other
            spend(make_budget(team, 1000, name=name, now=now()), 960, f"work:{name}")
        fan_out(now=now())
        channel(team, good.url, name="good")
        for name in "ef":
            spend(make_budget(team, 1000, name=name, now=now()), 960, f"work:{name}")
        # The slow one lets go only when all that the other should hear has come there.
        deliver_due(now=now())

        assert len({each.id for each in good.received}) == 6
        assert len(slow.received) >= 2


def test_neither_the_receivers_of_one_organisation_nor_mail_take_all_threads():
    teams = {name: make_team(name) for name in ("first", "second")}
    for index in range(4):
        channel(teams["first"], f"https://hooks.example.org/{index}", name=f"hook {index}")
        channel(teams["first"], "ada@example.org", kind="email", name=f"mail {index}")
    channel(teams["second"], "https://hooks.example.org/second")
    for name in ("first", "second"):
        spend(make_budget(teams[name], 1000, now=now()), 960, f"work:{name}")
    fan_out(now=now())

    def claimed(most: int) -> Counter[tuple[str, str]]:
        parcels = deliveries._claim(most, now=now())
        whose = AlertChannel.objects.in_bulk({each.channel_id for each in parcels})
        return Counter((each.kind, whose[each.channel_id].team.name) for each in parcels)

    assert claimed(100) == {("webhook", "first"): 4, ("email", "first"): 4, ("webhook", "second"): 2}
    assert claimed(100) == {}


def test_a_channel_has_two_under_way_at_most():
    channel(team := make_team(), "https://hooks.example.org/")
    spend(make_budget(team, 1000, now=now()), 960)
    fan_out(now=now())

    assert [len(deliveries._claim(most, now=now())) for most in (1, 8, 8)] == [1, 1, 0]


def test_a_worker_that_died_leaves_a_lease_that_runs_out():
    team = make_team()
    with receiving() as receiver:
        channel(team, receiver.url)
        spend(make_budget(team, 1000, now=now()), 800)
        fan_out(now=now())
        began = now()
        (dead,) = deliveries._claim(8, now=began)
        assert deliver_due(now=began + LEASE / 2) == 0
        assert deliver_due(now=began + LEASE) == 1
        assert receiver.received[0].id == str(dead.delivery_id)


def test_a_worker_whose_lease_ran_out_has_no_say_about_failure_but_about_arrival():
    team = make_team()
    with receiving() as receiver:
        made = channel(team, receiver.url)
        spend(make_budget(team, 1000, now=now()), 800)
        fan_out(now=now())
        began = now()
        (late,) = deliveries._claim(8, now=began)
        (holder,) = deliveries._claim(8, now=began + LEASE)
        receiver.answer = status(500)
        failed = deliveries.send(late, now=began)
        deliveries.note(late, failed, now=began + LEASE)
        row = AlertDelivery.objects.get()
        assert (row.status, row.leased_until, row.fence) == ("waiting", began + 2 * LEASE, holder.fence)

        receiver.answer = status(200)
        deliveries.note(late, deliveries.send(late, now=began), now=began + LEASE)
        deliveries.note(holder, failed, now=began + LEASE)

    (delivery,) = selectors.list_deliveries(channel_id=made.id)
    assert (delivery.status, len(delivery.attempts)) == ("delivered", 3)


def test_a_channel_that_is_removed_meanwhile_takes_its_deliveries_along():
    team = make_team()
    made = channel(team, "ada@example.org", kind="email")
    spend(make_budget(team, 1000, now=now()), 800)
    fan_out(now=now())
    (parcel,) = deliveries._claim(8, now=now())
    services.remove_channel(channel_id=made.id, actor="test", now=now())

    assert not deliveries.note(parcel, deliveries.send(parcel, now=now()), now=now())
    assert DeliveryAttempt.objects.count() == 0


def test_an_overdraft_is_told_once_for_a_hold_and_a_forecast_once_for_a_percentage():
    team = make_team()
    channel(team, "ada@example.org", kind="email")
    budget = make_budget(team, 1000, name="Flood desk", now=now())
    hold = spend(budget, 100)
    row = Budget.objects.get(pk=budget)
    out_at = now() + timedelta(hours=3)
    for _ in range(2):
        note_overdraft(hold_id=hold, budget=row, steps=40, now=now())
    told = [
        note_forecast(budget=row, percent=100, facts={"runs_out_at": out_at.isoformat()}, now=now()) for _ in range(2)
    ]
    deliver_due(now=now())

    assert told == [True, False]
    assert sorted(message.subject for message in mail.outbox) == [
        "Commonwatt: Flood desk is forecast to pass 100 % of its limit before its period ends",
        "Commonwatt: Flood desk was overdrawn by 40 tokens",
    ]
    overdraft, forecast = sorted(
        selectors.list_budget_alerts(team_ids=None), key=lambda alert: alert.kind == "forecast"
    )
    assert (overdraft.amount, overdraft.hold_id, overdraft.percent) == (40, hold, None)
    assert (forecast.percent, forecast.runs_out_at, forecast.amount) == (100, out_at, None)


def test_what_somebody_else_was_quicker_to_record_does_not_end_the_transaction(monkeypatch):
    monkeypatch.setattr(alerting, "_known", lambda _alerts: set())
    row = Budget.objects.get(pk=make_budget(make_team(), 1000, now=now()))
    with transaction.atomic():
        for _ in range(2):
            note_forecast(budget=row, percent=100, facts={}, now=now())
        assert BudgetAlert.objects.count() == 1


def test_an_absolute_amount_is_told_once_a_period():
    team = make_team()
    budget = make_budget(team, 1000, now=now())
    Budget.objects.filter(pk=budget).update(warning_amounts=[150, 700])
    spend(budget, 160, "work:1")
    spend(budget, 10, "work:2")

    (alert,) = selectors.list_budget_alerts(team_ids=None)
    assert (alert.kind, alert.amount, alert.percent) == ("amount", 150, None)


def test_a_crowd_of_alerts_asks_once_for_delivery_and_what_asks_is_the_task(monkeypatch):
    cache.clear()
    asked = []
    monkeypatch.setattr(tasks.deliver_alerts, "apply_async", lambda **how: asked.append(how))
    team = make_team()
    channel(team, "ada@example.org", kind="email")
    for name in "abc":
        spend(make_budget(team, 1000, name=name, now=now()), 800, f"work:{name}")
    assert asked == [{"countdown": 1, "expires": 60}]

    tasks.deliver_alerts(from_a_newer_version=True)
    assert len(mail.outbox) == 3


def test_the_backlog_says_how_much_and_since_when():
    team = make_team()
    channel(team, "ada@example.org", kind="email")
    began = now()
    spend(make_budget(team, 1000, now=began), 800)
    backlog = selectors.get_backlog(now=now())
    assert (backlog.not_fanned_out, backlog.waiting) == (1, 0)
    assert backlog.overdue_since == backlog.oldest_waiting_at >= began
    fan_out(now=now())
    assert selectors.get_backlog(now=now()).waiting == 1
    deliver_due(now=now())

    empty = selectors.get_backlog(now=now())
    assert (empty.not_fanned_out, empty.waiting, empty.failed) == (0, 0, 0)
    assert (empty.oldest_waiting_at, empty.overdue_since) == (None, None)


def test_deliveries_are_forgotten_90_days_after_they_were_made_and_not_sent_again():
    team = make_team()
    channel(team, "ada@example.org", kind="email")
    began = now()
    spend(make_budget(team, 1000, now=began), 800)
    deliver_due(now=began)
    (over,) = selectors.list_deliveries()
    channel(team, "ada@example.org", kind="email", name="waits")
    spend(make_budget(team, 1000, name="other", now=began), 800, "work:2")
    fan_out(now=began)
    waiting = {each.id for each in selectors.list_deliveries(status="waiting")}
    assert forget_deliveries(now=began + timedelta(days=89)) == 0
    assert forget_deliveries(now=began + timedelta(days=91)) == 1

    assert {each.id for each in selectors.list_deliveries()} == waiting
    assert over.id not in waiting
    assert DeliveryAttempt.objects.count() == 0
    assert BudgetAlert.objects.count() == 2
    assert fan_out(now=began + timedelta(days=91)) == 0


def test_forgetting_goes_on_until_nothing_old_is_left(monkeypatch):
    monkeypatch.setattr("budgets.services.forgetting.BATCH", 2)
    team = make_team()
    made = channel(team, "ada@example.org", kind="email")
    for _ in range(5):
        services.send_test(channel_id=made.id, actor="test", now=now() - timedelta(days=91))
    tasks.forget_deliveries()

    assert selectors.list_deliveries() == []


def test_nothing_secret_is_stored_in_the_clear():
    team = make_team()
    made = channel(team, "https://93.184.215.14/hook")
    row = AlertChannel.objects.get(pk=made.id)
    history = AlertChannel.history.filter(id=made.id).values()

    assert made.secret not in json.dumps([row.sealed_secret, [str(each) for each in history]])
    assert row.sealed_secret
