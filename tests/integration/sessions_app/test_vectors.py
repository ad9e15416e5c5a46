"""Vectors of what sessions are about: made through the gateway, paid by the session's budget, compared by pgvector.

The echo's embeddings hash words. Words that say nothing, such as "should" and "there", count there and not in the
search by words: so it is known which of the two finds what.
"""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
from django.db import connection

from config.kernel.errors import InvalidInput, Unavailable
from config.kernel.raw import run
from sessions_app.models import Deployment, GatewayCall, SessionPolicy, SessionVector
from sessions_app.selectors import policies
from sessions_app.selectors.vectors import keeps_vectors
from sessions_app.services.gateway.wishes import Answered
from sessions_app.services.lives import end_session
from sessions_app.services.log import locked
from sessions_app.services.memory.embedding import MOST_TRIES, TRY_AGAIN_AFTER, make_room, make_vectors
from sessions_app.services.policies import activate_policy, create_policy_version
from tests.integration.sessions_app.desk import open_desk
from tests.integration.sessions_app.gateway.wire import wired
from tests.integration.world import NOW, load_world, make_budget, make_team

MODEL = "echo-embedding"
ASKED, SAME, OTHER = "Should we be there or so", "There or so we should be", "How did they do this"
"""Words that say nothing; the first two are the same words."""


@pytest.fixture(autouse=True)
def _terms_of_this_test():
    """A version never changes, so its terms are read once; undone ones give their numbers to those of other tests."""
    policies._terms.cache_clear()
    yield
    policies._terms.cache_clear()


def _name_model(**similar):
    body = {**SessionPolicy.objects.get(is_default=True).body}
    body["similar"] = {"embedding_model": MODEL, "least_cosine_percent": 50, **similar}
    made = create_policy_version(name="default", body=body, rationale="test", author_id=None, now=NOW)
    activate_policy(policy_id=made, now=NOW, actor="test", make_default=True)


@pytest.fixture
def wire(transactional_db):
    with wired() as made:
        _name_model()
        yield made


@pytest.fixture
def world(db):
    load_world()


@pytest.fixture
def team(world):
    _name_model()
    return make_team()


def _begun(team, name, **changes):
    budget = changes.pop("budget_id", None) or make_budget(team, 10_000, name=f"for {name} {team.team_id}")
    return open_desk(team, name=name, budget_id=budget, **changes)


def _ended(team, name, tokens=0, **changes):
    session_id = _begun(team, name, **changes)
    session = locked(session_id)
    session.tokens_used = tokens
    session.save(update_fields=["tokens_used"])
    end_session(session_id=session_id, team_id=team.team_id, actor="key test", now=NOW)
    return session_id


def _similar(team, session_id):
    answer = team.client.get(f"/api/v1/sessions/{session_id}/similar/")
    assert answer.status_code == 200
    return answer.json()


def _vector(session_id):
    return SessionVector.objects.get(pk=session_id)


