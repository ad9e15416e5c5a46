"""Chats that a council answers: where their words go, what is kept of what was asked, and who answers if it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from budgets.models import Budget
from market.models import AllocationRequest
from sessions_app.domain.gateway.wire import Reply, Usage
from sessions_app.models import GatewayCall, Round, RoundRun
from sessions_app.services.gateway import councils, lanes
from tests.integration.sessions_app.desk import open_desk
from tests.integration.sessions_app.gateway.test_rounds import QUESTION, Speakers
from tests.integration.sessions_app.gateway.wire import Answer, Wire, deployment, wired

pytestmark = pytest.mark.django_db(transaction=True)
ASK: dict[str, Any] = {"model": "wise", "messages": [{"role": "user", "content": QUESTION}]}
COUNCIL = {"x_commonwatt_mode": "council"}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
LONG = "The gauge at Sylhet rose by half a metre in the night. " * 200
SWEDEN, GERMANY = "in-sweden", "in-germany"


class Table(Speakers):
    """Speakers, and one model that is asked without a form; knows which deployment was asked what."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, Any]] = []

    async def chat(self, target: Any, ask: Any, *, max_output_tokens: int) -> Reply:
        self.sent.append((target.model, ask))
        if ask.messages[0]["role"] == "system":
            return await super().chat(target, ask, max_output_tokens=max_output_tokens)
        self.asked.append(("alone", max_output_tokens))
        message = {"role": "assistant", "content": "One model says yes."}
        usage = Usage(input_tokens=20, output_tokens=5)
        return Reply(choices=[{"index": 0, "message": message, "finish_reason": "stop"}], usage=usage)

    @property
    def places(self) -> set[str]:
        return {name for name, _ in self.sent}

    @property
    def who(self) -> list[str]:
        return sorted(name for name, _ in self.asked)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wired() as made:
        yield made


@pytest.fixture
def table(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Table:
    for name, region in ((SWEDEN, "aws-eu-north-1"), (GERMANY, "aws-eu-central-1")):
        sizes = {"context_window_tokens": 30_000, "max_output_tokens": 5_000}
        deployment(name, region, "wise", takes_inline_images=True, takes_json_schema=True, **sizes)
    return Table().plug_in(monkeypatch)  # type: ignore[return-value]


def by_triage(wire: Wire, body: dict[str, Any], **headers: str) -> Answer:
    """Ask where triage may choose, and is for a council: in a session of councils."""
    session_id = str(open_desk(wire.team, mode="council"))
    return wire.post(body, x_commonwatt_mode="auto", x_commonwatt_session=session_id, **headers)


def the_asked() -> GatewayCall:
    """The call itself, not those of agents."""
    return GatewayCall.objects.exclude(idempotency_key__startswith="round:").get()


COUNCIL_OF = ["analyst", "chair", "critic", "planner"]


def test_no_word_of_a_council_leaves_the_countries_that_its_caller_names(wire: Wire, table: Table) -> None:
    assert wire.post(ASK, **COUNCIL).status == 200
    assert table.places == {SWEDEN}, "the cleaner one, where nothing is said"
    table.sent.clear()
    known = set(AllocationRequest.objects.values_list("pk", flat=True))

    answer = wire.post(ASK, **COUNCIL, x_commonwatt_residency="DE", x_commonwatt_latency_class="regional")

    assert answer.status == 200, answer.content
    assert (len(table.sent), table.places) == (4, {GERMANY})
    decided = AllocationRequest.objects.exclude(pk__in=known)
    assert [(each.residency, each.latency_class) for each in decided] == [(["DE"], "regional")] * 4


def test_a_council_of_triage_keeps_to_the_countries_too(wire: Wire, table: Table) -> None:
    answer = by_triage(wire, ASK, x_commonwatt_residency="DE")
    assert (answer.status, table.who, table.places) == (200, COUNCIL_OF, {GERMANY}), answer.content


@pytest.mark.parametrize(
    "ask", [lambda wire, **named: wire.post(ASK, **COUNCIL, **named), lambda *a, **n: by_triage(a[0], ASK, **n)]
)
def test_where_nobody_serves_it_in_those_countries_it_is_refused_by_the_header(
    wire: Wire, table: Table, ask: Any
) -> None:
    refused = ask(wire, x_commonwatt_residency="FR")

    assert (refused.status, refused.error["param"]) == (400, "X-Commonwatt-Residency"), refused.error
    assert table.sent == []
    assert not RoundRun.objects.exists()
    assert wire.budget == (0, 0)


def test_where_only_the_echo_is_in_those_countries_it_answers_alone(wire: Wire, table: Table) -> None:
    deployment("echo-paris", "aws-eu-west-3", "wise", provider="echo", base_url="")
    answer = wire.post(ASK, **COUNCIL, x_commonwatt_residency="FR")
    assert (answer.status, answer.headers["x-commonwatt-fallback"]) == (200, "express"), answer.content
    assert answer.headers["x-commonwatt-deployment"] == "echo-paris"
    assert table.sent == []


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
UNKEPT = [
    ({"tools": [TOOL]}, "tools"),
    ({"n": 2}, "n"),
    ({"stop": "."}, "stop"),
    ({"seed": 7}, "seed"),
    ({"temperature": 0}, "temperature"),
    ({"reasoning_effort": "high"}, "reasoning_effort"),
    ({"response_format": {"type": "json_object"}}, "response_format"),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}}, "response_format"),
    ({"max_tokens": 601}, "max_tokens"),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": QUESTION}, IMAGE]}]},
        "messages[0].content[1]",
    ),
    ({"messages": [{"role": "user", "content": [IMAGE]}]}, "messages[0].content[0]"),
    ({"messages": [*ASK["messages"], {"role": "tool", "tool_call_id": "a", "content": "6 cm"}]}, "messages[1].role"),
    ({"messages": [{"role": "user", "content": " "}]}, "messages"),
]


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(("changes", "param"), UNKEPT)
def test_what_a_council_that_was_asked_for_cannot_keep_is_refused_by_its_name(
    wire: Wire, table: Table, changes: dict[str, Any], param: str, is_stream: bool
) -> None:
    refused = wire.post(ASK | changes | {"stream": is_stream}, **COUNCIL)

    assert (refused.status, refused.error["param"]) == (400, param), refused.content
    assert refused.error["code"] == "unsupported_by_council"
    assert table.sent == []
    assert not GatewayCall.objects.exists()


