"""Many who settle, several who deliver, and one who is killed: each crossing is one event."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from standardwebhooks import Webhook

from budgets import selectors, services
from budgets.domain.units import Amounts
from budgets.models import AlertDelivery, BudgetAlert
from budgets.services.deliveries import LEASE, deliver_due
from tests.integration.budgets.receiver import receiving, status
from tests.integration.world import make_budget, make_team
from tests.servers.commonwatt import ROOT, environment

SETTLEMENTS = 200
EACH = Amounts(tokens=5, carbon_ug=0, micro_usd=0)
LIMIT = 1000
"""200 times 5: the last settlement fills it."""


def in_threads(work, arguments, threads: int):
    def run(argument):
        try:
            return work(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, arguments))


@pytest.mark.django_db(transaction=True)
def test_of_200_concurrent_settlements_each_crossing_is_one_alert_and_one_webhook(settings):
    settings.WEBHOOK_PRIVATE_HOSTS = ["127.0.0.1"]
    services.load_reference(now=timezone.now())
    team = make_team()
    now = timezone.now()
    top = make_budget(team, LIMIT, name="top", now=now)
    leaf = make_budget(team, LIMIT, name="leaf", parent_id=top, now=now)
    done = threading.Event()

    def settle(index: int) -> None:
        whole = {"reference": f"work:{index}", "lease_expires_at": now + timedelta(hours=1), "actor": "test"}
        hold = services.place_hold(budget_id=leaf, amounts=EACH, now=now, **whole)
        services.settle_hold(hold_id=hold.hold_id, amounts=EACH, actor="test", now=now)

    def deliver(_worker: int) -> None:
        while not done.is_set():
            deliver_due(now=timezone.now())
            done.wait(0.02)
        deliver_due(now=timezone.now())

    with receiving() as receiver:
        secret = make_pager(team, receiver.url, budgets=0)
        with ThreadPoolExecutor(1) as aside:
            workers = aside.submit(in_threads, deliver, range(2), 2)
            try:
                in_threads(settle, range(SETTLEMENTS), 16)
            finally:
                done.set()
            workers.result()
        told = [Webhook(secret).verify(each.body, each.headers)["data"] for each in receiver.received]

    levels = Counter(BudgetAlert.objects.values_list("budget_id", "level"))
    assert levels == {(budget, level): 1 for budget in (top, leaf) for level in (75, 85, 95)}
    assert Counter((each["name"], each["percent"]) for each in told) == {
        (name, level): 1 for name in ("top", "leaf") for level in (75, 85, 95)
    }
    assert len({each.id for each in receiver.received}) == len(receiver.received) == 6
    assert AlertDelivery.objects.exclude(status="delivered").count() == 0
    assert selectors.list_ledger_differences() == []


def make_pager(team, url: str, *, budgets: int) -> str:
    """A webhook, and budgets that have passed their first threshold; the secret."""
    now = timezone.now()
    whose = {"organisation_id": team.organisation_id, "team_id": None}
    made = services.create_channel(name="pager", kind="webhook", address=url, actor="test", now=now, **whose)
    for index in range(budgets):
        services.place_hold(
            budget_id=make_budget(team, 100, name=str(index), now=now),
            amounts=Amounts(tokens=80, carbon_ug=0, micro_usd=0),
            reference=f"work:pager-{index}",
            lease_expires_at=now + timedelta(hours=1),
            actor="test",
            now=now,
        )
    return made.secret


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_sends_each(settings):
    settings.WEBHOOK_PRIVATE_HOSTS = ["127.0.0.1"]
    with receiving() as receiver:
        make_pager(make_team(), receiver.url, budgets=20)
        arrived = in_threads(lambda _: deliver_due(now=timezone.now()), range(4), 4)
        ids = [each.id for each in receiver.received]

    assert sum(arrived) == 20
    assert len(ids) == len(set(ids)) == 20


def database_url() -> str:
    """The database of this test, as another process may open it."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    url = os.environ["DATABASE_URL"]
    return url[: url.rindex("/") + 1] + str(name)


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_worker_sent_and_did_not_note_is_sent_again_with_the_same_id(settings, tmp_path):
    """The receiver kills the process that sends before it answers."""
    settings.WEBHOOK_PRIVATE_HOSTS = ["127.0.0.1"]
    began = timezone.now()
    with receiving() as receiver:
        make_pager(make_team(), receiver.url, budgets=1)
        env = environment(
            tmp_path,
            DATABASE_URL=database_url(),
            SECRET_KEY=settings.SECRET_KEY,
            WEBHOOK_PRIVATE_HOSTS="127.0.0.1",
            PYTHONPATH=str(ROOT),
        )
        command = [sys.executable, "-m", "tests.integration.budgets.delivering"]
        worker = subprocess.Popen(command, env=env, cwd=ROOT)
        receiver.answer = lambda *_: os.kill(worker.pid, signal.SIGKILL)
        assert worker.wait(60) == -signal.SIGKILL

        (left,) = selectors.list_deliveries()
        assert (left.status, left.attempts, len(receiver.received)) == ("waiting", (), 1)
        receiver.answer = status(200)
        assert deliver_due(now=began) == 0  # its lease lasts
        assert deliver_due(now=timezone.now() + LEASE) == 1

    first, second = receiver.received
    assert first.id == second.id == str(left.id)
    assert first.body == second.body
