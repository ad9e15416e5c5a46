"""How a budget says no: which one, in which unit, how much is left and when that changes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from config.kernel.errors import Exhausted

_WORDS = {"carbon_g": "g CO2e", "micro_usd": "micro-USD", "energy_wh": "Wh"}


class BudgetExhausted(Exhausted):
    """A budget on the path cannot pay. The facts are members of the API's problem document."""

    @classmethod
    def replayed(cls, stored: dict[str, Any], *, headers: dict[str, str]) -> BudgetExhausted:
        """The same refusal again, from its stored detail and facts, for another try of the same request."""
        refusal = cls.__new__(cls)
        facts = {name: value for name, value in stored.items() if name != "detail"}
        Exhausted.__init__(refusal, stored["detail"], field="budget", headers=headers, **facts)
        return refusal

    def __init__(
        self,
        *,
        budget_id: UUID,
        name: str,
        unit: str,
        limit: Decimal,
        remaining: Decimal,
        needed: Decimal,
        resets_at: datetime | None,
        **facts: Any,
    ):
        until = f" until {resets_at:%Y-%m-%d %H:%M} UTC" if resets_at else ""
        super().__init__(
            f"The budget {name} has {remaining:,f} of {limit:,f} {_WORDS.get(unit, unit)} left{until};"
            f" this needs {needed:,f}.",
            field="budget",
            budget=str(budget_id),
            unit=unit,
            limit=plain_number(limit),
            remaining=plain_number(remaining),
            needed=plain_number(needed),
            resets_at=resets_at.isoformat() if resets_at else None,
            **facts,
        )


def plain_number(amount: Decimal) -> int | float:
    """A JSON number: an integer where it is one."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)
