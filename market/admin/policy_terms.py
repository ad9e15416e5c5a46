"""The terms of a policy as people fill them in: labels, help and kinds, section by section."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from market.domain.policy import MODEL_CLASSES, TIERS
from market.domain.trading.terms import CLASS_NAMES, MECHANISMS, WEIGHT_TERMS, WHOLE_TERMS


class Kind(StrEnum):
    """How a term is written in a body."""

    MONEY = "money"  # a decimal, as text
    NUMBER = "number"  # a JSON number
    CHOICE = "choice"
    CHOICES = "choices"  # a list, empty too
    FLAG = "flag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One leaf of a policy body, named by its dotted key. `only_for` is the kind of justice that has it."""

    key: str
    label: str
    help: str = ""
    kind: Kind = Kind.NUMBER
    may_be_empty: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    only_for: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Terms that belong together."""

    title: str
    help: str
    terms: tuple[Term, ...]


FEEBATE, FIXED = "feebate", "fixed"

SECTIONS = (
    Section(
        title="Price of the service",
        help="US$ for 1,000 tokens before anything is added or taken off.",
        terms=tuple(
            Term(key=f"rate_usd_per_1k_tokens.{name}", label=f"Model class {name}", help="US$", kind=Kind.MONEY)
            for name in MODEL_CLASSES
        ),
    ),
    Section(
        title="Scarcity and urgency",
        help="Full hours cost more; work that can wait costs less.",
        terms=(
            Term(key="scarcity.from_utilisation", label="Scarcity begins at", help="Share of an hour in use, 0 to 1."),
            Term(
                key="scarcity.max", label="Scarcity at most", help="× price of a full hour; 1 is off.", kind=Kind.MONEY
            ),
            Term(key="urgency.min", label="Urgency at least", help="× price of patient work, 0 to 1.", kind=Kind.MONEY),
            Term(key="urgency.full_window_hours", label="Patient from", help="Hours that the work can wait."),
        ),
    ),
    Section(
        title="Carbon and energy",
        help="Every gram is priced at the grid where the work runs, never discounted.",
        terms=(
            Term(key="carbon_usd_per_t", label="Cost of carbon", help="US$ for a tonne CO₂e.", kind=Kind.MONEY),
            Term(
                key="electricity_usd_per_kwh",
                label="Cost of electricity",
                help="US$ for a kWh. With carbon it is the least that work may cost.",
                kind=Kind.MONEY,
            ),
            Term(
                key="flat_kwh_per_token",
                label="Flat energy of a token",
                help="kWh. Empty: energy depends on the model class.",
                kind=Kind.MONEY,
                may_be_empty=True,
            ),
            Term(key="default_pue", label="PUE assumed", help="For regions that publish none, 1 to 3."),
            Term(key="maximum_age_minutes", label="Oldest live figure", help="Minutes; older ones are not taken."),
        ),
    ),
    Section(
        title="Justice",
        help="Who pays more so that others pay less. The terms of the other kind are left out.",
        terms=(
            Term(
                key="justice.kind",
                label="Kind",
                help="Feebate: around the mean need. Fixed: by list of countries.",
                kind=Kind.CHOICE,
                choices=((FEEBATE, "feebate"), (FIXED, "fixed discount and premium")),
            ),
            Term(
                key="justice.phi",
                label="Feebate: strength",
                help="Share of the service price that need can move, 0 to 1.",
                kind=Kind.MONEY,
                only_for=FEEBATE,
            ),
            Term(
                key="justice.discount",
                label="Fixed: discount",
                help="Share taken off for the listed countries, 0 to 1.",
                kind=Kind.MONEY,
                only_for=FIXED,
            ),
            Term(
                key="justice.premium",
                label="Fixed: premium",
                help="Share added for all others, 0 to 10.",
                kind=Kind.MONEY,
                only_for=FIXED,
            ),
            Term(
                key="company_scores_by_headquarters",
                label="Companies count by headquarters",
                help="Yes: the need of a company is that of its home country, wherever it asks from.",
                kind=Kind.FLAG,
            ),
        ),
    ),
    Section(
        title="Priority",
        help="Who goes first when not everything fits. It multiplies the weight of the purpose.",
        terms=(
            Term(key="geographic.high_need", label="High need", help="× weight."),
            Term(key="geographic.climate_vulnerable", label="Climate-vulnerable", help="× weight."),
            Term(key="geographic.high_need_from_score", label="High need from", help="Score of need, 0 to 1."),
            Term(key="home_grid_bonus", label="Bonus of a clean home grid", help="Added to the weight; 0 is off."),
        ),
    ),
    Section(
        title="Renewable supply",
        help="A discount for work that runs on renewable supply.",
        terms=(
            Term(
                key="renewable.discount", label="Discount", help="Share of the service price, 0 to 1.", kind=Kind.MONEY
            ),
            Term(
                key="renewable.share_of",
                label="Share counted",
                help="Contracted: hourly matched supply of the site only.",
                kind=Kind.CHOICE,
                choices=(("contracted_supply", "contracted supply"), ("grid", "the grid’s mix")),
            ),
            Term(key="renewable.paid_by_fund", label="Paid by the Fund", kind=Kind.FLAG),
        ),
    ),
    Section(
        title="Place and time",
        help="How far work may be sent, and how long what was promised is kept.",
        terms=(
            Term(key="latency_km.interactive", label="Interactive", help="km; empty: no bound.", may_be_empty=True),
            Term(key="latency_km.regional", label="Regional", help="km; empty: no bound.", may_be_empty=True),
            Term(key="latency_km.anywhere", label="Anywhere", help="km; empty: no bound.", may_be_empty=True),
            Term(key="hold_lease_minutes", label="A promise is kept for", help="Minutes, then it is given back."),
        ),
    ),
    Section(
        title="Plans",
        help="How work that can wait is shared out. Room kept and the carbon budget are those of the default policy.",
        terms=(
            *(
                Term(
                    key=f"allocation.floor_share.{tier}",
                    label=f"Floor, {tier}",
                    help="Share of a plan’s free capacity that each origin and purpose is sure of, 0 to 1.",
                )
                for tier in TIERS
            ),
            Term(
                key="allocation.emergency_floor_multiplier",
                label="Floor in an emergency",
                help="× floor of what the emergency lifts, 1 to 100.",
            ),
            Term(
                key="allocation.gives_way_tiers",
                label="Gives way in an emergency",
                help="Promises to these that have not begun may be taken back for work that the emergency lifts.",
                kind=Kind.CHOICES,
                choices=tuple((tier, tier) for tier in TIERS),
            ),
            Term(
                key="allocation.reserve_interactive_factor",
                label="Room for work at once",
                help="× what is expected to come and must start at once, 0 to 10.",
            ),
            Term(
                key="allocation.reserve_flexible_factor",
                label="Room for work that waits",
                help="× what is expected to come and can wait a little, 0 to 10.",
            ),
            Term(
                key="allocation.carbon_budget_g_per_day",
                label="Carbon budget",
                help="g CO₂e a day that plans may emit. Empty: none.",
                may_be_empty=True,
            ),
        ),
    ),
    Section(
        title="Market",
        help="How surplus quota changes hands. Only the market terms of the default policy count.",
        terms=(
            Term(
                key="market.mechanism",
                label="Mechanism",
                help="Sealed calls at one price, or an open book.",
                kind=Kind.CHOICE,
                choices=tuple((name, name) for name in MECHANISMS),
            ),
            Term(
                key="market.reference_class",
                label="Price of any class",
                help="Before it has traded: the service price of this class.",
                kind=Kind.CHOICE,
                choices=tuple((name, name) for name in MODEL_CLASSES),
            ),
            *(
                Term(key=f"market.lot_tokens.{name}", label=f"Lot, class {name}", help="Tokens.")
                for name in CLASS_NAMES
            ),
            *(Term(key=f"market.{each.name}", label=each.label, help=each.help) for each in WHOLE_TERMS),
            *(Term(key=f"market.{name}", label=label, help="0 to 1.") for name, label in WEIGHT_TERMS),
        ),
    ),
)
