"""A model's summary of a checkpoint, and a model's judgement of a round, where the gateway's policy names one."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest

from budgets.services import count_tokens
from config.kernel.errors import Unavailable
from sessions_app.domain.words import FactKind
from sessions_app.models import Checkpoint, ContextItem, GatewayPolicy, Round, Turn
from sessions_app.services.checkpoints import drafting, make_due_checkpoints
from sessions_app.services.gateway.policies import activate_gateway_policy, create_gateway_policy_version
from sessions_app.services.memory.facts import FactAsk, Teller, record_fact
from tests.integration.sessions_app.desk import instance_of, open_desk
from tests.integration.sessions_app.driven_rounds.panel import Panel
from tests.integration.world import NOW, make_team

pytestmark = pytest.mark.django_db
TALK = (
    "Maria Okafor reported at 14:05 that 312 families in Baidoa need shelter. "
    "We decided to send 40 tents from the depot in Mogadishu on Thursday. "
    "It was a long day and everybody was tired of the heat. "
    "The weather stayed as it was. Somebody made tea and we talked about football for a while. "
)
PINNED = "The convoy must not use the road through Afgooye."
GOOD = f"{PINNED}\n312 families in Baidoa need shelter; 40 tents go from Mogadishu on Thursday."


@pytest.fixture
def team(loaded_world):
    body = GatewayPolicy.objects.get(is_default=True).body
    body = {**body, "rounds": {**body["rounds"], "summary_model": "wise", "judge_model": "wise"}}
    made = create_gateway_policy_version(name="default", body=body, rationale="test", author_id=None, now=NOW)
    activate_gateway_policy(policy_id=made, now=NOW, actor="test", make_default=True)
    return make_team()


@pytest.fixture
def session_id(team):
    session_id = open_desk(team, "ana", "ben")
    ask = FactAsk(kind=FactKind.CONSTRAINT, text=PINNED, is_pinned=True)
    record_fact(session_id=session_id, team_id=team.team_id, ask=ask, teller=Teller(actor="test"), now=NOW)
    text = TALK * 12
    ContextItem.objects.create(
        instance=instance_of(session_id, "ana"),
        key="talk",
        component="interaction",
        kind="message",
        text=text,
        tokens=count_tokens(text),
        original_tokens=count_tokens(text),
        last_access_at=NOW,
        created_at=NOW,
    )
    return session_id


class Summariser(Panel):
    """A model that is asked for one summary."""

    def __init__(self, answer):
        super().__init__({})
        self.answer = answer
        self.asked = []

    def __call__(self, *, principal, ask, **options):
        self.asked.append((principal, ask, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        self.answers = {"0": self.answer}
        return super().__call__(principal=principal, ask=ask, idempotency_key="a:b:0")


def due(model):
    with patch.object(drafting, "line_of_gateway", return_value=model):
        assert make_due_checkpoints(now=NOW + timedelta(hours=2)) == 1
    return Checkpoint.objects.get()


def test_the_summary_of_a_model_stands_if_the_gate_finds_nothing_against_it(team, session_id):
    model = Summariser(GOOD)
    made = due(model)
    assert (made.summary, made.gate["by"], made.gate["model"], made.keeps_text) == (GOOD, "model", "wise", False)
    principal, ask, options = model.asked[0]
    assert (principal.team_id, principal.actor, options["origin"]) == (team.team_id, "tender", "DE")
    assert PINNED in ask.messages[0]["content"]
    assert "312 families" in ask.messages[1]["content"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (GOOD.replace("312", "213"), "number_invented"),
        (GOOD.replace(PINNED, ""), "pinned_missing"),
        (f"{PINNED} {TALK * 12}", "no_gain"),
    ],
)
def test_a_summary_that_the_gate_refuses_is_replaced_by_sentences_of_the_text(team, session_id, answer, code):
    made = due(Summariser(answer))
    assert (made.gate["by"], made.gate["passed"], made.keeps_text) == ("default", True, False)
    assert code in [each["code"] for each in made.gate["model_findings"]]
    assert PINNED in made.summary
    assert "213" not in made.summary


def test_without_an_answer_a_checkpoint_is_made_as_ever(team, session_id):
    made = due(Summariser(Unavailable("down")))
    assert (made.gate["by"], "model" in made.gate) == ("default", False)
    assert PINNED in made.summary


def test_a_short_text_is_kept_and_nobody_is_asked(team):
    session_id = open_desk(team, "ana")
    record_fact(
        session_id=session_id,
        team_id=team.team_id,
        ask=FactAsk(kind=FactKind.OPEN, text="Who drives?"),
        teller=Teller(actor="test"),
        now=NOW,
    )
    model = Summariser(GOOD)
    assert due(model).gate["is_whole"]
    assert model.asked == []


def test_a_judge_looks_at_turns_that_agents_take_themselves(team, session_id):
    client, url = team.client, f"/api/v1/sessions/{session_id}/rounds/"
    made = client.post(url, {"topic": "Should they wait?"}, format="json").json()
    turns = f"{url}{made['id']}/turns/"
    find = "CONTRADICTION: ana | The road is safe. | ben | Nobody should drive there."
    panel = Panel({"1:judge": find})
    with patch("sessions_app.services.rounds.judged_turns.line_of_gateway", return_value=panel):
        for agent, text in (("ana", "The road is safe."), ("ben", "Nobody should drive there.")):
            body = {"agent": agent, "epoch": 1, "stance": "agree", "confidence": 0.8, "text": text}
            assert client.post(turns, body, format="json").status_code == 201
    assert list(panel.calls) == ["1:judge"]
    assert [[mark["kind"] for mark in turn.marks] for turn in Turn.objects.order_by("agent")] == [["judged"]] * 2
    assert Round.objects.get().status == "open"