class Embedder:
    """Stands where the gateway does: gives each text the vector that a test chose, or refuses."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def __call__(self, *, principal, ask, **options):
        self.asked.append((principal, ask, options))
        found = self.answer(ask.texts[0]) if callable(self.answer) else self.answer
        if isinstance(found, Exception):
            raise found
        return Answered(
            figures=None, model=ask.model, created=0, usage=None, usage_basis="", vectors=[found] if found else []
        )


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_an_ended_session_gets_a_vector_that_its_budget_pays_once(wire):
    session_id = _ended(wire.team, "Boats for Sylhet", budget_id=wire.budget_id)
    assert (make_vectors(now=NOW), make_vectors(now=NOW + TRY_AGAIN_AFTER)) == (1, 0)
    row, call = _vector(session_id), GatewayCall.objects.get()
    assert (row.status, row.model, row.dimensions, row.problem, row.tries) == ("made", MODEL, 256, "", 1)
    assert (call.endpoint, call.asked_model, call.actor, call.status) == ("embeddings", MODEL, "tender", "answered")
    assert wire.budget == (call.input_tokens, 0)
    assert call.input_tokens > 0
    assert wire.adds_up()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_session_that_words_do_not_find_is_found_by_its_vector_and_corrects_the_estimate(wire):
    past, _ = _ended(wire.team, SAME, 30_000), _ended(wire.team, OTHER, 100)
    asked = _begun(wire.team, ASKED)
    before = _similar(wire.team, asked)
    assert make_vectors(now=NOW) == 3
    told = _similar(wire.team, asked)
    assert (before["results"], before["vectors"]["why_not"]) == ([], "waiting")
    assert [(each["session"], each["found_by"], each["terms"]) for each in told["results"]] == [
        (str(past), ["vector"], [])
    ]
    assert told["results"][0]["cosine"] == pytest.approx(1, abs=1e-3)
    assert told["results"][0]["score"] == pytest.approx(1, abs=1e-3)
    assert told["vectors"] == {"model": MODEL, "are_used": True, "why_not": "", "words": "Words and vectors."}
    estimate = told["estimate"]
    assert (estimate["basis"], estimate["precedents"], estimate["weight"]) == ("similar_sessions", 1, 0.5)
    assert estimate["expected_tokens"] == round((30_000 + estimate["prior_expected_tokens"]) / 2)


@pytest.mark.postgres
@pytest.mark.django_db
def test_what_words_and_vectors_find_is_one_ranking(team):
    directions = {"dam": [1, 0, 0], "levee": [0.9, 0.1, 0], "canteen": [0, 0, 1], "paint": [0, 1, 0]}
    near_only = _ended(team, "levee", 5_000)
    both = _ended(team, "dam levee", 4_000)
    words_only = _ended(team, "dam paint canteen", 3_000)
    unlike = _ended(team, "paint", 100)
    asked = _begun(team, "dam")
    call = Embedder(lambda text: directions["paint"] if "paint" in text else directions[text.split()[0]])
    assert make_vectors(now=NOW, call=call) == 5
    told = _similar(team, asked)
    found = {each["session"]: each for each in told["results"]}
    assert next(iter(found)) == str(both)
    assert {name: each["found_by"] for name, each in found.items()} == {
        str(both): ["words", "vector"],
        str(near_only): ["vector"],
        str(words_only): ["words"],
    }
    assert found[str(words_only)]["cosine"] == 0
    assert str(unlike) not in found
    assert told["estimate"]["precedents"] == 3


@pytest.mark.postgres
@pytest.mark.django_db
def test_neither_another_teams_vector_nor_one_of_another_model_is_compared(team):
    stranger = make_team("Other desk")
    theirs, mine, elsewhere = _ended(stranger, SAME), _ended(team, SAME), _ended(team, SAME)
    asked = _begun(team, ASKED)
    assert make_vectors(now=NOW, call=Embedder([1.0, 0.0])) == 4
    SessionVector.objects.filter(pk=elsewhere).update(model="another")
    assert [each["session"] for each in _similar(team, asked)["results"]] == [str(mine)]
    SessionVector.objects.filter(pk=mine).update(dimensions=3)  # as if the model had come to give others
    assert _similar(team, asked)["results"] == []
    assert _vector(theirs).status == "made"


@pytest.mark.postgres
@pytest.mark.django_db
def test_how_near_unlike_sessions_come_is_a_term(team):
    _name_model(least_cosine_percent=97)
    _ended(team, SAME)
    asked = _begun(team, ASKED)
    make_vectors(now=NOW, call=Embedder(lambda text: [1.0, 0.0] if text.startswith("Should") else [0.96, 0.28]))
    told = _similar(team, asked)
    assert (told["results"], told["vectors"]["are_used"]) == ([], True)


@pytest.mark.django_db
def test_without_a_budget_nobody_is_asked_and_that_is_said(team):
    session_id = open_desk(team, name="Boats")
    call = Embedder([1.0])
    assert make_vectors(now=NOW, call=call) == 0
    assert (_vector(session_id).status, _vector(session_id).problem, call.asked) == ("none", "no_budget", [])
    if keeps_vectors():
        assert _similar(team, session_id)["vectors"]["why_not"] == "no_budget"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_budget_that_cannot_pay_ends_it_and_is_named(wire):
    session_id = _begun(wire.team, "Boats for Sylhet and Sunamganj", budget_id=make_budget(wire.team, 1, name="spent"))
    assert make_vectors(now=NOW) == 0
    assert make_vectors(now=NOW + timedelta(days=1)) == 0
    told = _similar(wire.team, session_id)["vectors"]
    assert (told["are_used"], told["why_not"]) == (False, _vector(session_id).problem)
    assert (_vector(session_id).status, _vector(session_id).tries) == ("none", 1)
    assert "exhausted" in told["why_not"]
    assert told["why_not"] in told["words"]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_model_that_is_gone_ends_it_and_is_named(wire):
    session_id = _begun(wire.team, "Boats")
    Deployment.objects.filter(served_name=MODEL).delete()
    assert make_vectors(now=NOW) == 0
    assert (_vector(session_id).status, _similar(wire.team, session_id)["vectors"]["why_not"]) == (
        "none",
        "model_not_found",
    )


@pytest.mark.postgres
@pytest.mark.django_db
def test_where_nobody_answers_it_is_tried_three_times_and_no_more(team):
    session_id, call = _begun(team, "Boats"), Embedder(Unavailable("down", code="no_deployment"))
    for number in range(MOST_TRIES + 3):
        at = NOW + number * TRY_AGAIN_AFTER
        assert make_vectors(now=at, call=call) == make_vectors(now=at + timedelta(minutes=1), call=call) == 0
    assert len(call.asked) == MOST_TRIES
    assert (_vector(session_id).status, _vector(session_id).problem) == ("none", "no_deployment")


@pytest.mark.postgres
@pytest.mark.django_db
def test_whoever_dies_over_it_three_times_is_not_followed(team):
    session_id, call = _begun(team, "Boats"), Embedder(RuntimeError("killed"))
    for number in range(MOST_TRIES):
        with pytest.raises(RuntimeError):
            make_vectors(now=NOW + number * TRY_AGAIN_AFTER, call=call)
    assert make_vectors(now=NOW + MOST_TRIES * TRY_AGAIN_AFTER, call=call) == 0
    assert len(call.asked) == MOST_TRIES
    assert (_vector(session_id).status, _vector(session_id).problem) == ("none", "lost")


@pytest.mark.postgres
@pytest.mark.django_db
@pytest.mark.parametrize("numbers", [[], [0.0, 0.0], [float("nan"), 1.0]], ids=str)
def test_an_answer_that_is_no_vector_is_not_kept(team, numbers):
    session_id = _begun(team, "Boats")
    assert make_vectors(now=NOW, call=Embedder(numbers)) == 0
    assert _similar(team, session_id)["vectors"]["why_not"] == "unusable_vector"


@pytest.mark.postgres
@pytest.mark.django_db
def test_a_vector_of_the_beginning_that_comes_after_the_end_is_not_kept(team):
    session_id = _begun(team, "Boats")

    def ends_meanwhile(_text):
        at = NOW + timedelta(seconds=1)
        end_session(session_id=session_id, team_id=team.team_id, actor="key test", now=at)
        return [1.0, 0.0]

    assert make_vectors(now=NOW, call=Embedder(ends_meanwhile)) == 0
    assert _vector(session_id).status == "waiting"
    assert make_vectors(now=NOW + timedelta(minutes=1), call=Embedder([0.0, 1.0])) == 1


@pytest.mark.postgres
@pytest.mark.django_db
def test_who_asks_is_the_sessions_team_with_its_purpose_and_a_bounded_text(team):
    budget = make_budget(team)
    session_id = _begun(team, "Boats", purpose="disaster_relief", budget_id=budget, state={"focus": "boat " * 5_000})
    call = Embedder([1.0])
    make_vectors(now=NOW, call=call)
    [(principal, ask, options)] = call.asked
    assert (principal.team_id, principal.actor, ask.model, len(ask.texts[0])) == (team.team_id, "tender", MODEL, 6_000)
    assert (options["purpose"], options["budget_id"]) == ("disaster_relief", budget)
    assert str(session_id) in options["idempotency_key"]


@pytest.mark.django_db
def test_a_policy_that_names_no_model_asks_for_nothing(world):
    team = make_team()
    session_id = _ended(team, "Boats for Sylhet")
    asked = _begun(team, "Boats again")
    assert not SessionVector.objects.exists()
    told = _similar(team, asked)
    assert [(each["session"], each["found_by"], each["cosine"]) for each in told["results"]] == [
        (str(session_id), ["words"], None)
    ]
    assert (told["vectors"]["model"], told["vectors"]["why_not"]) == ("", "no_model")


@pytest.mark.django_db
def test_a_text_is_compared_by_words_and_that_is_said(team):
    told = team.client.get("/api/v1/sessions/similar/", {"text": "boats"}).json()["vectors"]
    assert (told["are_used"], told["why_not"]) == (False, "text_only")


@pytest.mark.sqlite
@pytest.mark.django_db
def test_on_sqlite_words_find_as_ever_and_vectors_are_said_to_need_postgresql(team):
    past, asked, call = _ended(team, "Boats for Sylhet", 20_000), _begun(team, "Boats again"), Embedder([1.0])
    assert make_vectors(now=NOW, call=call) == 0
    assert (call.asked, _vector(past).problem) == ([], "no_pgvector")
    _words_find_alone(team, past, asked)


def _words_find_alone(team, past, asked):
    told = _similar(team, asked)
    assert [(each["session"], each["found_by"]) for each in told["results"]] == [(str(past), ["words"])]
    assert (told["vectors"]["are_used"], told["vectors"]["why_not"]) == (False, "no_pgvector")
    assert "PostgreSQL" in told["vectors"]["words"]
    assert told["estimate"]["basis"] == "similar_sessions"


def _as_plain_role(work):
    run("CREATE ROLE plain_role")
    run("GRANT ALL ON ALL TABLES IN SCHEMA public TO plain_role")
    run("SET ROLE plain_role")
    try:
        return work()
    finally:
        run("RESET ROLE")


@pytest.mark.postgres
@pytest.mark.django_db
def test_without_the_extension_words_find_as_ever_and_that_is_said(team):
    run("DROP EXTENSION vector CASCADE")
    past, asked, call = _ended(team, "Boats for Sylhet", 20_000), _begun(team, "Boats again"), Embedder([1.0])
    assert _as_plain_role(lambda: make_vectors(now=NOW, call=call)) == 0
    assert (call.asked, _vector(past).status, _vector(past).problem) == ([], "none", "no_pgvector")
    _words_find_alone(team, past, asked)


@pytest.mark.postgres
@pytest.mark.django_db
def test_a_database_that_gets_the_extension_later_keeps_vectors_from_then_on(team):
    run("DROP EXTENSION vector CASCADE")
    session_id = _begun(team, "Boats")
    assert not keeps_vectors()
    run("SET CONSTRAINTS ALL IMMEDIATE")  # as if whoever began the session had committed
    assert make_vectors(now=NOW, call=Embedder([1.0])) == 1
    assert keeps_vectors()
    assert make_room()
    assert _vector(session_id).status == "made"


@pytest.mark.postgres
@pytest.mark.django_db
def test_the_migration_adds_the_column_and_passes_where_the_role_may_not():
    add_column = import_module("sessions_app.migrations.0004_vectors").ADD_COLUMN
    assert keeps_vectors()
    run("DROP EXTENSION vector CASCADE")
    assert not keeps_vectors()
    with connection.cursor() as cursor:
        _as_plain_role(lambda: cursor.execute(add_column))
        assert not keeps_vectors()
        cursor.execute(add_column)
    assert keeps_vectors()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("similar", "key"),
    [
        ({"embedding_model": "no-such-model"}, "embedding_model"),
        ({"embedding_model": "echo"}, "embedding_model"),  # it chats
        ({"embedding_model": 7}, "embedding_model"),
        ({"least_cosine_percent": 100}, "least_cosine_percent"),
        ({"speed": 1}, "speed"),
    ],
)
def test_a_version_that_cannot_be_meant_is_refused_by_its_term(world, similar, key):
    before = SessionPolicy.objects.count()
    with pytest.raises(InvalidInput) as refused:
        _name_model(**similar)
    assert (refused.value.field, SessionPolicy.objects.count()) == (f"body.similar.{key}", before)


@pytest.mark.django_db
def test_a_version_of_before_names_no_model(world):
    body = {**SessionPolicy.objects.get(is_default=True).body}
    del body["similar"]
    made = create_policy_version(name="default", body=body, rationale="test", author_id=None, now=NOW)
    activate_policy(policy_id=made, now=NOW, actor="test", make_default=True)
    team = make_team()
    session_id = _begun(team, "Boats")
    assert not SessionVector.objects.exists()
    assert _similar(team, session_id)["vectors"]["why_not"] == "no_model"
