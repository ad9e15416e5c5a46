"""The client of LangGraph's agents: what it sends again, and what it does not take for an answer."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from commonwatt_langgraph import CommonwattError, CommonwattSaver, StaleParent, client
from langgraph.checkpoint.base import empty_checkpoint

THREAD = {"configurable": {"thread_id": "desk/7 %?", "checkpoint_ns": ""}}
EMPTY_PAGE = {"next": None, "previous": None, "results": [], "blobs": []}


class Server(httpx.MockTransport):
    """Answers one after another; `asked` are the requests. An exception is raised in place of an answer."""

    def __init__(self, *answers: httpx.Response | Exception):
        self.asked: list[httpx.Request] = []
        self._answers = list(answers)
        super().__init__(self._next)

    def _next(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def rests(monkeypatch):
    """Rests are noted, not taken."""
    taken: list[float] = []

    async def note(seconds: float) -> None:
        taken.append(seconds)

    monkeypatch.setattr(client.time, "sleep", taken.append)
    monkeypatch.setattr(client.asyncio, "sleep", note)
    return taken


def saver_on(server: Server, **changes) -> CommonwattSaver:
    return CommonwattSaver("http://commonwatt", "cw_x", transport=server, async_transport=server, **changes)


def missing(field: str) -> httpx.Response:
    return httpx.Response(404, json={"code": "not_found", "errors": [{"field": field, "code": "not_found"}]})


def put(saver: CommonwattSaver) -> None:
    saver.put(THREAD, empty_checkpoint(), {"source": "input", "step": -1}, {})


def test_a_request_is_sent_again_where_no_server_answered_or_a_busy_one(rests):
    busy = httpx.Response(503, headers={"Retry-After": "3"}, json={})
    server = Server(httpx.ConnectError("no"), busy, httpx.Response(200, json={"seq": 2}))
    put(saver_on(server))
    assert [request.method for request in server.asked] == ["PUT"] * 3
    assert rests == [0.1, 3.0]
    assert server.asked[0].content == server.asked[2].content


def test_after_four_tries_the_caller_is_told(rests):
    server = Server(*[httpx.Response(429, json={"detail": "slowly"})] * 4)
    with pytest.raises(CommonwattError, match="429: slowly"):
        put(saver_on(server))
    assert (len(server.asked), len(rests)) == (4, 3)
    down = Server(*[httpx.ReadTimeout("late")] * 4)
    with pytest.raises(httpx.ReadTimeout):
        asyncio.run(saver_on(down).aget_tuple(THREAD))
    assert len(down.asked) == 4


@pytest.mark.parametrize("field", ["thread_id", "checkpoint_id"])
def test_a_thread_or_checkpoint_that_is_not_there_is_none(field):
    assert saver_on(Server(missing(field))).get_tuple(THREAD) is None


def test_a_page_that_is_not_there_is_no_answer_about_a_thread():
    with pytest.raises(CommonwattError):
        saver_on(Server(httpx.Response(404, text="<h1>Not found</h1>"))).get_tuple(THREAD)
    with pytest.raises(CommonwattError):
        put(saver_on(Server(missing("thread_id"))))


def test_a_fork_is_refused_by_name_where_that_is_asked_for():
    refusal = httpx.Response(409, json={"code": "stale_parent", "detail": "later", "latest_id": "1f"})
    server = Server(refusal)
    with pytest.raises(StaleParent) as refused:
        put(saver_on(server, refuse_forks=True))
    assert (refused.value.code, refused.value.problem["latest_id"]) == ("stale_parent", "1f")
    assert b'"follows":true' in server.asked[0].content.replace(b" ", b"")


def test_the_name_of_a_thread_may_hold_any_character():
    server = Server(httpx.Response(200, json=EMPTY_PAGE))
    assert list(saver_on(server).list(THREAD)) == []
    assert server.asked[0].url.raw_path.startswith(b"/api/v1/threads/desk%252F7%2520%2525%253F/checkpoints/?")


def test_many_runs_are_removed_in_several_requests():
    server = Server(*[httpx.Response(200, json={"checkpoints": 0}) for _ in range(3)])
    saver_on(server).delete_for_runs([f"run-{number}" for number in range(120)])
    assert [len(request.url.params.get_list("run_id")) for request in server.asked] == [50, 50, 20]


def test_an_unknown_strategy_or_a_single_name_is_refused_before_anything_is_sent():
    server = Server()
    with pytest.raises(ValueError, match="strategy"):
        saver_on(server).prune(["a"], strategy="some")
    with pytest.raises(TypeError):
        saver_on(server).prune("thread")
    assert server.asked == []


def test_without_a_limit_or_with_none_left_no_page_is_read_in_vain():
    assert list(saver_on(Server()).list(THREAD, limit=0)) == []
