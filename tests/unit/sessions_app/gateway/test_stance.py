"""The small form of answers in a round."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.domain.gateway.stance import FormError, is_proposal, read_choice, read_spoken, repair_words

ANSWER = (
    "STANCE: dissent\nCONFIDENCE: 0.7\nREASON: The gauge is broken.\nANSWER:\nWait for the second reading.\nREASON: no"
)


def test_an_answer_in_its_form_is_read():
    said = read_spoken(ANSWER)
    assert (said.stance, said.confidence, said.reason) == ("dissent", 0.7, "The gauge is broken.")
    assert said.text == "Wait for the second reading.\nREASON: no"


@pytest.mark.parametrize(
    "answer",
    [
        f"Sure, here it is.\n\n```\n{ANSWER}\n```",
        ANSWER.replace("STANCE:", "**STANCE:**").replace("CONFIDENCE", "**CONFIDENCE**"),
        ANSWER.replace("0.7", "70 %"),
        ANSWER.replace("0.7", "0,7"),
        ANSWER.replace("dissent", "Dissent."),
    ],
)
def test_what_models_add_to_a_form_is_overlooked(answer):
    said = read_spoken(answer)
    assert (said.stance, said.confidence, said.reason) == ("dissent", 0.7, "The gauge is broken.")
    assert said.text.startswith("Wait for the second reading.")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("I agree with everything.", "STANCE, CONFIDENCE"),
        (ANSWER.replace("dissent", "agree, dissent or abstain"), "one of the words"),
        (ANSWER.replace("0.7", "very"), "CONFIDENCE"),
        (ANSWER.replace("0.7", "70"), "CONFIDENCE"),
        (ANSWER.replace("The gauge is broken.", "-"), "why you dissent"),
        ("STANCE: agree\nCONFIDENCE: 1\nREASON: -\nANSWER:\n ", "ANSWER"),
        (f"{ANSWER}\n\nSTANCE: agree\nCONFIDENCE: 1\nREASON: -\nANSWER:\nYes", "STANCE once"),
        (ANSWER.replace("\n", "\n> ").replace("STANCE", "> STANCE"), "STANCE, CONFIDENCE"),
        ("CONFIDENCE: 1\nSTANCE: agree\nREASON: -\nANSWER:\nYes", "in this order"),
    ],
)
def test_an_answer_out_of_its_form_is_refused_with_what_to_do(answer, words):
    with pytest.raises(FormError, match=words) as caught:
        read_spoken(answer)
    assert str(caught.value) in repair_words(caught.value, "FORM")


def test_a_choice_names_an_agent_of_the_table_and_says_why():
    chosen = read_choice("CHOICE: Ana\nREASON: It names the gauge.\nANSWER:\nSend it.", ["ana", "ben"])
    assert (chosen.agent, chosen.reason, chosen.text) == ("ana", "It names the gauge.", "Send it.")
    for answer in ("CHOICE: eve\nREASON: x\nANSWER:\ny", "CHOICE: ana\nREASON:\nANSWER:\ny"):
        with pytest.raises(FormError):
            read_choice(answer, ["ana", "ben"])


@given(
    stance=st.sampled_from(["agree", "dissent", "abstain"]),
    confidence=st.floats(0, 1),
    text=st.text(st.characters(codec="utf-8", exclude_characters="`\r"), min_size=1).filter(str.strip),
)
def test_whatever_is_written_in_the_form_is_read_back(stance, confidence, text):
    said = read_spoken(f"STANCE: {stance}\nCONFIDENCE: {confidence:.4f}\nREASON: so\nANSWER:\n{text}")
    assert (said.stance, said.text) == (stance, text.strip())
    assert said.confidence == pytest.approx(confidence, abs=0.0001)


@given(st.text())
def test_no_text_does_anything_but_be_read_or_refused(text):
    for read in (read_spoken, lambda answer: read_choice(answer, ["ana"])):
        with suppress(FormError):
            read(text)


@pytest.mark.parametrize("question", ["Should the warning go out tonight?", "Context. Is it safe?", "Soll sie raus?"])
def test_a_question_for_yes_or_no_is_a_proposal(question):
    assert is_proposal(question)


@pytest.mark.parametrize("question", ["How do we warn people?", "Which levee breaks first?", "Write a plan.", ""])
def test_other_questions_are_open(question):
    assert not is_proposal(question)
