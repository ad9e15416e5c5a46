"""What docs/gateway.md works out by hand: the points of its request, signal by signal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sessions_app.domain.gateway.features import features_of
from sessions_app.domain.gateway.terms import GatewayTerms
from sessions_app.domain.gateway.triage import Assessment, assess
from sessions_app.domain.gateway.wire import ChatAsk
from sessions_app.services.gateway.counting import count_chat

ROOT = Path(__file__).parents[4]
GUIDE = (ROOT / "docs/gateway.md").read_text(encoding="utf-8")
TERMS = GatewayTerms.read(json.loads((ROOT / "sessions_app/data/gateway_policies.json").read_text())["default"]["body"])
TEXT = re.search(r'^text = """(.*?)"""$', GUIDE, flags=re.MULTILINE | re.DOTALL)[1]
TABLE = re.search(r"^\| signal \|.*\n\|[ :|-]+\n((?:\|.*\n)+)", GUIDE, flags=re.MULTILINE)[1]
ROWS = [[cell.strip() for cell in line[1:-1].split("|")] for line in TABLE.splitlines()]


@pytest.fixture(scope="module")
def assessment() -> Assessment:
    ask = ChatAsk(model="auto", messages=[{"role": "user", "content": TEXT}], max_output_tokens=2000)
    counted = count_chat(ask.messages, ask.options, tokeniser="o200k")
    features = features_of(ask, input_tokens=counted.tokens, domain_terms=TERMS.triage.domain_terms)
    return assess(features, TERMS.triage)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_signal_has_the_value_the_bound_and_the_points_that_are_told(row: list[str], assessment: Assessment) -> None:
    signal = next(each for each in assessment.signals if each.name.replace("_", " ") == row[0])
    assert (signal.full, signal.value, signal.points) == (float(row[2]), float(row[3]), float(row[4]))


def test_all_signals_are_told_and_sum_to_what_the_answer_shows(assessment: Assessment) -> None:
    assert len(ROWS) == len(assessment.signals)
    assert f"points = {assessment.points}\nconfidence = {assessment.confidence}" in GUIDE
    assert f'explanation = "{assessment.explanation}"' in GUIDE
