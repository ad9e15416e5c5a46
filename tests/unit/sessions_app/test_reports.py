"""What the report of a call says of its window, and what its hold is settled at."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from budgets.domain.units import Amounts
from sessions_app.domain.reports import grown, new_tokens, settled_amounts, stated
from sessions_app.domain.words import Component

TOKENS = st.integers(min_value=0, max_value=100_000)
HELD = st.dictionaries(st.sampled_from([each.value for each in Component]), TOKENS)


@given(held=HELD, more=TOKENS, prompt=TOKENS, output=TOKENS)
def test_a_window_holds_at_least_the_prompt_and_the_answer_and_never_shrinks(held, more, prompt, output):
    before = max(0, sum(held.values()) - more)
    after = grown(held, before=before, prompt=prompt, output=output, component=Component.AGENT)
    assert sum(after.values()) == max(sum(held.values()), max(before, prompt) + output)
    assert {name: tokens for name, tokens in after.items() if name != Component.AGENT} == {
        name: tokens for name, tokens in held.items() if name != Component.AGENT
    }


def test_the_same_prompt_again_adds_its_answer_only():
    after = grown({"agent": 500}, before=500, prompt=500, output=20, component=Component.AGENT)
    assert after == {"agent": 520}


@given(held=HELD, told=HELD, itemised=HELD)
def test_no_component_is_said_to_hold_less_than_its_items(held, told, itemised):
    after = stated(held, told, itemised)
    assert all(after[name] == max(tokens, itemised.get(name, 0)) for name, tokens in told.items())
    assert all(after[name] == tokens for name, tokens in held.items() if name not in told)


def test_what_a_call_added_is_its_growth_and_at_least_its_answer():
    assert new_tokens(before=100, after=900, output=50) == 800
    assert new_tokens(before=900, after=100, output=50) == 50


@given(
    held=st.builds(Amounts, tokens=TOKENS, carbon_ug=TOKENS, micro_usd=TOKENS, energy_uwh=TOKENS),
    tokens=TOKENS,
)
def test_other_units_of_a_hold_are_settled_in_proportion_and_never_understated(held, tokens):
    settled = settled_amounts(held, tokens)
    assert settled.tokens == tokens
    for column in ("carbon_ug", "micro_usd", "energy_uwh"):
        assert getattr(settled, column) * max(1, held.tokens) >= getattr(held, column) * (tokens if held.tokens else 1)
        if held.tokens and tokens <= held.tokens:
            assert getattr(settled, column) <= getattr(held, column)
