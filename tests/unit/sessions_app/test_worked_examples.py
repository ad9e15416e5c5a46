"""What docs/sessions.md works out by hand, table by table."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sessions_app.domain.agreement import Answered, Said, calibrated, tally_of, trust_in
from sessions_app.domain.needs import predicted_need
from sessions_app.domain.similar import Precedent, corrected
from sessions_app.domain.terms import SessionTerms
from sessions_app.domain.windows import Window, allocated, crossed, gain_tokens, rearmed, room_of
from sessions_app.domain.words import Component, Stance

ROOT = Path(__file__).parents[3]
TERMS = SessionTerms.read(json.loads((ROOT / "sessions_app/data/policies.json").read_text())["default"]["body"])
TEXT = (ROOT / "docs/sessions.md").read_text(encoding="utf-8")
EXAMPLES = {
    part.split("\n", 1)[0]: part for part in re.split(r"^### ", TEXT.split("## Worked examples", 1)[1], flags=re.M)[1:]
}


def rows_of(name: str) -> list[list[str]]:
    """The cells of the table of an example."""
    table = re.search(r"^\|.*\n\|[ :|-]+\n((?:\|.*\n)+)", EXAMPLES[name], flags=re.M)
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in table[1].splitlines()]


def window_of(size: str, output: str, context: str) -> Window:
    return Window(size=int(size), output=int(output), context=int(context))


def test_there_are_five_of_them() -> None:
    assert len(EXAMPLES) == 5


@pytest.mark.parametrize("row", rows_of("Occupancy and its rungs"), ids=" ".join)
def test_a_window_fires_the_rungs_that_are_told(row) -> None:
    window = window_of(*row[:3])
    assert window.percent == float(row[3])
    assert crossed(window, [], TERMS) == [each for each in row[4].split(", ") if each]


def test_a_rung_is_armed_again_where_it_is_told() -> None:
    assert rearmed(window_of("8000", "1000", "4600"), ["warn"], TERMS) == []
    assert rearmed(window_of("8000", "1000", "4680"), ["warn"], TERMS) == ["warn"]
    assert gain_tokens(window_of("8000", "1000", "0"), TERMS) == 1600


@pytest.mark.parametrize("row", rows_of("Room for a component"), ids=" ".join)
def test_an_ask_for_room_is_decided_as_told(row) -> None:
    component = Component(row[3])
    room = room_of(window_of(*row[:3]), {component: int(row[4])}, component, TERMS)
    assert allocated(int(row[5]), int(row[6]), room, was_cleaned=False) == (row[7], int(row[8]))


@pytest.mark.parametrize("row", rows_of("What a task is likely to need"), ids=" ".join)
def test_a_task_needs_what_is_told(row) -> None:
    need = predicted_need(dict(zip(("files", "agents", "minutes"), map(int, row[:3]), strict=True)), TERMS.needs)
    assert (need.points, need.size, need.total_tokens) == (int(row[3]), row[4], int(row[5]))


@pytest.mark.parametrize("row", rows_of("Where a round stands"), ids=" ".join)
def test_a_round_stands_where_it_is_told(row) -> None:
    stances = (Stance.AGREE, Stance.DISSENT, Stance.ABSTAIN)
    said = [
        Said(agent=f"{stance} {number}", cycle=1, stance=stance, confidence=float(confidence), text="")
        for stance, cell in zip(stances, row[:3], strict=True)
        for number, confidence in enumerate(filter(None, cell.split(", ")))
    ]
    tally = tally_of(said, asked=len(said), agree_percent=TERMS.agreement.agree_percent)
    assert (tally.agreement_percent, tally.decision) == (float(row[3]), row[4])


def test_who_was_sure_and_wrong_weighs_what_is_told() -> None:
    trust = trust_in(Answered(confidence=0.9, was_right=right) for right in (True, False, False))
    assert (round(trust, 2), round(calibrated(0.9, trust), 2)) == (0.07, 0.53)


@pytest.mark.parametrize("row", rows_of("How much a new session will take"), ids=" ".join)
def test_an_estimate_is_corrected_as_told(row) -> None:
    pairs = [each.split(" x ") for each in row[1].split(", ") if each]
    precedents = [Precedent(score=float(score), tokens=int(tokens)) for score, tokens in pairs]
    estimate = corrected(int(row[0]), precedents, quantile=float(row[2]))
    assert (estimate.weight, estimate.tokens) == (float(row[3]), int(row[4]))
