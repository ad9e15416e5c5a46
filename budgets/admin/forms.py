"""What people fill in to make a budget and to turn its knobs, in words for those who do not program."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from budgets.admin.choices import BudgetField
from budgets.admin.options import CLASSES, GEARS, LEVELS, PERIODS, UNITS
from budgets.domain.gears import GearChoice
from budgets.domain.levels import Level
from budgets.domain.units import Unit, from_steps
from budgets.models import Budget


@dataclass(frozen=True, slots=True)
class Section:
    """Fields that belong together on the page."""

    title: str
    help: str
    fields: list[forms.BoundField]


class LimitField(forms.DecimalField):
    """An amount in the unit of the budget."""

    def __init__(self, **options: Any):
        super().__init__(max_digits=25, decimal_places=6, widget=UnfoldAdminDecimalFieldWidget, **options)


def typed(amount: Decimal) -> str:
    """An amount as somebody types it: digits, and no decimals that say nothing."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class AmountsField(forms.CharField):
    """Amounts with commas between them, rising."""

    def prepare_value(self, value: Any) -> Any:
        """A list as text."""
        return ", ".join(map(typed, value)) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        """Numbers. Raises ValidationError for a part that is none."""
        if isinstance(value, list | tuple):
            return list(value)
        try:
            return [Decimal(part) for part in str(value or "").replace(" ", "").split(",") if part]
        except InvalidOperation as error:
            raise ValidationError("Write numbers with commas between them, for example 150000, 180000.") from error


def _owner(field_name: str, **options: Any) -> forms.ModelChoiceField[Any]:
    """A choice among organisations or teams, which another app owns."""
    column: Any = Budget._meta.get_field(field_name)
    field: forms.ModelChoiceField[Any] = column.formfield(widget=UnfoldAdminSelect2Widget, **options)
    if field_name == "team":  # a team is shown with its organisation
        field.queryset = column.related_model.objects.select_related("organisation")
    return field


def _whole_number(most: int, *, least: int = 0, **options: Any) -> forms.IntegerField:
    widget = UnfoldAdminIntegerFieldWidget
    return forms.IntegerField(min_value=least, max_value=most, required=False, widget=widget, **options)


class KnobsForm(forms.Form):
    """Everything that can be turned on a budget besides its limit. What is left empty stays as it is by default."""

    SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        (
            "When a period ends",
            "A budget that is renewed begins each period with its base. Some of what was not spent may come on top.",
            ("rollover_percent", "rollover_cap_percent"),
        ),
        (
            "When it runs short",
            "A budget may lend a part of itself, its pool, to the budgets right below it. Give the pool to the budget"
            " above, and the share that may be drawn to those below. All of it ends with the period.",
            ("pool", "overflow_percent", "floor"),
        ),
        (
            "On the market",
            "Teams may sell or lend quota that they do not need. What was sold comes back when the period ends.",
            ("tradeable_percent",),
        ),
        (
            "Care",
            "Crossing 75, 85 and 95 % of the limit always alerts (Thresholds says the figures in force).",
            ("warning_amounts", "needs_two", "gear"),
        ),
    )

    level = forms.ChoiceField(
        choices=LEVELS,
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="What it stands for. It is a name: every level is checked in the same way.",
    )
    window_hours = _whole_number(
        31 * 24,
        least=1,
        label="Hours of a rolling budget",
        help_text="Only for a rolling budget: how long spending counts, from 1 hour to 31 days (744).",
    )
    rollover_percent = _whole_number(
        100,
        initial=0,
        label="Carried over, %",
        help_text="How much of what is not spent goes on into the next period. 0: nothing, 100: all of it.",
    )
    rollover_cap_percent = _whole_number(
        1000,
        initial=100,
        label="Carried over at most, % of the base",
        help_text="However much is left, no more than this share of the base is carried over.",
    )
    pool = LimitField(
        min_value=0,
        required=False,
        initial=0,
        label="Pool for the budgets below",
        help_text="How much of it they may draw beyond their own limits in a period, in its unit. 0: no pool.",
    )
    overflow_percent = _whole_number(
        1000,
        initial=0,
        label="May draw from the pool above, % of its base",
        help_text="How far beyond its base it may go when it runs short, if the budget above has a pool."
        " 0: never. 50: half as much again.",
    )
    tradeable_percent = _whole_number(
        100,
        initial=50,
        label="May be sold or lent away, % of its base",
        help_text="In each period, beside the tradeable part of a bonus. 0: nothing of the base.",
    )
    floor = LimitField(
        min_value=0,
        required=False,
        initial=0,
        help_text="Rebalancing never takes its base below this amount, however little it uses.",
    )
    warning_amounts = AmountsField(
        required=False,
        label="Also warn at these amounts",
        widget=UnfoldAdminTextInputWidget,
        help_text="In its unit, rising, with commas: 150000, 180000. Each warns once a period.",
    )
    needs_two = forms.BooleanField(
        required=False,
        label="Four eyes",
        widget=UnfoldBooleanWidget,
        help_text="Another limit, a reset or a correction waits until a second person agrees.",
    )
    gear = forms.ChoiceField(
        choices=GEARS,
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="How reservations are let in. It changes how fast the answer comes, never the answer."
        " Leave it automatic unless you measure something.",
    )

    @property
    def sections(self) -> list[Section]:
        """The fields by what they are about; those in no section first."""
        named = {name for _, _, names in self.SECTIONS for name in names}
        rest = [self[name] for name in self.fields if name not in named]
        return [
            Section("The budget", "", rest),
            *(Section(title, words, [self[name] for name in names]) for title, words, names in self.SECTIONS),
        ]

    def knobs(self) -> dict[str, Any]:
        """What services take. An empty number is what its field starts with."""
        given = self.cleaned_data
        return {
            "level": Level(given["level"]) if given["level"] else None,
            "window_hours": given["window_hours"],
            "rollover_percent": given["rollover_percent"] or 0,
            "rollover_cap_percent": 100 if given["rollover_cap_percent"] is None else given["rollover_cap_percent"],
            "overflow_percent": given["overflow_percent"] or 0,
            "tradeable_percent": 50 if given["tradeable_percent"] is None else given["tradeable_percent"],
            "pool": given["pool"] or Decimal(0),
            "floor": given["floor"] or Decimal(0),
            "warning_amounts": tuple(given["warning_amounts"]),
            "needs_two": given["needs_two"],
            "gear": GearChoice(given["gear"] or GearChoice.AUTO),
        }


