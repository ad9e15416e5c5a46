"""The call once more, as plainly as it can be said: fractions, loops, every price tried. Far too slow for a market."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

from market.domain.trading.call import Asks, Bids, CallTerms


@dataclass(frozen=True)
class Bid:
    number: int
    limit: int
    lots: int
    rate: int
    weight: int
    team: int

    def parts_at(self, factor: int) -> int:
        """What need adds, in parts of 10**8."""
        return self.rate * (factor if self.rate < 0 else 100)

    def worth(self, factor: int, high: int) -> int:
        return min(high, self.limit * 10**8 // (10**8 + self.parts_at(factor)))


@dataclass(frozen=True)
class Ask:
    number: int
    limit: int
    lots: int
    adder: int
    team: int
    weight: int = 1

    def least(self, low: int) -> int:
        return max(low, self.limit + self.adder)


@dataclass
class Plain:
    price: int
    wanted: int
    offered: int
    factor: int
    bid_fill: dict[int, int]
    ask_fill: dict[int, int]
    subsidies: int = 0
    premia: int = 0
    is_tied: bool = False
    by_party: dict[tuple[int, int], int] = field(default_factory=dict)


def rows_of(bids: Bids, asks: Asks) -> tuple[list[Bid], list[Ask]]:
    def rows(kind, *columns):
        return [kind(*(int(each) for each in row)) for row in zip(*columns, strict=True)]

    return (
        rows(Bid, bids.number, bids.limit_ticks, bids.lots, bids.rate_ppm, bids.weight_ppm, bids.team),
        rows(Ask, asks.number, asks.limit_ticks, asks.lots, asks.adder_ticks, asks.team),
    )


def clear_plainly(bids: list[Bid], asks: list[Ask], terms: CallTerms) -> Plain:
    """The outcome at the largest factor that can be paid for."""
    for factor in range(100, -1, -1):
        outcome = outcome_at(factor, bids, asks, terms)
        if outcome.subsidies <= outcome.premia + (terms.fund_micro_usd or 0):
            return outcome
    raise AssertionError("Nothing can be paid for without subsidies?")


def outcome_at(factor: int, bids: list[Bid], asks: list[Ask], terms: CallTerms) -> Plain:
    worth = {bid.number: bid.worth(factor, terms.high_ticks) for bid in bids}
    least = {ask.number: ask.least(terms.low_ticks) for ask in asks}

    def merit(price: int) -> tuple[int, int, int, int]:
        wanted = sum(bid.lots for bid in bids if worth[bid.number] >= price)
        offered = sum(ask.lots for ask in asks if least[ask.number] <= price)
        return (-min(wanted, offered), abs(wanted - offered), abs(price - terms.reference_ticks), price)

    price = min(range(terms.low_ticks, terms.high_ticks + 1), key=merit)
    good_bids = [bid for bid in bids if worth[bid.number] >= price]
    good_asks = [ask for ask in asks if least[ask.number] <= price]
    wanted, offered = sum(bid.lots for bid in good_bids), sum(ask.lots for ask in good_asks)
    volume = min(wanted, offered)
    bids_served, asks_served = (
        serve(good_bids, {bid.number: -worth[bid.number] for bid in good_bids}, volume),
        serve(good_asks, {ask.number: least[ask.number] for ask in good_asks}, volume),
    )
    outcome = Plain(
        price=price,
        wanted=wanted,
        offered=offered,
        factor=factor,
        bid_fill=bids_served[0],
        ask_fill=asks_served[0],
        is_tied=bids_served[1] or asks_served[1],
    )
    lots: dict[tuple[int, int], int] = defaultdict(int)
    for bid in good_bids:
        lots[bid.team, bid.rate] += outcome.bid_fill[bid.number]
        gross = lots[bid.team, bid.rate] * price
        outcome.by_party[bid.team, bid.rate] = gross * abs(bid.parts_at(factor)) // 10**8
    outcome.subsidies = sum(money for (_, rate), money in outcome.by_party.items() if rate < 0)
    outcome.premia = sum(money for (_, rate), money in outcome.by_party.items() if rate > 0)
    return outcome


def serve(rows, badness: dict[int, int], volume: int) -> tuple[dict[int, int], bool]:
    """Better rows first; the level that runs out is shared by teams. And whether arrival broke an exact tie."""
    fill, is_tied = {row.number: 0 for row in rows}, False
    for level in sorted(set(badness.values())):
        here = sorted((row for row in rows if badness[row.number] == level), key=lambda row: row.number)
        if volume >= sum(row.lots for row in here):
            fill.update({row.number: row.lots for row in here})
            volume -= sum(row.lots for row in here)
            continue
        shares, is_tied = share_lots(here, volume)
        for row in here:
            fill[row.number] = min(row.lots, shares[row.team])
            shares[row.team] -= fill[row.number]
        break
    return fill, is_tied


def share_lots(rows, total: int) -> tuple[dict[int, int], bool]:
    """Each team's lots: the water rises in proportion to weight until `total` is handed out; largest remainders up."""
    most: dict[int, int] = defaultdict(int)
    weight, first = {}, {}
    for row in rows:
        most[row.team] += row.lots
        weight[row.team] = row.weight
        first.setdefault(row.team, row.number)
    level = Fraction(0)
    if total:
        for bend in sorted({Fraction(most[team], weight[team]) for team in most}):
            if sum(min(Fraction(most[team]), bend * weight[team]) for team in most) >= total:
                rising = [team for team in most if Fraction(most[team], weight[team]) >= bend]
                held = sum(most[team] for team in most if team not in rising)
                level = Fraction(total - held, sum(weight[team] for team in rising))
                break
    exact = {team: min(Fraction(most[team]), level * weight[team]) for team in most}
    given = {team: floor(each) for team, each in exact.items()}
    by_remainder = sorted(most, key=lambda team: (given[team] - exact[team], first[team]))
    ups, more = by_remainder[: (left := total - sum(given.values()))], by_remainder[left:]
    remainders = [{exact[team] - given[team] for team in teams} for teams in (ups, more)]
    for team in ups:
        given[team] += 1
    return given, bool(remainders[0] & remainders[1])
