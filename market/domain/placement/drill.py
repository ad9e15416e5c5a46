"""What an emergency would change: the plan in force beside the plan of a drill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from market.domain.placement.plan import Party, PlanInputs

Key = tuple[str, str]
"""Origin and purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyChange:
    """Tokens of an origin and purpose in the plan in force and in the drill; weights None where it has no work there.

    `asked_tokens` is what waits now. `gives_back_tokens`: promises that have not begun and would be taken back.
    """

    origin: str
    purpose: str
    weight_before: float | None
    weight_after: float | None
    asked_tokens: int
    before_tokens: int
    after_tokens: int
    gives_back_tokens: int

    @property
    def loses(self) -> bool:
        """Whether it would be served less, or give back what it was promised."""
        return self.gives_back_tokens > 0 or self.after_tokens < self.before_tokens


def changes(before: PlanInputs, after: PlanInputs, gives_back: Mapping[Key, int]) -> tuple[PartyChange, ...]:
    """Every party of either plan, those that gain most first."""
    old, new = _by_key(before), _by_key(after)
    found = [
        PartyChange(
            origin=origin,
            purpose=purpose,
            weight_before=_weight(old.get((origin, purpose), [])),
            weight_after=_weight(new.get((origin, purpose), [])),
            asked_tokens=sum(each.asked_tokens for each in new.get((origin, purpose), [])),
            before_tokens=sum(each.service_tokens for each in old.get((origin, purpose), [])),
            after_tokens=sum(each.service_tokens for each in new.get((origin, purpose), [])),
            gives_back_tokens=gives_back.get((origin, purpose), 0),
        )
        for origin, purpose in dict.fromkeys([*old, *new, *gives_back])
    ]
    return tuple(
        sorted(
            found,
            key=lambda each: (
                each.before_tokens + each.gives_back_tokens - each.after_tokens,
                each.origin,
                each.purpose,
            ),
        )
    )


def _by_key(inputs: PlanInputs) -> dict[Key, list[Party]]:
    found: dict[Key, list[Party]] = {}
    for party in inputs.parties:
        found.setdefault((party.origin, party.purpose), []).append(party)
    return found


def _weight(parties: list[Party]) -> float | None:
    """The heaviest: companies of several headquarters may ask for one origin and purpose."""
    return max((each.weight for each in parties), default=None)
