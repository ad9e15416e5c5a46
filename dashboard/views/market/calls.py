"""Calls: the list, and one of them with its curve."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config.kernel.errors import NotFound
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.presentation.market.calls import (
    call_cards,
    call_line,
    curve_chart,
    curve_rows,
    fill_rows,
    money_lines,
    replay_words,
)
from dashboard.presentation.market.quota import PRICE_UNITS_WORDS, QUANTITY_UNITS, code_title
from dashboard.sections import read_part
from dashboard.views.page import page
from market.selectors import get_auction, get_policy_in_force, list_auctions
from market.services import replay_auction

SHOWN = 50


@require_safe
@seen_by("details")
def auctions(request: HttpRequest, *, sight: Sight) -> HttpResponse:
    """Every clearing, newest first."""
    now = datetime.now(UTC)
    before, instrument = _number(request.GET.get("before", "")), request.GET.get("instrument") or None
    rows = read_part("calls", lambda: list_auctions(instrument=instrument, before=before, limit=SHOWN + 1))
    of = f"&instrument={instrument}" if instrument and _is_code(instrument) else ""
    context = {
        "section": "auctions",
        "auctions": None if rows is None else [call_line(each, now=now) for each in rows[:SHOWN]],
        "instrument": code_title(instrument) if instrument and _is_code(instrument) else "",
        "call_minutes": get_policy_in_force().terms.market.call_minutes,
        "price_units": PRICE_UNITS_WORDS,
        "is_first": before is None,
        "newest_url": f"?{of.removeprefix('&')}",
        "older_url": f"?before={rows[SHOWN - 1].id}{of}" if rows and len(rows) > SHOWN else "",
    }
    return page(request, "dashboard/market/auctions.html", sight, now, "market", context)


@require_safe
@seen_by("details")
def auction(request: HttpRequest, auction_id: str, *, sight: Sight) -> HttpResponse:
    """Why this price, who was on which side, and where the money went."""
    now = datetime.now(UTC)
    try:
        detail = get_auction(int(auction_id), team_ids=sight.own_team_ids)
    except NotFound as error:
        raise Http404(error.detail) from error
    row, curve = detail.row, detail.curve
    replay = read_part("the replay", lambda: replay_auction(row.id)) if detail.inputs_sha256 else None
    context = {
        "section": "auctions",
        "auction": call_line(row, now=now),
        "cards": call_cards(detail),
        "quantity_unit": QUANTITY_UNITS[row.unit],
        "curve": curve_rows(curve, row) if curve else [],
        "curve_chart": curve_chart(row),
        "flows": money_lines(row),
        "fills": fill_rows(detail.fills, row),
        "fills_more": max(0, detail.fill_count - len(detail.fills)),
        "replay": replay and replay_words(replay),
        "has_inputs": bool(detail.inputs_sha256),
    }
    return page(request, "dashboard/market/auction.html", sight, now, "market", context)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _is_code(text: str) -> bool:
    """Whether a text from an address can be an instrument: it is shown and linked only then."""
    try:
        code_title(text)
    except (ValueError, KeyError):
        return False
    return text.replace("-", "").replace("_", "").isalnum()
