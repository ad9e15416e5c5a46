"""The terms of the market in a policy: mechanism, lots, collar, halts, loans, conduct."""

from __future__ import annotations

from dataclasses import dataclass, field

MECHANISMS = ("auction", "continuous")
CLASS_NAMES = ("any", "S", "M", "L", "XL", "XXL")
LOT_UNITS = {"any": 100, "S": 1000, "M": 1000, "L": 100, "XL": 100, "XXL": 100}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTerms:
    """One policy version's market. A tick is one micro-USD for a lot; percentages are whole.

    `lot_tokens` by model class (`any` is quota for every class), `lot_carbon_g`, `lot_energy_wh`: units
    in a lot. `reference_class` is the class whose service price stands for quota of any class before it
    has traded; `reference_calls` how many calls with trades the reference price is the mean of.
    A call closes every `call_minutes`; in its last `lock_seconds` orders can only be improved.
    """

    mechanism: str = "auction"
    call_minutes: int = 60
    lock_seconds: int = 60
    least_principals: int = 5
    collar_percent: int = 50
    volatility_percent: int = 25
    halt_minutes: int = 60
    reference_calls: int = 24
    reference_class: str = "L"
    lot_tokens: dict[str, int] = field(default_factory=lambda: dict(LOT_UNITS))
    lot_carbon_g: int = 1
    lot_energy_wh: int = 10
    minimum_balance_tokens: int = 100
    holding_limit_percent: int = 25
    most_order_days: int = 31
    least_cfe_percent: int = 70
    urgency_max_percent: int = 125
    quality_max_percent: int = 110
    collaboration_max_percent: int = 110
    most_loan_days: int = 31
    break_fee_percent: int = 5
    buy_in_calls: int = 24
    most_promised_percent: int = 50
    sharing_most_owed_tokens: int = 50_000
    hoarding_idle_hours: int = 24
    hoarding_idle_percent: int = 50
    hoarding_charge_percent: int = 1
    early_return_reward_percent: int = 1
    reputation_delivery_weight: float = 0.4
    reputation_accuracy_weight: float = 0.3
    reputation_early_return_weight: float = 0.1
    reputation_collaboration_weight: float = 0.2
    collaboration_from_score_percent: int = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A whole-number term with its lowest and highest value, and how people read it."""

    name: str
    lowest: int
    highest: int
    label: str
    help: str = ""


WHOLE_TERMS: tuple[Bound, ...] = (
    Bound(name="call_minutes", lowest=1, highest=1440, label="A call closes every", help="Minutes."),
    Bound(name="lock_seconds", lowest=0, highest=3600, label="Last seconds locked", help="Orders only improve."),
    Bound(name="least_principals", lowest=1, highest=1000, label="Teams a side at least", help="Fewer: carried on."),
    Bound(name="collar_percent", lowest=1, highest=99, label="Price collar", help="% around the reference price."),
    Bound(name="volatility_percent", lowest=1, highest=99, label="Volatility limit", help="% in one call: halts."),
    Bound(name="halt_minutes", lowest=1, highest=10_080, label="A halt lasts", help="Minutes."),
    Bound(name="reference_calls", lowest=1, highest=1000, label="Calls of the reference price"),
    Bound(name="lot_carbon_g", lowest=1, highest=1_000_000, label="Lot of carbon", help="g CO2e."),
    Bound(name="lot_energy_wh", lowest=1, highest=1_000_000, label="Lot of energy", help="Wh."),
    Bound(
        name="minimum_balance_tokens", lowest=0, highest=10**12, label="Minimum balance", help="Tokens a seller keeps."
    ),
    Bound(name="holding_limit_percent", lowest=1, highest=100, label="Holding limit", help="% of all quota, by team."),
    Bound(name="most_order_days", lowest=1, highest=366, label="An order lasts at most", help="Days."),
    Bound(name="least_cfe_percent", lowest=0, highest=100, label="Clean supply from", help="% carbon-free."),
    Bound(name="urgency_max_percent", lowest=100, highest=1000, label="Urgency at most", help="% of the price."),
    Bound(name="quality_max_percent", lowest=100, highest=1000, label="Quality at most", help="% of the price."),
    Bound(
        name="collaboration_max_percent",
        lowest=100,
        highest=1000,
        label="Collaboration at most",
        help="% of the price.",
    ),
    Bound(name="most_loan_days", lowest=1, highest=366, label="A loan lasts at most", help="Days."),
    Bound(name="break_fee_percent", lowest=0, highest=100, label="Break fee", help="% of the value broken off."),
    Bound(name="buy_in_calls", lowest=1, highest=1000, label="Calls to buy in", help="Then it is paid in money."),
    Bound(name="most_promised_percent", lowest=0, highest=100, label="Forward sales", help="% of the base, at most."),
    Bound(
        name="sharing_most_owed_tokens",
        lowest=0,
        highest=10**12,
        label="Sharing: owed at most",
        help="Tokens, by budget.",
    ),
    Bound(name="hoarding_idle_hours", lowest=1, highest=8760, label="Hoarding after", help="Idle hours."),
    Bound(name="hoarding_idle_percent", lowest=1, highest=100, label="Hoarding from", help="% of the limit unused."),
    Bound(name="hoarding_charge_percent", lowest=0, highest=100, label="Hoarding charge", help="% of the idle value."),
    Bound(
        name="early_return_reward_percent",
        lowest=0,
        highest=100,
        label="Early return",
        help="% of the fee, from the Fund.",
    ),
    Bound(
        name="collaboration_from_score_percent", lowest=0, highest=100, label="Premia from score", help="Reputation, %."
    ),
)
WEIGHT_TERMS = (
    ("reputation_delivery_weight", "Weight of delivery"),
    ("reputation_accuracy_weight", "Weight of estimates"),
    ("reputation_early_return_weight", "Weight of early returns"),
    ("reputation_collaboration_weight", "Weight of collaboration"),
)
