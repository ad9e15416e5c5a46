"""The door of the gateway: what it answers, and what is stored, held and settled by then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.services.keys import create_api_key
from budgets.models import EstimateOutcome
from market.models import AllocationRequest, Decision
from sessions_app.api.gateway.answers import plain
from sessions_app.api.gateway.requests import Request
from sessions_app.models import GatewayCall
from tests.integration.sessions_app.gateway.wire import CHAT, EMBEDDINGS, HELLO, Wire, the_call, wired

pytestmark = pytest.mark.django_db(transaction=True)
Status = GatewayCall.Status


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wired() as made:
        yield made


def test_an_answer_is_sent_when_its_request_is_settled_and_says_what_it_cost(wire: Wire) -> None:
    answer = wire.post(HELLO)

    assert answer.status == 200, answer.content
    call = the_call()
    request = AllocationRequest.objects.get(pk=call.request_id)
    assert answer.body["choices"][0]["message"]["content"] == "one two three"
    assert answer.body["usage"]["completion_tokens"] == 3
    assert (call.status, call.usage_basis, request.status) == ("answered", "provider", "settled")
    assert wire.budget == (answer.body["usage"]["total_tokens"], 0)
    assert answer.headers["x-commonwatt-request"] == str(call.request_id)
    assert answer.headers["x-commonwatt-figures"] == "settled"
    assert answer.headers["x-commonwatt-region"] == Decision.objects.get(request=request).region_id
    assert int(answer.headers["x-commonwatt-budget-remaining"]) == 100_000 - wire.budget[0]
    assert answer.headers["x-commonwatt-max-tokens"] == str(call.max_output_tokens)
    assert wire.adds_up()


def test_a_stream_is_settled_before_its_end_is_sent(wire: Wire) -> None:
    answer = wire.post(HELLO | {"stream": True, "stream_options": {"include_usage": True}})

    *chunks, last, done = answer.events
    assert "".join(each["choices"][0]["delta"].get("content") or "" for each in chunks) == "one two three"
    assert (last["choices"], last["usage"]["completion_tokens"], done) == ([], 3, "[DONE]")
    assert {each["system_fingerprint"] for each in (*chunks, last)} == {"echo-no-model"}
    assert answer.headers["x-commonwatt-figures"] == "granted"
    assert wire.budget == (last["usage"]["total_tokens"], 0)
    assert the_call().status == Status.ANSWERED
    assert wire.adds_up()


def test_embeddings_come_as_numbers_or_packed_and_are_paid_by_their_input(wire: Wire) -> None:
    body = {"model": "echo-embedding", "input": ["grid", "wind"], "dimensions": 8}

    numbers = wire.post(body, EMBEDDINGS).body
    packed = wire.post(body | {"encoding_format": "base64"}, EMBEDDINGS).body

    assert [len(each["embedding"]) for each in numbers["data"]] == [8, 8]
    assert isinstance(packed["data"][0]["embedding"], str)
    assert wire.budget == (numbers["usage"]["total_tokens"] * 2, 0)


def test_a_text_and_its_tokens_are_embedded_alike(wire: Wire) -> None:
    as_text = wire.post({"model": "echo-embedding", "input": "hello world"}, EMBEDDINGS).body
    as_tokens = wire.post({"model": "echo-embedding", "input": [15339, 1917]}, EMBEDDINGS).body

    assert as_tokens["data"] == as_text["data"]
    assert as_tokens["usage"] == as_text["usage"]


def test_a_bound_of_the_callers_own_is_stated_so_that_work_which_it_cuts_teaches_no_estimate(wire: Wire) -> None:
    wire.post(HELLO | {"max_tokens": 2})
    request = AllocationRequest.objects.get()
    assert request.tokens_basis == "stated"
    assert "Tokens were estimated" not in request.decisions.get().explanation
    assert not EstimateOutcome.objects.filter(reference=f"request:{request.pk}").exists()


def test_what_max_tokens_asks_for_is_held_and_sent_and_a_longer_answer_is_cut(wire: Wire) -> None:
    answer = wire.post(HELLO | {"max_tokens": 2})

    assert answer.body["choices"][0]["finish_reason"] == "length"
    assert "x-commonwatt-max-tokens" not in answer.headers
    assert the_call().max_output_tokens == 2


def test_what_no_deployment_can_do_is_refused_and_nothing_is_stored(wire: Wire) -> None:
    for changes, param in (({"n": 2}, "n"), ({"max_tokens": 90_000}, "max_tokens"), ({"colour": "green"}, "colour")):
        answer = wire.post(HELLO | changes)
        assert (answer.status, answer.error["param"]) == (400, param), answer.error
    for header, value in (("x-commonwatt-purpose", "no_such"), ("x-commonwatt-agent", "planner")):
        assert wire.post(HELLO, **{header: value}).status == 400
    assert wire.post(b"{").error["code"] == "invalid_json"
    assert not GatewayCall.objects.exists()
    assert not AllocationRequest.objects.exists()


def test_callers_without_a_good_key_or_its_scope_are_refused(wire: Wire) -> None:
    _, reader = create_api_key(team_id=wire.team.team_id, name="reader", scopes=["requests:read"])

    assert wire.post(HELLO, authorization="").error["code"] == "missing_key"
    assert wire.post(HELLO, authorization="Bearer cw_" + "x" * 43).status == 401
    refused = wire.post(HELLO, authorization=f"Bearer {reader}")
    assert (refused.status, refused.error["code"]) == (403, "missing_scope")
    assert wire.get("/v1/models", authorization=f"Bearer {reader}").status == 200


def test_wrong_paths_methods_and_hosts_are_refused_in_the_envelope(wire: Wire) -> None:
    nothing, method = wire.get("/v1/nothing"), wire.get(CHAT)

    assert (nothing.status, method.status) == (404, 405)
    assert (method.headers["allow"], nothing.error["code"]) == ("POST", "unknown_url")
    assert nothing.error["message"].endswith("POST /v1/chat/completions, POST /v1/embeddings and GET /v1/models.")
    assert wire.post(HELLO, host="evil.example").status == 400
    assert wire.get("/v1x").status == 299
    assert wire.passed_on == ["/v1x"]


def test_a_small_figure_is_written_without_an_exponent() -> None:
    assert [plain(each) for each in (1.4e-05, 0.0, 12.3456789, 2e7)] == ["0.000014", "0", "12.3457", "20000000"]


def test_two_keys_are_no_key_and_reading_doors_allow_head(wire: Wire) -> None:
    assert wire.get("/v1/models", "DELETE").headers["allow"] == "GET, HEAD"
    assert wire.get(CHAT, "OPTIONS").headers["allow"] == "POST"
    bearer = [(b"Authorization", f"Bearer {wire.team.secret}".encode())] * 2
    request = Request(scope={"headers": bearer}, receive=None, send=None, view="")  # type: ignore[arg-type]
    assert request.headers == {"authorization": f"Bearer {wire.team.secret}, Bearer {wire.team.secret}"}


def test_a_caller_over_the_rate_is_told_when_to_come_again_and_holds_nothing(wire: Wire) -> None:
    wire.is_within_rate = False

    answer = wire.post(HELLO)

    assert (answer.status, answer.headers["retry-after"]) == (429, "5")
    assert wire.budget == (0, 0)
    assert wire.get("/v1/models").status == 429


def test_models_are_listed_with_where_they_run(wire: Wire) -> None:
    listed, one = wire.get("/v1/models").body, wire.get("/v1/models/echo").body

    assert {"auto", "echo", "echo-embedding"} <= {each["id"] for each in listed["data"]}
    assert (one["id"], one["is_echo"], len(one["deployments"])) == ("echo", True, 3)
    assert wire.get("/v1/models/nope").status == 404
    assert wire.post(HELLO | {"model": "nope"}).error["code"] == "model_not_found"


def test_what_a_budget_cannot_pay_is_refused_with_what_is_left_or_granted_less(wire: Wire) -> None:
    wire.new_budget(60)
    refused = wire.post(HELLO | {"max_tokens": 100})
    assert (refused.status, refused.error["remaining"]) == (402, 60)
    assert (the_call().status, the_call().error_code) == (Status.REFUSED, "budget_exhausted")
    assert AllocationRequest.objects.get(pk=the_call().request_id).status == "denied"
    assert wire.budget == (0, 0)

    less = wire.post(HELLO)
    assert int(less.headers["x-commonwatt-max-tokens"]) == 60 - less.body["usage"]["prompt_tokens"]

    wire.new_budget(20)  # less than the least output that is worth having
    assert wire.post(HELLO, idempotency_key="k-1").status == 402
    short = wire.post(HELLO, idempotency_key="k-1")
    assert (short.status, 20 < short.error["least_tokens"] < short.error["needed"]) == (402, True)
    assert wire.adds_up()


def test_of_a_burst_as_many_are_answered_as_the_budget_pays(wire: Wire) -> None:
    asked = HELLO | {"max_tokens": 3}
    cost = wire.post(asked).body["usage"]["total_tokens"]
    wire.new_budget(10 * cost)

    answers = wire.all_at_once([asked] * 40)

    assert sorted(each.status for each in answers) == [200] * 10 + [402] * 30
    assert wire.budget == (10 * cost, 0)
    assert wire.adds_up()


def test_the_same_key_replays_the_answer_and_refuses_another_body(wire: Wire) -> None:
    first, again = (wire.post(HELLO, idempotency_key="k-1") for _ in range(2))
    assert again.content == first.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-commonwatt-call"] == first.headers["x-commonwatt-call"]

    body = HELLO | {"stream": True}
    first, again = (wire.post(body, idempotency_key="k-2") for _ in range(2))
    assert _text(again) == _text(first) == "one two three"
    assert again.events[0]["system_fingerprint"] == first.events[0]["system_fingerprint"] == "echo-no-model"
    assert again.events[-1] == "[DONE]"

    other = wire.post(HELLO | {"max_tokens": 9}, idempotency_key="k-1")
    assert (other.status, other.error["code"]) == (422, "key_reused")
    assert GatewayCall.objects.count() == 2


def test_of_several_with_one_key_at_once_one_is_made_and_a_dead_one_gives_its_key_up(wire: Wire) -> None:
    answers = wire.all_at_once([HELLO] * 8, idempotency_key="k-1")
    assert {each.status for each in answers} <= {200, 409}
    assert all(each.headers["retry-after"] for each in answers if each.status == 409)
    assert GatewayCall.objects.count() == 1

    left = timezone.now() - timedelta(minutes=1)
    GatewayCall.objects.update(status=Status.RUNNING, answer=None, finished_at=None, lease_expires_at=left)
    assert wire.post(HELLO, idempotency_key="k-1").status == 200
    assert GatewayCall.objects.filter(idempotency_key="k-1").count() == 1
    assert wire.adds_up()


def test_nothing_of_the_text_is_stored_and_no_key_is_shown(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    wire.post(HELLO | {"messages": [{"role": "user", "content": "a very private matter"}]})

    rows = json.dumps([list(GatewayCall.objects.values_list()), list(Decision.objects.values_list())], default=str)
    assert "private matter" not in rows
    assert wire.team.secret not in rows + caplog.text


def test_a_process_without_an_event_loop_says_where_the_gateway_is(client: Client) -> None:
    for path in ("/v1", CHAT, "/v1/models"):
        answer = client.post(path, data="{}", content_type="application/json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "gateway_elsewhere")
        assert answer["Retry-After"] == "30"


def _text(answer: Any) -> str:
    chunks = [each for each in answer.events if each != "[DONE]" and each["choices"]]
    return "".join(each["choices"][0]["delta"].get("content") or "" for each in chunks)
