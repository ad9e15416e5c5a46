"""SIMULATION of a week in which teams trade surplus quota: who pays, who receives, what is left unused.

    .venv/bin/python benchmarks/economy.py --workloads FOLDER --traces YEAR.csv --week 2023-06-05 --write
    .venv/bin/python benchmarks/economy.py            # made-up work on modelled hours, no files needed

48 teams of four income groups have a week's quota of tokens of class L, some too much and some too little. What they
ask for are the sizes of FOLDER's azure_llm_2023.csv.gz and mooncake_fast25.csv.gz, row after row, as often as
servegen_hourly_rate.csv says; its first week is what they expect, its second the week itself. Grids are those of the
traces. Every hour one call is cleared by the market's own rules, under each policy that is shipped. Nothing is drawn:
the same files give the same week. `--write` keeps the sums for the page (market/data/simulated_week.json).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from _economy_world import build_inputs, policy_bodies  # noqa: E402
from _replay_world import (  # noqa: E402
    make_rates,
    make_sizes,
    model_grid,
    monday,
    read_grid,
    read_rates,
    read_sizes,
)
from replay import MADE_UP_ZONES, SEED  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from market.domain.policy import read_terms  # noqa: E402
from market.domain.trading.simulation.inputs import Inputs  # noqa: E402
from market.domain.trading.simulation.report import policy_week  # noqa: E402
from market.domain.trading.simulation.shown import PolicyWeek, SimulatedWeek, read_week  # noqa: E402

FILE = ROOT / "market/data/simulated_week.json"
FUND_MICRO_USD = {"default": 0, "seed-2025": 1_000_000_000}
JUSTICE = {
    "default": "A zero-sum feebate in every call: premia of those with less need pay the subsidies of the others.",
    "seed-2025": "30 % off for listed Global South countries, 20 % on for others, paid out of and into the Fund.",
}
LABEL = "SIMULATION: teams and their rules are made up; request sizes, rates and grid intensities are real."
MADE_UP = "SIMULATION on made-up work and modelled hours: this says that it works, nothing about the world."
SOURCES = [
    {"name": "Azure LLM inference trace 2023", "used_for": "request sizes", "licence": "CC-BY-4.0"},
    {"name": "Mooncake trace (FAST'25)", "used_for": "request sizes", "licence": "Apache-2.0"},
    {"name": "ServeGen hourly rates", "used_for": "requests by hour", "licence": "Apache-2.0"},
    {
        "name": "Electricity Maps, hourly lifecycle intensity 2023",
        "used_for": "grid intensities, in sums only",
        "licence": "ODbL 1.0 at download; hourly values are not redistributed",
    },
    {
        "name": "Electricity Maps, yearly carbon-free share (shipped)",
        "used_for": "which regions count as clean",
        "licence": "ODbL 1.0",
    },
    {"name": "World Bank income groups FY24 (shipped)", "used_for": "need scores", "licence": "CC BY 4.0"},
]
ASSUMPTIONS = [
    "48 teams: 10 of low, 12 of lower-middle, 10 of upper-middle, 16 of high-income countries; tiers of purpose in"
    " turn.",
    "A team is at home in the measured zone of its country or the nearest one, with the PUE of a shipped region there.",
    "Quota for the week is 75, 140, 85, 125 or 105 % of what the week before would have needed, in turn.",
    "Money to buy with is 20 / 30 / 45 / 60 % of that need's service price, by income group from low to high.",
    "Teams offer what they do not expect to need (10 % margin, at most half of their quota) and bid for what they"
    " expect to lack, both a part an hour; orders last for one call.",
    "Bids are 85-150 % and offers 30-95 % of the service price, by the rank of a real request's size, tier, how"
    " soon quota runs out, and how late in the week it is.",
    "Bought quota runs in the region behind the offer, own quota at home; all tokens count as output of class L.",
    "The adder acts by moving sales to quota of cleaner regions: it raises the offers of regions below 70 %"
    " carbon-free. It changes nobody's demand and nobody's home region.",
    "The Fund of policy seed-2025 begins with US$ 1,000; that of the default policy with nothing.",
    "No loans, forwards, sharing, window or registry units.",
]


def main() -> int:
    """Run the week under both policies, print it, and write it down where asked."""
    options = _options()
    is_real = bool(options.workloads and options.traces)
    if options.write and not is_real:
        raise SystemExit("Only a week of real sizes, rates and intensities is written down.")
    inputs = _inputs(options)
    console = Console()
    console.print(LABEL if is_real else MADE_UP, highlight=False)
    began = time.process_time()
    body = _body(inputs, options)
    week = read_week(body)
    for policy in week.policies:
        _print(policy, console)
    console.print(f"{len(inputs.teams)} teams, {time.process_time() - began:.1f} s of CPU for six weeks of calls.")
    if options.write:
        FILE.write_text(_compact(body), encoding="utf-8")
    return 0 if _is_sound(week) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", type=Path, help="folder with the traces of requests")
    parser.add_argument("--traces", type=Path, nargs="*", default=[], help="wide CSVs of g/kWh")
    parser.add_argument("--week", default="2023-06-05", help="first day (UTC)")
    parser.add_argument("--write", action="store_true", help="keep the sums for the page")
    return parser.parse_args()


def _inputs(options: argparse.Namespace) -> Inputs:
    first = monday(options.week)
    return build_inputs(
        read_grid(options.traces, first) if options.traces else model_grid(MADE_UP_ZONES, first, seed=SEED),
        read_sizes(options.workloads) if options.workloads else make_sizes(SEED),
        read_rates(options.workloads) if options.workloads else make_rates(),
    )


def _body(inputs: Inputs, options: argparse.Namespace) -> dict[str, Any]:
    files = " ".join(f"hourly/{path.name}" for path in options.traces)
    return {
        "label": LABEL,
        "made_on": str(datetime.now(tz=UTC).date()),
        "command": f"benchmarks/economy.py --workloads workloads --traces {files} --week {options.week} --write",
        "starts_at": inputs.starts_at.isoformat(),
        "teams": len(inputs.teams),
        "requests": inputs.requests,
        "sources": SOURCES,
        "assumptions": ASSUMPTIONS,
        "policies": [
            policy_week(
                inputs, read_terms(body), policy=name, justice=JUSTICE[name], fund_micro_usd=FUND_MICRO_USD[name]
            )
            for name, body in policy_bodies().items()
        ],
    }


def _compact(body: dict[str, Any]) -> str:
    """JSON that people can compare: what holds nothing else is on one line, each call and each group."""
    text = json.dumps(body, indent=1, ensure_ascii=False)
    innermost = re.compile(r"([\[{])\n\s+([^\[\]{}]*?)\s+([\]}])")
    return innermost.sub(lambda found: found[1] + re.sub(r"\n\s+", " ", found[2]) + found[3], text) + "\n"


def _print(policy: PolicyWeek, console: Console) -> None:
    ways = Table(title=f"{policy.policy}: SIMULATED week")
    for name in ("way", "unused %", "refused %", "traded M", "g/1k tokens", "g/1k traded", "Fund US$"):
        ways.add_column(name, justify="left" if name == "way" else "right")
    for way in policy.ways:
        traded = "" if way.traded_g_per_1k_tokens is None else f"{way.traded_g_per_1k_tokens:.4f}"
        ways.add_row(
            way.name,
            f"{100 * way.unused_tokens / way.quota_tokens:.2f}",
            f"{100 * way.refused_tokens / (way.used_tokens + way.refused_tokens):.2f}",
            f"{way.traded_tokens / 1e6:.1f}",
            f"{way.g_per_1k_tokens:.4f}",
            traded,
            f"{way.fund_usd:,.2f}",
        )
    console.print(ways)
    groups = Table()
    for name in (
        "group",
        "bought M",
        "paid US$",
        "of it need US$",
        "sold M",
        "received US$",
        "refused % before, after",
    ):
        groups.add_column(name, justify="left" if name == "group" else "right")
    for group in (*policy.groups, *policy.tiers):
        groups.add_row(
            group.name,
            f"{group.bought_tokens / 1e6:.1f}",
            f"{group.paid_usd:,.2f}",
            f"{group.justice_usd:,.2f}",
            f"{group.sold_tokens / 1e6:.1f}",
            f"{group.received_usd:,.2f}",
            f"{group.refused_percent_without:.1f} -> {group.refused_percent_with:.1f}",
        )
    console.print(groups)
    status = {
        name: sum(hour.status == name for hour in policy.hours) for name in sorted({h.status for h in policy.hours})
    }
    prices = [hour.usd_per_1k_tokens for hour in policy.hours if hour.usd_per_1k_tokens is not None]
    console.print(f"Calls: {status}; price per 1k tokens {min(prices)} to {max(prices)} US$", highlight=False)


def _is_sound(week: SimulatedWeek) -> bool:
    """Money and tokens are conserved in every way and policy."""
    for policy in week.policies:
        paid = sum(group.paid_usd for group in policy.groups)
        received = sum(group.received_usd for group in policy.groups)
        market = policy.way("market")
        if paid - received != market.fund_usd - policy.fund_began_usd or market.fund_usd < 0:
            return False
        if any(way.used_tokens + way.unused_tokens != way.quota_tokens for way in policy.ways):
            return False
        if sum(g.bought_tokens for g in policy.groups) != sum(g.sold_tokens for g in policy.groups):
            return False
    return True


if __name__ == "__main__":
    raise SystemExit(main())
