"""Forms of the market. Prices are US$ for a thousand units, as everywhere on its pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django import forms

from dashboard.presentation.market.quota import PRICE_UNITS_WORDS
from market.domain.policy import MODEL_CLASSES

Choices = Sequence[tuple[str, str]]
LARGEST_QUANTITY = 10**15
LARGEST_USD = 10**9


def _time(label: str, help_text: str, *, required: bool) -> forms.DateTimeField:
    return forms.DateTimeField(
        label=label,
        help_text=help_text,
        required=required,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


def _number(label: str, *, most: int, decimals: int, help_text: str, required: bool = True) -> forms.DecimalField:
    """A bounded number: without bounds a text such as 1e999999 takes a machine to its limits."""
    return forms.DecimalField(
        label=label,
        min_value=0,
        max_value=most,
        decimal_places=decimals,
        help_text=help_text,
        required=required,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )


def _quantity(help_text: str = "Tokens, g CO₂e or Wh; whole lots.", *, label: str = "Quantity") -> forms.DecimalField:
    return _number(label, most=LARGEST_QUANTITY, decimals=6, help_text=help_text)


def _usd(label: str, help_text: str = "", *, required: bool = True) -> forms.DecimalField:
    return _number(label, most=LARGEST_USD, decimals=6, help_text=help_text, required=required)


def _price(label: str, help_text: str, *, required: bool = True) -> forms.DecimalField:
    return _number(label, most=LARGEST_USD, decimals=12, help_text=help_text, required=required)


class BudgetsForm(forms.Form):
    """A form with a choice of the team's own budgets."""

    budget = forms.ChoiceField(label="Budget")

    def __init__(self, *args: Any, budgets: Choices, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["budget"].choices = list(budgets)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Times are UTC, whatever the browser's clock."""
        values = super().clean() or {}
        return {
            name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for name, value in values.items()
        }


class OrderForm(BudgetsForm):
    """A bid or an offer."""

    field_order = ("side", "budget")

    side = forms.ChoiceField(label="I want to", choices=[("sell", "Sell quota"), ("buy", "Buy quota")])
    budget = forms.ChoiceField(label="Of or for the budget")
    quantity = _quantity()
    limit_price = _price(
        "Limit price, US$", f"For {PRICE_UNITS_WORDS}. Empty: any price inside the collar.", required=False
    )
    model_class = forms.ChoiceField(
        label="Model class",
        choices=[("", "as the budget"), *((name, name) for name in MODEL_CLASSES)],
        required=False,
        help_text="Tokens only.",
    )
    session = forms.ChoiceField(
        label="Trade",
        choices=[("call", "in the next call"), ("window", "at once, at the last price")],
        required=False,
    )
    good_until = _time("Good until, UTC", "Empty: as long as the period lasts.", required=False)


class MoneyForm(BudgetsForm):
    """Money into the team's account, or out of it."""

    field_order = ("act", "budget")

    act = forms.ChoiceField(
        label="I want to", choices=[("top_up", "Fill the account"), ("pay_out", "Pay out to the budget")]
    )
    amount_usd = _usd("Amount, US$")


class LendForm(BudgetsForm):
    """An offer to lend."""

    budget = forms.ChoiceField(label="Out of the budget")
    quantity = _quantity()
    fee = _usd("Fee, US$", "For all of it, until it is due.")
    due_at = _time("Due, UTC", "The same quantity comes back then.", required=True)


class ReturnForm(forms.Form):
    """How much of a loan comes back."""

    quantity = _quantity()


class ShareForm(BudgetsForm):
    """Quota given to the team, or drawn from what it was given."""

    field_order = ("act", "budget")

    act = forms.ChoiceField(label="I want to", choices=[("donate", "Donate to the team"), ("draw", "Draw from it")])
    quantity = _quantity("Tokens, g CO₂e or Wh.")


class RuleForm(BudgetsForm):
    """What the worker may trade for a budget."""

    field_order = ("kind", "budget")

    kind = forms.ChoiceField(
        label="Rule",
        choices=[
            ("sell_unused", "Sell what will not be used by an hour"),
            ("buy_before_empty", "Buy before it runs out"),
        ],
    )
    by_hour_utc = forms.IntegerField(
        label="By the hour, UTC", min_value=0, max_value=23, required=False, help_text="0 to 23; to sell."
    )
    limit_price = _price("Worst price, US$", f"For {PRICE_UNITS_WORDS}.")
    most_per_day = _quantity("Tokens, g CO₂e or Wh.", label="At most a day")
    most_usd_per_day = _usd("At most a day, US$", "To buy.", required=False)


class AppealForm(forms.Form):
    """A word against a flag."""

    text = forms.CharField(label="Appeal", max_length=2000, error_messages={"required": "Say why."})
