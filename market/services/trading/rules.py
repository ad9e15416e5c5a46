"""Standing rules of budgets: made, changed and paused by their teams."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts.domain.principal import Principal
from budgets import selectors as budgets
from budgets.domain.units import LARGEST_AMOUNT, Unit, to_steps
from config.kernel.actors import change_reason
from config.kernel.errors import InvalidInput, NotAllowed, NotFound
from config.kernel.events import publish
from config.kernel.transactions import transactional
from market.domain.trading.rules import nano_of_usd
from market.events import ConductChanged
from market.models import StandingRule
from market.selectors.trading.budgets import budget_of_quota

Kind = StandingRule.Kind
MOST_RULES = 100
MICRO_PER_USD = 1_000_000
LARGEST_PRICE_USD = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleAsk:
    """A rule as a team writes it. Prices in US$ for ONE token, gram or watt hour; quantities in units.

    `by_hour_utc` is of a rule that sells, `most_usd_per_day` of one that buys.
    """

    budget_id: UUID
    kind: str
    limit_price_usd: Decimal
    most_per_day: Decimal
    by_hour_utc: int | None = None
    most_usd_per_day: Decimal | None = None


@transactional
def create_rule(*, ask: RuleAsk, principal: Principal, now: datetime) -> StandingRule:
    """Let the worker trade for a budget of the caller's team, within limits.

    Raises InvalidInput or NotAllowed naming the field at fault, NotFound for an unknown budget.
    """
    if principal.team_id is None:
        raise NotAllowed("You act for no team, so nobody would trade.")
    unit = _unit_of(ask.budget_id, principal.team_id)
    _require_room(principal.team_id, field="kind")
    values = {
        "by_hour_utc": ask.by_hour_utc,
        "limit_price_usd": ask.limit_price_usd,
        "most_per_day": ask.most_per_day,
        "most_usd_per_day": ask.most_usd_per_day,
    }
    rule = StandingRule(
        team_id=principal.team_id,
        budget_id=ask.budget_id,
        kind=_kind(ask.kind),
        created_at=now,
        created_by=principal.actor,
    )
    return _saved(rule, values, unit, actor=principal.actor, now=now)


@transactional
def change_rule(*, rule_id: int, changes: dict[str, Any], principal: Principal, now: datetime) -> StandingRule:
    """Change `by_hour_utc`, `limit_price_usd`, `most_per_day`, `most_usd_per_day` or `is_active`; others stay.

    Raises as `create_rule` does. Orders that it placed stay as they are.
    """
    rule = _own(rule_id, principal)
    unit = _unit_of(rule.budget_id, rule.team_id)
    if changes.get("is_active") and not rule.is_active:
        _require_room(rule.team_id, field="is_active")
    rule.is_active = changes.get("is_active", rule.is_active)
    values = {name: value for name, value in changes.items() if name != "is_active"}
    return _saved(rule, values, unit, actor=principal.actor, now=now)


@transactional
def pause_rule(*, rule_id: int, principal: Principal, now: datetime) -> StandingRule:
    """Stop a rule; `change_rule` with `is_active` lets it run again. Its orders stay until they end."""
    rule = _own(rule_id, principal)
    rule.is_active = False
    return _saved(rule, {}, None, actor=principal.actor, now=now)


def _own(rule_id: int, principal: Principal) -> StandingRule:
    rule = StandingRule.objects.select_for_update().filter(pk=rule_id).first()
    if rule is None or not principal.may_see_team(rule.team_id):
        raise NotFound("There is no such rule.")
    if rule.team_id != principal.team_id:
        raise NotAllowed("This rule is another team's.")
    return rule


def _require_room(team_id: int, *, field: str) -> None:
    if StandingRule.objects.filter(team=team_id, is_active=True).count() >= MOST_RULES:
        raise InvalidInput(f"A team has at most {MOST_RULES} rules that run.", field=field, code="too_many")


def _unit_of(budget_id: UUID, team_id: int) -> Unit:
    owner = budgets.get_owner(budget_id)
    if owner.team_id != team_id:
        raise NotAllowed("No budget of your team has this id.", field="budget", code="not_your_budget")
    if owner.unit == Unit.MICRO_USD:
        raise InvalidInput("Money is not traded for money.", field="budget", code="wrong_unit")
    return budget_of_quota(team_id, budget_id, owner.unit).unit


def _saved(rule: StandingRule, values: dict[str, Any], unit: Unit | None, *, actor: str, now: datetime) -> StandingRule:
    if "by_hour_utc" in values:
        rule.by_hour_utc = values["by_hour_utc"]
    if "limit_price_usd" in values:
        rule.limit_nano_usd_per_unit = _nano(values["limit_price_usd"])
    if "most_per_day" in values and unit is not None:
        rule.most_steps_per_day = _steps(unit, values["most_per_day"])
    if "most_usd_per_day" in values:
        rule.most_micro_usd_per_day = _micro_usd(values["most_usd_per_day"])
    _require_complete(rule)
    rule._change_reason = change_reason(actor)  # type: ignore[attr-defined]
    rule.save()
    publish(ConductChanged(team_ids=(rule.team_id,), at=now))
    return rule


def _require_complete(rule: StandingRule) -> None:
    is_sale = rule.kind == Kind.SELL_UNUSED
    if is_sale and rule.by_hour_utc is None:
        raise InvalidInput("Say by which hour of the day, 0 to 23 UTC.", field="by_hour_utc", code="required")
    if is_sale and rule.most_micro_usd_per_day is not None:
        raise InvalidInput("Only a rule that buys spends money.", field="most_usd_per_day", code="not_for_sellers")
    if not is_sale and rule.by_hour_utc is not None:
        raise InvalidInput("Only a rule that sells has an hour.", field="by_hour_utc", code="not_for_buyers")
    if not is_sale and rule.most_micro_usd_per_day is None:
        raise InvalidInput("Say how much it may spend in a day.", field="most_usd_per_day", code="required")
    if rule.by_hour_utc is not None and not 0 <= rule.by_hour_utc <= 23:
        raise InvalidInput("An hour of the day is 0 to 23 UTC.", field="by_hour_utc", code="out_of_range")


def _kind(kind: str) -> Kind:
    if kind not in Kind.values:
        raise InvalidInput(f"Known are {', '.join(Kind.values)}.", field="kind", code="unknown_kind")
    return Kind(kind)


def _nano(usd: Decimal) -> int:
    nano = nano_of_usd(usd)
    if nano is None or usd > LARGEST_PRICE_USD:
        raise InvalidInput(
            "A price is at least 0.000000001 US$ for one unit, with at most nine decimals.",
            field="limit_price_usd",
            code="out_of_range",
        )
    return nano


def _steps(unit: Unit, amount: Decimal) -> int:
    if amount <= 0 or to_steps(unit, amount) > LARGEST_AMOUNT:
        raise InvalidInput("Say how much it may trade in a day.", field="most_per_day", code="out_of_range")
    return to_steps(unit, amount)


def _micro_usd(usd: Decimal | None) -> int | None:
    if usd is None:
        return None
    if not 0 < usd * MICRO_PER_USD <= LARGEST_AMOUNT or usd * MICRO_PER_USD % 1:
        raise InvalidInput(
            "Say more than zero US$, with at most six decimals.", field="most_usd_per_day", code="out_of_range"
        )
    return int(usd * MICRO_PER_USD)
