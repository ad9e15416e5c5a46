"""The quick door of reservations answers as the ordinary one does, and passes on what is not plain."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import structlog
from asgiref.sync import async_to_sync
from django.db import OperationalError, connections
from structlog.testing import capture_logs

from accounts.models import ApiKey
from accounts.services.keys import revoke_api_key
from budgets import services
from budgets.api import quick
from budgets.api.quick import QuickReserve
from budgets.models import Budget, Hold
from budgets.selectors import list_ledger_differences
from budgets.services.holds import collecting
from config.asgi import ordinary
from tests.integration.world import NOW, make_budget, make_team

pytestmark = pytest.mark.django_db(transaction=True)


class Door:
    """The quick door before the real ordinary one, which counts what is passed on."""

    def __init__(self, team, *, is_within_rate: bool = True):
        self.team = team
        self.passed_on = 0
        self.is_within_rate = is_within_rate
        self.counted: list[int] = []
        self.quick = QuickReserve(
            self._ordinary, may_pass=self._may_pass, take_back=lambda _who, count: self.counted.append(-count)
        )

    def _may_pass(self, _who: str, count: int) -> bool:
        self.counted.append(count)
        return self.is_within_rate

    async def _ordinary(self, scope, receive, send):
        self.passed_on += 1
        await ordinary(scope, receive, send)

    async def _post(self, budget_id, content: bytes, **headers: str) -> tuple[int, dict[str, str], Any]:
        usual = {
            "host": "testserver",
            "authorization": f"Bearer {self.team.secret}",
            "content-type": "application/json",
        }
        named = {**usual, "content-length": str(len(content)), **{k.replace("_", "-"): v for k, v in headers.items()}}
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": f"/api/v1/budgets/{budget_id}/reserve/",
            "raw_path": b"",
            "root_path": "",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
            "client": ("127.0.0.1", 1),
            "server": ("testserver", 80),
        }
        sent: list[Any] = []
        waiting = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive():
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        await self.quick(scope, receive, send)
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], found, json.loads(content) if "json" in found["content-type"] else content

    def post(self, budget_id, body, **headers):
        """One request; then connections of the threads that answered it are parted from."""
        return self.all_at_once([(budget_id, body, headers)])[0]

    def all_at_once(self, asks):
        """Answers to several requests that are under way together."""

        async def together():
            contents = [
                (at, body if isinstance(body, bytes) else json.dumps(body).encode(), of) for at, body, of in asks
            ]
            return await asyncio.gather(*(self._post(at, content, **of) for at, content, of in contents))

        return async_to_sync(together)()


@pytest.fixture
def team():
    services.load_reference(now=NOW)
    return make_team()


@pytest.fixture
def door(team):
    yield Door(team)
    connections.close_all()


def test_once_a_key_and_a_budget_are_known_plain_asks_are_answered_here_just_as_there(team, door):
    budget = make_budget(team, 1000)
    status, headers, body = door.post(budget, {"amount": 100})
    quick_status, quick_headers, quick_body = door.post(budget, {"amount": 100})
    assert (status, quick_status, door.passed_on) == (201, 201, 1)
    assert quick_headers.keys() == headers.keys()
    differs = {"x-request-id", "content-length"}
    assert {k: v for k, v in quick_headers.items() if k not in differs} == {
        k: v for k, v in headers.items() if k not in differs
    }
    assert quick_body.keys() == body.keys()
    assert {k: v for k, v in quick_body.items() if k not in ("hold", "expires_at", "gear")} == {
        k: v for k, v in body.items() if k not in ("hold", "expires_at", "gear")
    }
    assert Budget.objects.get(pk=budget).reserved == 200


def test_it_warns_and_keeps_the_callers_request_id(team, door):
    budget = make_budget(team, 1000)
    door.post(budget, {"amount": 1})
    status, headers, body = door.post(budget, {"amount": 800}, x_request_id="mine-1")
    assert (status, headers["x-budget-warning"], body["warning"], headers["x-request-id"]) == (201, "75", 75, "mine-1")
    assert door.passed_on == 1


NOT_PLAIN: list[tuple[Any, dict[str, str], int]] = [
    ({"amount": 10**6}, {}, 402),
    ({"amount": 0}, {}, 422),
    ({"amount": 1, "colour": "green"}, {}, 422),
    ({"amount": 1, "lease_seconds": 5}, {}, 422),
    (b"{", {}, 400),
    ({"amount": 1}, {"authorization": "Bearer cw_" + "x" * 43}, 401),
    ({"amount": 1}, {"content_type": "text/plain"}, 415),
    ({"amount": 1}, {"accept": "text/html"}, 406),
    ({"amount": 1}, {"host": "elsewhere.example"}, 400),
]


def test_whatever_is_not_plain_is_answered_by_the_ordinary_door_and_takes_nothing(team, door):
    budget = make_budget(team, 1000)
    door.post(budget, {"amount": 1})
    for passed_on, (body, headers, status) in enumerate(NOT_PLAIN, start=2):
        assert door.post(budget, body, **headers)[0] == status
        assert door.passed_on == passed_on, (body, headers)
    assert Budget.objects.get(pk=budget).reserved == 1


def test_a_revoked_key_is_refused_at_once_by_the_process_that_revokes_it(team, door):
    budget = make_budget(team, 1000)
    door.post(budget, {"amount": 1})
    revoke_api_key(key_id=ApiKey.objects.get(team=team.team_id).pk, now=NOW)
    assert door.post(budget, {"amount": 1})[0] == 401
    assert Budget.objects.get(pk=budget).reserved == 1


@pytest.mark.parametrize("what", ["team", "organisation", "expiry", "scopes"])
def test_a_key_that_may_no_longer_spend_is_refused_at_once(team, door, what):
    budget = make_budget(team, 1000)
    door.post(budget, {"amount": 1})
    key = ApiKey.objects.select_related("team__organisation").get(team=team.team_id)
    if what == "expiry":
        key.expires_at = NOW
    elif what == "scopes":
        key.scopes = ["budgets:read"]
    else:
        (key.team if what == "team" else key.team.organisation).is_active = False
    for each in (key, key.team, key.team.organisation):
        each.save()
    assert door.post(budget, {"amount": 1})[0] == (403 if what == "scopes" else 401)
    assert Budget.objects.get(pk=budget).reserved == 1


def test_who_is_beyond_the_rate_is_left_to_the_ordinary_door(team):
    door = Door(team, is_within_rate=False)
    budget = make_budget(team, 1000)
    door.post(budget, {"amount": 1})
    door.post(budget, {"amount": 1})
    assert (door.counted, door.passed_on) == ([1], 2)
    connections.close_all()


def test_what_is_passed_on_is_counted_where_it_is_answered(team, door):
    budget = make_budget(team, 1000)
    door.post(budget, {"amount": 1})
    assert door.post(budget, {"amount": 1})[0] == 201
    assert door.post(budget, {"amount": 5000})[0] == 402
    assert door.counted == [1, 1, -1]


NOT_UTF8 = '{"amount": 1}'.encode
UNREADABLE = [NOT_UTF8("utf-16"), NOT_UTF8("utf-16-le"), NOT_UTF8("utf-8-sig"), b'{"amount": NaN, "amount": 1}']


@pytest.mark.parametrize("content", UNREADABLE)
def test_a_body_is_read_as_the_ordinary_door_reads_it(team, door, content):
    budget = make_budget(team, 1000)
    door.post(budget, {"amount": 1})
    assert door.post(budget, content)[0] == 400
    assert Budget.objects.get(pk=budget).reserved == 1


def test_a_ledger_that_does_not_answer_is_said_like_everything_else_and_forgotten_when_it_does(team, door, monkeypatch):
    def gone(_asks):
        raise OperationalError("the server closed the connection unexpectedly")

    budget = make_budget(team, 1000)
    _, usual, _ = door.post(budget, {"amount": 1})
    with monkeypatch.context() as patched:
        patched.setattr(collecting, "admit_shared", gone)
        status, headers, body = door.post(budget, {"amount": 1}, x_request_id="mine-2")
    assert (status, body["status"], body["code"], door.passed_on) == (503, 503, "unavailable", 1)
    assert headers.keys() == {*usual, "retry-after"}
    assert (headers["content-type"], headers["x-request-id"]) == ("application/problem+json", "mine-2")
    assert Budget.objects.get(pk=budget).reserved == 1
    assert door.post(budget, {"amount": 1})[0] == 201


def test_its_line_in_the_log_says_what_the_ordinary_one_says(team, door):
    budget = make_budget(team, 1000)
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        door.post(budget, {"amount": 1}, x_request_id="mine-3", x_forwarded_for="203.0.113.7")
        door.post(budget, {"amount": 1}, x_request_id="mine-3", x_forwarded_for="203.0.113.7")
    ordinary_line, quick_line = (line for line in lines if line["event"] == "request_finished")
    assert door.passed_on == 1
    assert quick_line == {**ordinary_line, "request": quick_line["request"]}
    assert quick_line["request"] == f"POST /api/v1/budgets/{budget}/reserve/"


def test_callers_cannot_crowd_each_other_out_of_it(team, door, monkeypatch):
    monkeypatch.setattr(quick, "MOST_ORIGINS", 2)
    budget = make_budget(team, 1000)
    for number in range(5):
        assert door.post(budget, {"amount": 1}, referer=f"https://example.org/{number}")[0] == 201
    assert door.passed_on == 5
    for host in ("localhost", "127.0.0.1", "testserver", "testserver"):
        assert door.post(budget, {"amount": 1}, host=host)[0] == 201
    assert door.passed_on == 8


def test_a_storm_of_one_key_makes_one_hold_and_one_answer(team, door):
    budget = make_budget(team, 100_000)
    door.post(budget, {"amount": 1})
    answers = door.all_at_once([(budget, {"amount": 10}, {"idempotency_key": "storm"})] * 24)
    afterwards = door.post(budget, {"amount": 10}, idempotency_key="storm")
    answered = [body["hold"] for status, _, body in answers if status == 201]
    assert {status for status, _, _ in answers} <= {201, 409}
    assert answered
    assert set(answered) == {afterwards[2]["hold"]}
    assert afterwards[1]["idempotent-replayed"] == "true"
    assert Hold.objects.count() == 2
    assert Budget.objects.get(pk=budget).reserved == 11
    assert door.post(budget, {"amount": 11}, idempotency_key="storm")[0] == 422


def test_a_crowd_is_admitted_as_far_as_the_budget_goes(team, door):
    top = make_budget(team, 100)
    leaves = [make_budget(team, 1000, name=name, parent_id=top) for name in "ab"]
    for leaf in leaves:
        door.post(leaf, {"amount": 10})
    answers = door.all_at_once([(leaves[index % 2], {"amount": 10}, {}) for index in range(30)])
    assert sorted(status for status, _, _ in answers) == [201] * 8 + [402] * 22
    assert Budget.objects.get(pk=top).reserved == 100
    assert list_ledger_differences() == []
