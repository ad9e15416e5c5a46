"""One breaker and many processes: nothing is lost, it opens once, one of them gets the try."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

import pytest

from sessions_app.domain.gateway.breaker import Outcome
from sessions_app.domain.gateway.deployments import BreakerState
from sessions_app.domain.gateway.wire import Fault
from sessions_app.models import BreakerEvent, Deployment
from sessions_app.selectors.gateway.deployments import list_health
from sessions_app.services.gateway import health
from tests.integration.processes import in_processes
from tests.integration.world import NOW, load_world

pytestmark = pytest.mark.django_db(transaction=True)
PROCESSES, CALLS = 8, 10
LATER = NOW + timedelta(seconds=20)


@pytest.fixture
def where() -> int:
    load_world()
    return Deployment.objects.get(name="echo-stockholm").pk


def test_every_outcome_of_all_processes_is_counted_and_the_breaker_opens_once(where: int) -> None:
    in_processes([partial(_note, where, Fault.TIMEOUT)] * PROCESSES)

    found = list_health()[where]
    assert (found.state, found.window_failures) == (BreakerState.OPEN, PROCESSES * CALLS)
    assert (found.consecutive_failures, found.times_opened) == (PROCESSES * CALLS, 1)
    assert BreakerEvent.objects.count() == 1


def test_one_of_all_processes_gets_the_try_and_its_answer_closes_the_breaker_once(where: int) -> None:
    health.note_outcomes([Outcome(deployment_id=where, fault=Fault.CUT)] * 5, now=NOW)

    allowed = in_processes([partial(_try_several_times, where)] * PROCESSES)

    assert sorted(sum(each) for each in allowed) == [0] * (PROCESSES - 1) + [1]
    in_processes([partial(_note, where, None, now=LATER)] * PROCESSES)
    assert list_health()[where].state is BreakerState.CLOSED
    assert [each.became for each in BreakerEvent.objects.order_by("id")] == ["open", "half_open", "closed"]


def test_processes_that_name_two_deployments_in_opposite_order_do_not_undo_each_other(where: int) -> None:
    other = Deployment.objects.get(name="echo-virginia").pk

    in_processes([partial(_note_both, *pair) for pair in [(where, other), (other, where)] * 3])

    assert {each.window_failures for each in list_health().values()} == {6 * CALLS}


def _note(where: int, fault: Fault | None, now: datetime = NOW) -> None:
    for _ in range(CALLS):
        health.note_outcomes([Outcome(deployment_id=where, fault=fault, began_at=now)], now=now)
    health.flush_outcomes(now=now)


def _note_both(first: int, second: int) -> None:
    for _ in range(CALLS):
        health.note_outcomes([Outcome(deployment_id=each, fault=Fault.TIMEOUT) for each in (first, second)], now=NOW)


def _try_several_times(where: int) -> list[bool]:
    return [health.may_try(where, now=LATER) for _ in range(3)]