@pytest.mark.parametrize(("changes", "param"), UNKEPT[:-1])
def test_what_a_council_of_triage_cannot_keep_one_model_answers_and_keeps(
    wire: Wire, table: Table, changes: dict[str, Any], param: str
) -> None:
    answer = by_triage(wire, ASK | changes)

    assert (answer.status, answer.headers["x-commonwatt-fallback"], table.who) == (200, "express", ["alone"])
    (_, sent), call = table.sent[0], the_asked()
    assert all(
        sent.options.get(name) == value for name, value in changes.items() if name not in ("messages", "max_tokens")
    )
    assert list(sent.messages) == (ASK | changes)["messages"]
    assert table.asked[0][1] == changes.get("max_tokens", table.asked[0][1])
    assert (call.mode, call.triage["no_council"]) == ("express", f"'{param}' could not be kept")


def test_an_option_that_changes_nothing_is_in_no_councils_way(wire: Wire, table: Table) -> None:
    nothing = {"n": 1, "response_format": {"type": "text"}, "logprobs": False, "top_p": 1, "presence_penalty": 0}
    assert wire.post(ASK | nothing, **COUNCIL).status == 200
    assert table.who == COUNCIL_OF


def test_the_callers_bound_is_that_of_the_answer_that_was_chosen(wire: Wire, table: Table) -> None:
    whole, cut = wire.post(ASK, **COUNCIL), wire.post(ASK | {"max_tokens": 2}, **COUNCIL)

    told = [each.body["choices"][0] for each in (whole, cut)]
    assert [(each["message"]["content"], each["finish_reason"]) for each in told] == [
        ("Send it.", "stop"),
        ("Send it", "length"),
    ]
    assert whole.headers["x-commonwatt-max-tokens"] == "600"
    assert "x-commonwatt-max-tokens" not in cut.headers


def test_a_streamed_council_keeps_the_bound_and_says_what_a_whole_one_does(wire: Wire, table: Table) -> None:
    streamed = wire.post(ASK | {"max_tokens": 2, "stream": True}, **COUNCIL)

    *chunks, done = streamed.events
    assert "".join(each["choices"][0]["delta"].get("content") or "" for each in chunks) == "Send it"
    assert (chunks[-1]["choices"][0]["finish_reason"], done) == ("length", "[DONE]")
    assert streamed.headers["x-commonwatt-round"] == str(Round.objects.get().pk)
    assert int(streamed.headers["x-commonwatt-budget-remaining"]) == 100_000 - wire.budget[0]


def test_a_council_that_was_asked_for_says_that_the_question_was_shortened(wire: Wire, table: Table) -> None:
    body = ASK | {"messages": [{"role": "user", "content": f"{LONG}{QUESTION}"}]}

    long, short = wire.post(body, **COUNCIL), wire.post(ASK, **COUNCIL)

    assert (long.status, long.headers["x-commonwatt-shortened"]) == (200, "true"), long.content
    assert "x-commonwatt-shortened" not in short.headers
    asked = GatewayCall.objects.exclude(idempotency_key__startswith="round:").order_by("created_at")
    assert [each.triage.get("is_shortened") for each in asked] == [True, None]
    page = wire.team.client.get(f"/api/v1/gateway/calls/{long.headers['x-commonwatt-call']}/").json()
    assert page["triage"]["is_shortened"] is True


