"""Several processes and threads at one source, and one that is killed in the middle of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from django.db import connection, connections

from climate.models import CarbonReading, DataSource, GridZone
from climate.services.collect import collect_if_due, collect_source
from climate.services.collect.state import LEASE
from config.kernel.errors import StillRunning
from tests.integration.climate.collect.toy import NOW, readings, row, toy_world
from tests.servers.commonwatt import ROOT, all_at_once

GOOD = readings(*(row(hours, 300.0 + hours) for hours in range(20)))
RUNS = 8


@pytest.fixture
def racing_toy(transactional_db, monkeypatch, settings, waited):
    """Committed rows, so that other connections see them."""
    GridZone.objects.create(code="DE", name="DE")
    with toy_world(monkeypatch, settings) as world:
        yield world


def _in_thread(call):
    try:
        return call()
    except StillRunning:
        return "refused"
    finally:
        connections.close_all()


@pytest.mark.parametrize("_round", range(3))
def test_of_many_runs_at_once_one_asks_and_the_others_are_refused(racing_toy, _round):
    racing_toy.provider.replies(replace(GOOD, wait_seconds=0.2))

    done = all_at_once([lambda: _in_thread(lambda: collect_source(name="toy", now=NOW))] * RUNS)

    assert done.count("refused") == RUNS - 1
    assert len(racing_toy.provider.asked) == 1
    assert len(racing_toy.stored()) == 20
    assert racing_toy.source.requests_in_hour == 1


def test_of_many_orders_of_the_schedule_one_is_carried_out(racing_toy):
    racing_toy.provider.replies(GOOD)

    done = all_at_once([lambda: _in_thread(lambda: collect_if_due(name="toy", now=NOW))] * RUNS)

    assert sum(each not in (None, "refused") for each in done) == 1
    assert len(racing_toy.provider.asked) == 1


def test_a_run_that_comes_back_from_the_dead_changes_nothing(racing_toy):
    """The first run is slow; its lease runs out, and a second one stores newer values before the first is done."""
    go_on = threading.Event()
    old = readings(row(0, 111.0), wait=go_on)
    new = readings(row(0, 222.0))
    racing_toy.provider.answer = lambda asked: old if len(racing_toy.provider.asked) == 1 else new
    results: list[object] = []
    slow = threading.Thread(target=lambda: results.append(_in_thread(lambda: collect_source(name="toy", now=NOW))))
    with pytest.MonkeyPatch.context() as patch:
        from climate.services.collect import ask

        patch.setattr(ask, "LIMITS", replace(ask.LIMITS, read_seconds=20.0, answer_seconds=20.0))
        slow.start()
        _until(lambda: len(racing_toy.provider.asked) == 1)
        collect_source(name="toy", now=NOW + LEASE)
        go_on.set()
        slow.join(30)

    assert results == ["refused"]
    assert list(racing_toy.stored().values()) == [222.0]
    assert racing_toy.source.last_attempt_at == NOW + LEASE


KILLED = """
import sys
import django
django.setup()
from datetime import datetime
from django.conf import settings
from climate.connectors.registry import CONNECTORS
from climate.domain.providers import PROVIDERS
from climate.services.collect import collect_source
from config.environment import SourceSettings
from tests.integration.climate.collect.toy import CONNECTOR, NOW, PROVIDER
CONNECTORS["toy"], PROVIDERS["toy"] = CONNECTOR, PROVIDER
settings.CLIMATE_SOURCES["toy"] = SourceSettings(url=sys.argv[1])
settings.DATABASES["default"]["NAME"] = sys.argv[2]
collect_source(name="toy", now=NOW)
"""


def _process(url: str) -> subprocess.Popen[bytes]:
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(ROOT)}
    name = str(connection.settings_dict["NAME"])
    return subprocess.Popen([sys.executable, "-c", KILLED, url, name], env=env, cwd=ROOT)


def _until(holds, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        threading.Event().wait(0.02)


@pytest.mark.parametrize("when", ["while the source is silent", "in the middle of its answer"])
def test_a_run_that_is_killed_leaves_nothing_behind_and_the_next_one_works(racing_toy, when):
    slow = replace(GOOD, wait=threading.Event()) if "silent" in when else replace(GOOD, drip_seconds=0.05)
    racing_toy.provider.answer = lambda asked: slow if len(racing_toy.provider.asked) == 1 else GOOD
    process = _process(racing_toy.provider.url)
    _until(lambda: racing_toy.provider.asked or process.poll() is not None)
    threading.Event().wait(0.2)
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL

    assert not CarbonReading.objects.exists()
    assert racing_toy.source.state == DataSource.State.NEVER
    assert racing_toy.state().is_running
    with pytest.raises(StillRunning):
        collect_source(name="toy", now=NOW)
    assert collect_source(name="toy", now=NOW + LEASE).new == 20


def test_several_processes_store_nothing_twice(racing_toy):
    racing_toy.provider.replies(replace(GOOD, wait_seconds=0.2))
    processes = [_process(racing_toy.provider.url) for _ in range(3)]
    for process in processes:
        process.wait(60)

    assert 1 <= len(racing_toy.provider.asked) <= 3
    assert len(racing_toy.stored()) == 20
    assert racing_toy.source.requests_in_hour == len(racing_toy.provider.asked)
