"""What triage looks at, how it weighs it, and what outcomes teach it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sessions_app
from config.kernel.terms import TermError
from sessions_app.domain.gateway.features import Features, features_of
from sessions_app.domain.gateway.lessons import (
    Depth,
    Lesson,
    corrected,
    lesson_of_council,
    lesson_of_feedback,
    lesson_of_length,
)
from sessions_app.domain.gateway.terms import SIGNALS, GatewayTerms, Triage, with_unsaid
from sessions_app.domain.gateway.triage import TriageMode, assess
from sessions_app.domain.gateway.wire import ChatAsk

SHIPPED = Path(sessions_app.__file__).parent / "data" / "gateway_policies.json"
TERMS = GatewayTerms.read(json.loads(SHIPPED.read_text())["default"]["body"]).triage
PLAIN = Features(input_tokens=10, messages=1)
HARD = Features(
    input_tokens=6_000,
    messages=25,
    paragraphs=6,
    list_items=8,
    headings=3,
    code_blocks=1,
    questions=5,
    tools=6,
    output_tokens=4_000,
    terms_found=("risk", "policy", "security", "legal"),
)
COUNTS = st.integers(0, 10_000)
ANY_FEATURES = st.builds(
    Features,
    input_tokens=COUNTS,
    messages=COUNTS,
    paragraphs=COUNTS,
    questions=COUNTS,
    tools=COUNTS,
    images=COUNTS,
    output_tokens=st.none() | COUNTS,
    effort=st.sampled_from([0.0, 0.5, 1.0]),
    has_schema=st.booleans(),
)


def ask(text: str, *, before: tuple[dict[str, object], ...] = (), **changes: object) -> ChatAsk:
    return ChatAsk(model="echo", messages=[*before, {"role": "user", "content": text}], **changes)  # type: ignore[arg-type]


def look(chat: ChatAsk, terms: tuple[str, ...] = TERMS.domain_terms) -> Features:
    return features_of(chat, input_tokens=50, domain_terms=terms)


def test_structure_questions_and_terms_are_of_what_is_asked_now():
    earlier = (
        {"role": "user", "content": "# Old\n- one\n- two\n\nIs this a risk?"},
        {"role": "assistant", "content": "- no\n- really?"},
    )
    found = look(ask("Plan:\n\n1. dykes\n2) pumps\n\n```\nx\n```\nWhy? And how??", before=earlier))
    assert (found.list_items, found.headings, found.code_blocks, found.questions) == (2, 0, 1, 2)
    assert (found.paragraphs, found.messages, found.terms_found) == (2, 3, ())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Risks of the Policy, and policing.", ("policy", "risk")),
        ("A trade-off", ("trade-off",)),
        ("asterisk and proofread", ()),
    ],
)
def test_domain_terms_are_whole_words_in_any_case(text, found):
    assert set(look(ask(text)).terms_found) == set(found)


def test_tools_images_schema_effort_and_choices_are_read_from_the_ask():
    chat = ChatAsk(
        model="m",
        messages=[
            {"role": "tool", "tool_call_id": "c", "content": "3"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look?"},
                    {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
                ],
            },
        ],
        options={
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "s"}},
            "reasoning_effort": "high",
            "n": 3,
        },
    )
    found = look(chat)
    assert (found.tools, found.tool_results, found.images, found.has_schema) == (1, 1, 1, True)
    assert (found.effort, found.choices, found.questions) == (1.0, 3, 1)


@pytest.mark.parametrize(
    ("features", "kind"),
    [
        (PLAIN, "text-short"),
        (replace(PLAIN, input_tokens=501), "text-medium"),
        (replace(PLAIN, input_tokens=4_001, code_blocks=1), "code-long"),
        (replace(PLAIN, has_schema=True, code_blocks=1), "schema-short"),
        (replace(PLAIN, images=1, has_schema=True), "images-short"),
        (replace(PLAIN, tools=1, images=1), "tools-short"),
    ],
)
def test_work_is_bucketed_by_its_means_and_its_length(features, kind):
    assert features.kind == kind


def test_a_plain_request_is_answered_by_one_model():
    found = assess(PLAIN, TERMS)
    assert (found.mode, found.roles, found.points) == (TriageMode.EXPRESS, (), 0.2)
    assert "One model answers up to 70" in found.explanation
    assert [each.name for each in found.signals] == list(SIGNALS)


def test_a_hard_request_is_worth_a_council_and_says_why():
    found = assess(HARD, TERMS)
    assert (found.mode, found.roles) == (TriageMode.COUNCIL, TERMS.council_roles)
    assert found.points == 95.0
    assert "6000 tokens of input (20 of 20)" in found.explanation
    assert json.loads(json.dumps(found.to_json()))["mode"] == "council"


def test_an_emergency_is_answered_at_once_by_one_model_unless_a_council_is_asked_for():
    urgent = assess(HARD, TERMS, emergency="a flood is in force")
    assert (urgent.mode, urgent.because, urgent.roles) == (TriageMode.EMERGENCY, "a flood is in force", ())
    assert "at once by one model: a flood is in force" in urgent.explanation
    assert assess(HARD, TERMS, emergency="a flood is in force", mode="council").mode is TriageMode.COUNCIL


def test_an_explanation_does_not_say_that_points_decided_what_the_caller_chose():
    assert "A council was asked for." in assess(PLAIN, TERMS, mode="council").explanation
    assert "One model answers, as the call was made." in assess(HARD, TERMS, mode="express").explanation
    assert "at once by one model" in assess(HARD, TERMS, mode="express", emergency="a flood is in force").explanation


def test_effort_is_told_where_it_gives_the_points():
    signal = assess(replace(PLAIN, effort=0.5, output_tokens=100), TERMS).signals[-1]
    assert (signal.points, signal.words) == (2.5, "asks for 50 % of the effort")
    assert assess(PLAIN, TERMS).signals[-1].words == "no bound of output stated"


@pytest.mark.parametrize(
    ("text", "questions"),
    [
        ("See https://a.example/?q=1&b=2 and x ? y : z", 1),
        ("Really?! “Why?” (how?) *When?*", 3),
        ("なぜ？どこ？", 2),
        ("Who?", 1),
    ],
)
def test_question_marks_of_addresses_ask_nothing(text, questions):
    assert look(ask(text)).questions == questions


def test_what_the_caller_chose_is_done_without_doubt():
    assert (assess(HARD, TERMS, mode="express").mode, assess(HARD, TERMS, mode="express").confidence) == ("express", 1)
    assert assess(PLAIN, TERMS, mode="council").mode is TriageMode.COUNCIL


@given(features=ANY_FEATURES, learned=st.floats(-1_000, 1_000))
def test_points_are_the_sum_of_what_is_shown_and_stay_within_a_hundred(features, learned):
    found = assess(features, TERMS, learned)
    assert abs(found.correction_points) <= TERMS.most_correction_points
    total = sum(each.points for each in found.signals) + found.correction_points
    assert found.points == pytest.approx(min(max(total, 0), 100), abs=0.01)
    assert all(0 <= each.value <= 1 and each.points <= each.weight for each in found.signals)
    assert 0.5 <= found.confidence <= 1
    assert (found.mode is TriageMode.COUNCIL) == (found.points > TERMS.council_above_points)


@given(features=ANY_FEATURES, more=st.sampled_from(["input_tokens", "questions", "tools", "images", "messages"]))
def test_more_of_a_signal_never_makes_a_request_simpler(features, more):
    bigger = replace(features, **{more: getattr(features, more) + 7})
    assert assess(bigger, TERMS).points >= assess(features, TERMS).points


def shipped_without(*keys: str) -> dict[str, Any]:
    body = json.loads(SHIPPED.read_text())["default"]["body"]
    for key in keys:
        section, _, name = key.partition(".")
        del body[section][name]
    return body


def changed(**terms: Any) -> Triage:
    body = json.loads(SHIPPED.read_text())["default"]["body"]
    body["triage"] |= {name: body["triage"][name] | value for name, value in terms.items()}
    return GatewayTerms.read(body).triage


NEWER = ("triage.full", "triage.effort_percent", "triage.lessons", "triage.sure_from_points")
NEWER_OF_CALLS = tuple(f"calls.attempt_{name}" for name in ("share_percent", "least_seconds", "tokens_per_second"))


def test_a_version_from_before_a_term_means_what_is_shipped_and_a_new_one_begins_with_it():
    whole = json.loads(SHIPPED.read_text())["default"]["body"]
    older = shipped_without(*NEWER, *NEWER_OF_CALLS)
    assert GatewayTerms.read(older) == GatewayTerms.read(whole)
    assert with_unsaid(older) == whole
    half = shipped_without(*NEWER) | {"triage": {**whole["triage"], "full": {"images": 9}}}
    assert with_unsaid(half)["triage"]["full"] == whole["triage"]["full"] | {"images": 9}


@pytest.mark.parametrize(
    ("section", "wrong", "key"),
    [
        ("full", {"images": 0}, "triage.full.images"),
        ("full", {"imges": 3}, "triage.full.imges"),
        ("effort_percent", {"high": 101}, "triage.effort_percent.high"),
        ("lessons", {"cut_points": -1}, "triage.lessons.cut_points"),
    ],
)
def test_a_wrong_term_of_triage_is_named(section, wrong, key):
    with pytest.raises(TermError) as refused:
        changed(**{section: wrong})
    assert refused.value.key == key


def test_where_a_signal_is_full_what_effort_counts_and_what_lessons_teach_are_the_policys():
    other = changed(full={"questions": 10, "output_tokens": 100}, effort_percent={"low": 80}, lessons={"cut_points": 5})
    asked = features_of(
        ask("Why? How?", options={"reasoning_effort": "low"}), input_tokens=10, effort_percent=other.effort_percent
    )
    signals = {each.name: each for each in assess(asked, other).signals}
    assert (signals["questions"].value, signals["questions"].full) == (0.2, 10)
    assert (signals["output"].value, signals["output"].full) == (0.8, 100)
    assert lesson_of_length(LEARNED, other.lessons, output_tokens=900, max_output_tokens=900).points == 5
    assert assess(asked, TERMS).to_json()["signals"][2]["full"] == 4


LEARNED = {"estimate": {"basis": "learned", "p50_tokens": 100}}


@pytest.mark.parametrize(
    ("triage", "output", "bound", "points"),
    [
        (LEARNED, 200, 900, 25.0),
        (LEARNED, 50, 900, -25.0),
        (LEARNED, 0, 900, -50.0),
        (LEARNED, 10_000, None, 50.0),
        (LEARNED | {"choices": 2}, 400, 900, 25.0),
        (LEARNED, 900, 900, 25.0),
        ({"estimate": {"basis": "cold_start", "p50_tokens": 800, "p95_tokens": 900}}, 900, 900, 25.0),
    ],
)
def test_an_answer_teaches_by_its_length(triage, output, bound, points):
    lesson = lesson_of_length(triage, TERMS.lessons, output_tokens=output, max_output_tokens=bound)
    assert lesson is not None
    assert lesson.points == points


@pytest.mark.parametrize(
    "triage",
    [
        {"estimate": {"basis": "cold_start", "p50_tokens": 100}},
        LEARNED | {"stated_output_tokens": 100},
        {},
    ],
)
def test_a_bound_of_the_callers_own_and_a_cold_estimate_teach_nothing(triage):
    assert lesson_of_length(triage, TERMS.lessons, output_tokens=900, max_output_tokens=1_000) is None


def test_an_answer_that_a_nearly_spent_budget_cut_teaches_nothing():
    triage = {"estimate": {"basis": "learned", "p50_tokens": 800, "p95_tokens": 1_300}}
    assert lesson_of_length(triage, TERMS.lessons, output_tokens=16, max_output_tokens=16) is None
    assert lesson_of_length(triage, TERMS.lessons, output_tokens=1_300, max_output_tokens=1_300) is not None


@pytest.mark.parametrize(
    ("helpful", "depth", "council", "points"),
    [
        (None, Depth.TOO_SHALLOW, False, 50.0),
        (True, Depth.TOO_DEEP, True, -50.0),
        (False, None, False, 15.0),
        (False, None, True, None),
        (True, None, False, None),
        (False, Depth.RIGHT, False, None),
    ],
)
def test_feedback_teaches_where_it_says_that_the_depth_was_wrong(helpful, depth, council, points):
    lesson = lesson_of_feedback(TERMS.lessons, is_helpful=helpful, depth=depth, is_council=council)
    assert (lesson.points if lesson else None) == points


def test_a_council_in_which_nobody_disagreed_was_not_worth_it():
    told = [lesson_of_council(TERMS.lessons, is_disputed=each).points for each in (True, False)]
    assert told == [25, -25]


@given(
    start=st.floats(-20, 20),
    lessons=st.lists(st.floats(-50, 50).map(lambda points: Lesson(points=points, words="")), max_size=60),
)
def test_what_is_learned_stays_within_its_bound_and_moves_towards_each_lesson(start, lessons):
    at = start
    for each in lessons:
        moved = corrected(at, each, TERMS)
        assert abs(moved) <= TERMS.most_correction_points
        assert abs(moved - at) <= abs(each.points - at) * TERMS.learning_percent / 100 + 1e-3
        at = moved


def test_chance_evens_out():
    at = 0.0
    for _ in range(200):
        at = corrected(at, Lesson(points=25, words=""), TERMS)
        at = corrected(at, Lesson(points=-25, words=""), TERMS)
    assert abs(at) < 3