class NewBudgetForm(KnobsForm):
    """A new budget, anywhere in the tree."""

    name = forms.CharField(max_length=120, widget=UnfoldAdminTextInputWidget)
    organisation = _owner("organisation")
    team = _owner("team", required=False, help_text="Leave empty for a budget of the whole organisation.")
    parent = BudgetField(
        required=False,
        label="Budget above it",
        help_text="What this budget spends is also taken from the budget above it, whatever the unit of that one.",
    )
    unit = forms.ChoiceField(choices=UNITS, widget=UnfoldAdminSelectWidget)
    model_class = forms.ChoiceField(
        choices=CLASSES,
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="Never changed afterwards. What is below a budget of one class is of that class too.",
    )
    limit = LimitField(help_text="In the unit above.")
    period = forms.ChoiceField(label="Renewed every", choices=PERIODS, widget=UnfoldAdminSelectWidget)
    is_default = forms.BooleanField(
        label="Pays when a request of the team names no budget", required=False, widget=UnfoldBooleanWidget
    )
    field_order = (
        *("name", "organisation", "team", "parent", "level"),
        *("unit", "model_class", "limit", "period", "window_hours"),
    )

    def clean(self) -> dict[str, Any]:
        """The team must belong to the organisation, and only a team has a default budget."""
        given = super().clean() or {}
        team, organisation = given.get("team"), given.get("organisation")
        if team is not None and organisation is not None and team.organisation_id != organisation.pk:
            self.add_error("team", f"This team belongs to {team.organisation}.")
        if given.get("is_default") and "team" in given and team is None:
            self.add_error("is_default", "Choose the team whose requests it pays.")
        return given


class ConfigureForm(KnobsForm):
    """The knobs of a budget that exists, and why they are turned."""

    name = forms.CharField(max_length=120, widget=UnfoldAdminTextInputWidget)
    reason = forms.CharField(
        max_length=80, widget=UnfoldAdminTextInputWidget, help_text="Kept in the history beside the change."
    )
    field_order = ("name", "reason", "level", "window_hours")

    @staticmethod
    def start_of(budget: Budget) -> dict[str, Any]:
        """What the form starts with: the settings in force, amounts in the budget's unit."""
        unit = Unit(budget.unit)
        plain = ("name", "level", "window_hours", "rollover_percent", "rollover_cap_percent", "overflow_percent")
        turned = (*plain, "tradeable_percent", "needs_two", "gear")
        start: dict[str, Any] = {name: getattr(budget, name) for name in turned}
        start |= {name: typed(from_steps(unit, getattr(budget, name))) for name in ("pool", "floor")}
        start["warning_amounts"] = [from_steps(unit, steps) for steps in budget.warning_amounts]
        return start
