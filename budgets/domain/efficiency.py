"""What became of the tokens that were held: efficiency, its bonus, and the value of finished work.

Efficiency is useful tokens for each token taken: the sum of `used x quality` over the sum of
`max(held, used)`, over settled work whose quality was reported. What was held and not used counts
against it, and so does what was used beyond the hold; it is never above the mean quality, so
between 0 and 1. Inflating a hold lowers it: no claim gains by being larger than the work.

Scores are in tokens and are no money. The formulas of value and bonus are the founding documents';
the definition of efficiency, which they leave open, is our own.
"""

from __future__ import annotations

from dataclasses import dataclass

VALUE_CREATION = "value_creation"
COLLABORATION_BONUS = "collaboration_bonus"
EFFICIENCY_GAIN = "efficiency_gain"


@dataclass(frozen=True, slots=True, kw_only=True)
class EfficiencyTerms:
    """The thresholds in force: above `above` a bonus, in percent of the base; how much of it may be sold."""

    above: float = 0.8
    bonus_percent: float = 10.0
    tradeable_percent: float = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bonus:
    """What an efficient period earns the next one, in steps of the budget's unit."""

    limit_steps: int
    tradeable_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedWork:
    """Settled work whose quality (0..1) was reported. `collaboration` 0..1; not reported is None."""

    held_tokens: int
    used_tokens: int
    quality: float
    collaboration: float | None = None

    @property
    def taken_tokens(self) -> int:
        """Tokens that nobody else could have: those held, or those used where that was more."""
        return max(self.held_tokens, self.used_tokens)


def efficiency_of(*, useful_tokens: float, taken_tokens: int) -> float | None:
    """Useful tokens for each token taken, 0..1; None where nothing was taken."""
    return useful_tokens / taken_tokens if taken_tokens else None


def efficiency_bonus(base_steps: int, efficiency: float | None, terms: EfficiencyTerms) -> Bonus:
    """The bonus of a base of `base_steps` (the next period's); whole steps, rounded down. Unknown earns none."""
    if efficiency is None or efficiency <= terms.above:
        return Bonus(limit_steps=0, tradeable_steps=0)
    limit_steps = int(base_steps * terms.bonus_percent / 100)
    return Bonus(limit_steps=limit_steps, tradeable_steps=int(limit_steps * terms.tradeable_percent / 100))


def scores_of(work: FinishedWork, terms: EfficiencyTerms) -> dict[str, float]:
    """The scores that finished work earns, by kind, in tokens; kinds that come to nothing are left out.

    `value_creation = used x quality`; `collaboration_bonus = used x quality x collaboration`, so that
    both together are the founding documents' market value; `efficiency_gain = used x quality - above x
    taken`: the useful tokens beyond those that the threshold asks of the tokens taken. Tokens held and
    not used would be the nearer measure, but it pays for inflated holds.
    """
    value = work.used_tokens * work.quality
    scores = {
        VALUE_CREATION: value,
        COLLABORATION_BONUS: value * (work.collaboration or 0.0),
        EFFICIENCY_GAIN: value - terms.above * work.taken_tokens,
    }
    return {kind: score for kind, score in scores.items() if score > 0 or kind == VALUE_CREATION}


def return_on_tokens(*, value_tokens: float, used_tokens: int) -> float | None:
    """`(market value - used) / used`: a score, no money. None where nothing was used."""
    return (value_tokens - used_tokens) / used_tokens if used_tokens else None
