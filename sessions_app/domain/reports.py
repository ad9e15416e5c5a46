"""What the report of a call says of its window, and what a hold is settled at."""

from __future__ import annotations

from collections.abc import Mapping

from budgets.domain.units import Amounts
from sessions_app.domain.words import Component


def grown(held: Mapping[str, int], *, before: int, prompt: int, output: int, component: Component) -> dict[str, int]:
    """Tokens of components after a call whose report does not tell them.

    The window held at least the prompt, and the answer joins it. `held` are the components with the
    items that came with the report, `before` the context tokens without those: what the items do not
    account for goes to `component`.
    """
    growth = max(before, prompt) + output - sum(held.values())
    return {**held, component: held.get(component, 0) + max(0, growth)}


def stated(held: Mapping[str, int], told: Mapping[str, int], itemised: Mapping[str, int]) -> dict[str, int]:
    """Tokens of components as a report tells them: those that it names, and none below its items."""
    return {**held, **{name: max(tokens, itemised.get(name, 0)) for name, tokens in told.items()}}


def new_tokens(*, before: int, after: int, output: int) -> int:
    """Tokens that a call added to what a session knows: the growth of its window, at least the answer."""
    return max(output, after - before)


def settled_amounts(held: Amounts, tokens: int) -> Amounts:
    """What a hold is settled at: the tokens that were used; carbon, money and energy in proportion, rounded up."""
    if held.tokens == 0:
        return Amounts(tokens=tokens, carbon_ug=held.carbon_ug, micro_usd=held.micro_usd, energy_uwh=held.energy_uwh)
    return Amounts(
        tokens=tokens,
        carbon_ug=-(-held.carbon_ug * tokens // held.tokens),
        micro_usd=-(-held.micro_usd * tokens // held.tokens),
        energy_uwh=-(-held.energy_uwh * tokens // held.tokens),
    )
