"""Conduct: scores, flags and appeals, standing rules, registry units."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from accounts.domain.principal import Principal
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.forms.market import AppealForm, RuleForm
from dashboard.presentation.market.conduct import PART_NAMES, flag_row, rule_row, score_row, unit_row
from dashboard.presentation.market.quota import UNITS_OF_A_PRICE
from dashboard.sections import read_part
from dashboard.selectors.market import list_own_budgets
from dashboard.views.market.acting import act, page_at, trader_of
from dashboard.views.page import page
from market.selectors.trading.conduct import list_flags, list_rules, list_units
from market.selectors.trading.reputation import get_reputation, list_reputations
from market.services.trading.conduct import appeal_flag
from market.services.trading.rules import RuleAsk, change_rule, create_rule, pause_rule

UNITS_SHOWN = 200


@require_safe
@seen_by("details")
def conduct(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """How teams behave, and what the worker may trade for them."""
    now = datetime.now(UTC)
    context = {
        "section": "conduct",
        "part_names": list(PART_NAMES.values()),
        "scores": read_part("reputation", lambda: _scores(request, sight, now)),
        "rules": read_part(
            "rules", lambda: [rule_row(x, sight=sight) for x in list_rules(team_ids=sight.sealed_team_ids)]
        ),
        "flags": read_part(
            "flags", lambda: [flag_row(x, sight=sight) for x in list_flags(team_ids=sight.sealed_team_ids)]
        ),
        "units": read_part(
            "units", lambda: [unit_row(x) for x in list_units(team_ids=sight.sealed_team_ids, limit=UNITS_SHOWN)]
        ),
        "rule_form": RuleForm(budgets=list_own_budgets(sight)),
    }
    return page(request, "dashboard/market/conduct.html", sight, now, "market", context)


@require_POST
@seen_by("details")
def add_rule(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """Let the worker trade for a budget."""

    def say(values: dict[str, Any], principal: Principal, now: datetime) -> str:
        ask = RuleAsk(
            budget_id=UUID(values["budget"]),
            kind=values["kind"],
            limit_price_usd=values["limit_price"] / UNITS_OF_A_PRICE,
            most_per_day=values["most_per_day"],
            by_hour_utc=values["by_hour_utc"] if values["kind"] == "sell_unused" else None,
            most_usd_per_day=values["most_usd_per_day"] if values["kind"] == "buy_before_empty" else None,
        )
        create_rule(ask=ask, principal=principal, now=now)
        return "The rule runs every five minutes from now on."

    form = RuleForm(request.POST, budgets=list_own_budgets(sight))
    return act(request, sight, form, say, back=page_at("market-conduct", "part-rules"))


@require_POST
@seen_by("details")
def turn_rule(request: HttpRequest, rule_id: str, *, sight: Sight) -> HttpResponse:
    """Pause a rule, or let it run again."""

    def say(_values: dict[str, Any], principal: Principal, now: datetime) -> str:
        if request.POST.get("act") == "resume":
            change_rule(rule_id=int(rule_id), changes={"is_active": True}, principal=principal, now=now)
            return "The rule runs again."
        pause_rule(rule_id=int(rule_id), principal=principal, now=now)
        return "The rule is paused. Orders that it placed stay until they end."

    return act(request, sight, None, say, back=page_at("market-conduct", "part-rules"))


@require_POST
@seen_by("details")
def appeal(request: HttpRequest, flag_id: str, *, sight: Sight) -> HttpResponse:
    """Say why a flag should be lifted."""

    def say(values: dict[str, Any], principal: Principal, now: datetime) -> str:
        appeal_flag(flag_id=int(flag_id), text=values["text"], principal=principal, now=now)
        return "Sent: a person decides."

    return act(request, sight, AppealForm(request.POST), say, back=page_at("market-conduct", "part-flags"))


def _scores(request: HttpRequest, sight: Sight, now: datetime) -> list[dict[str, Any]]:
    """The viewer's own team as of now, and the newest scores of the others they may see."""
    own = sight.trading_team_id
    rows = (
        [] if own is None else [score_row(get_reputation(own, now=now), team_name=trader_of(request, sight).team_name)]
    )
    others = [each for each in list_reputations(team_ids=sight.sealed_team_ids, now=now) if each.team_id != own]
    return rows + [score_row(each, team_name="") for each in others]