def test_a_replayed_council_says_again_that_it_was_shortened_and_names_its_round(wire: Wire, table: Table) -> None:
    body = ASK | {"messages": [{"role": "user", "content": f"{LONG}{QUESTION}"}]}
    first, again = (wire.post(body, **COUNCIL, idempotency_key="once") for _ in range(2))
    told = [(each.headers["x-commonwatt-shortened"], each.headers["x-commonwatt-round"]) for each in (first, again)]
    assert again.headers["idempotent-replayed"] == "true"
    assert told[0] == told[1]


def test_where_triage_chose_a_long_question_is_answered_whole_by_one_model(wire: Wire, table: Table) -> None:
    answer = by_triage(wire, ASK | {"messages": [{"role": "user", "content": f"{LONG}{QUESTION}"}]})

    assert (answer.status, answer.headers["x-commonwatt-fallback"], table.who) == (200, "express", ["alone"])
    assert "x-commonwatt-shortened" not in answer.headers
    assert table.sent[0][1].messages[0]["content"] == f"{LONG}{QUESTION}"
    assert the_asked().triage["no_council"] == "the question is too long for its agents"


def with_many_rounds(wire: Wire) -> str:
    session_id = open_desk(wire.team, mode="council")
    for number in range(20):
        named = {"topic": f"Matter {number}", "agents": ["a", "b"], "started_by": "test", "started_at": timezone.now()}
        Round.objects.create(session_id=session_id, **named)
    return str(session_id)


def test_a_session_that_can_hold_no_council_is_named_where_one_was_asked_for(wire: Wire, table: Table) -> None:
    refused = wire.post(ASK, **COUNCIL, x_commonwatt_session=with_many_rounds(wire))

    assert (refused.status, refused.error["code"]) == (409, "too_many_rounds"), refused.content
    assert refused.error["param"] == "X-Commonwatt-Session"
    assert refused.headers["x-commonwatt-call"] == str(the_asked().pk)
    assert table.sent == []


def test_a_session_that_can_hold_no_council_of_triage_is_answered_by_one_model(wire: Wire, table: Table) -> None:
    answer = wire.post(ASK, x_commonwatt_mode="auto", x_commonwatt_session=with_many_rounds(wire))

    assert (answer.status, answer.headers["x-commonwatt-fallback"], table.who) == (200, "express", ["alone"])
    alone = GatewayCall.objects.get(status=GatewayCall.Status.ANSWERED)
    assert alone.triage["no_council"] == "too_many_rounds"


def test_where_a_council_took_all_of_the_callers_time_no_model_is_asked_instead(
    wire: Wire, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(_wish: Any, _setup: Any) -> None:
        await asyncio.sleep(0.7)
        raise councils.OneModel("it came to nothing")

    monkeypatch.setattr(councils, "answer", slow)

    answer = by_triage(wire, ASK, x_commonwatt_latest=(timezone.now() + timedelta(seconds=0.5)).isoformat())

    assert (answer.status, answer.error["code"], table.sent) == (504, "deadline", [])
    assert lanes.wait_until_idle(seconds=5)
    assert wire.budget == (0, 0)
    assert wire.adds_up()


def test_a_council_says_what_its_budget_has_left_and_which_round_answered(wire: Wire, table: Table) -> None:
    wire.new_budget(5_000)
    answer = wire.post(ASK, **COUNCIL)

    assert answer.status == 200, answer.content
    assert answer.headers["x-commonwatt-round"] == str(Round.objects.get().pk)
    assert int(answer.headers["x-commonwatt-budget-remaining"]) == 5_000 - wire.budget[0] == 4_000
    assert answer.headers["x-commonwatt-budget-unit"] == "tokens"
    assert "x-budget-warning" not in answer.headers
    assert not {"x-commonwatt-request", "x-commonwatt-region", "x-commonwatt-deployment"} & answer.headers.keys()


def test_a_council_warns_of_its_budget_as_the_calls_of_its_agents_were_warned(wire: Wire, table: Table) -> None:
    Budget.objects.filter(pk=wire.budget_id).update(spent=76_000)  # with all that its agents hold below 80 %

    answer = wire.post(ASK, **COUNCIL)

    assert (answer.status, answer.headers["x-budget-warning"]) == (200, "75"), answer.headers


def test_triage_says_beforehand_why_one_model_would_answer(wire: Wire, table: Table) -> None:
    session_id = str(open_desk(wire.team, mode="council"))

    def told(**changes: Any) -> Any:
        body = {"call": ASK | changes, "session": session_id}
        return wire.team.client.post("/api/v1/gateway/triage/", body, format="json").json()

    assert (told()["mode"], "no_council" in told()) == ("council", False)
    assert told(seed=7)["no_council"] == "'seed' could not be kept"
