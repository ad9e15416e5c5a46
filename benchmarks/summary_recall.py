"""How many labelled facts of a session a summary keeps: the default summariser beside what else is done offline.

Thirty sessions of 550 to 930 words in five languages, with 10 to 15 facts each, written and labelled for this
benchmark; rules, cue words and weights were tuned on fifteen of them, and on eight more in `fitting`. The other
fifteen are held out. Every way gets the same number of tokens.

    .venv/bin/python benchmarks/summary_recall.py
    .venv/bin/python benchmarks/summary_recall.py --percent 5 10 20 --by language
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402

django.setup()

from _summary_ways import Labelled, by_labels, first_tokens, folded, last_tokens, load, text_rank  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from budgets.services import count_tokens  # noqa: E402
from sessions_app.domain.gate import judge  # noqa: E402
from sessions_app.domain.summary import summarise  # noqa: E402

Way = Callable[[Labelled, int], str]
WAYS: dict[str, Way] = {
    "default summary": lambda session, most: summarise(session.text, most_tokens=most, count=count_tokens).text,
    "last tokens": lambda session, most: last_tokens(session.text, most, count_tokens),
    "first tokens": lambda session, most: first_tokens(session.text, most, count_tokens),
    "TextRank": lambda session, most: text_rank(session.text, most, count_tokens),
    "chosen by the labels": lambda session, most: by_labels(session, most, count_tokens),
}
PINNED = 2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--percent", type=int, nargs="+", default=[10], help="length of the summary")
    parser.add_argument("--by", choices=["language", "style", "id"], help="the default summary in groups")
    parser.add_argument("--split", choices=["tuning", "held_out"], help="only these sessions")
    asked = parser.parse_args()
    sessions = [each for each in load() if asked.split in (None, each.split)]
    console = Console()
    for percent in asked.percent:
        console.print(recalls(sessions, percent))
    if asked.by:
        console.print(groups(sessions, asked.by, asked.percent[0]))
    console.print(pinned_line(sessions, asked.percent[0]))


def recalls(sessions: Sequence[Labelled], percent: int) -> Table:
    """Mean share of the facts kept, of tuning and of held-out sessions."""
    table = Table(title=f"Facts kept at {percent} % of the tokens, mean of sessions", title_justify="left")
    for name in ("way", "tuning", "held out", "all", "tokens used"):
        table.add_column(name, justify="left" if name == "way" else "right")
    for name, way in WAYS.items():
        made = [(session, way(session, limit(session, percent))) for session in sessions]
        kept = {split: [s.recall(text) for s, text in made if s.split == split] for split in ("tuning", "held_out")}
        used = sum(count_tokens(text) for _, text in made) / sum(count_tokens(s.text) for s, _ in made)
        cells = [kept["tuning"], kept["held_out"], kept["tuning"] + kept["held_out"]]
        table.add_row(name, *(f"{statistics.mean(each):.1%}" if each else "" for each in cells), f"{used:.1%}")
    return table


def groups(sessions: Sequence[Labelled], by: str, percent: int) -> Table:
    """The default summary by language, style or session."""
    table = Table(title=f"Default summary at {percent} % by {by}", title_justify="left")
    for name in (by, "sessions", "facts kept"):
        table.add_column(name, justify="left" if name == by else "right")
    found: dict[str, list[float]] = {}
    for session in sessions:
        text = WAYS["default summary"](session, limit(session, percent))
        found.setdefault(getattr(session, by), []).append(session.recall(text))
    for name, kept in sorted(found.items()):
        table.add_row(name, str(len(kept)), f"{statistics.mean(kept):.1%}")
    return table


def pinned_line(sessions: Sequence[Labelled], percent: int) -> str:
    """Whether pinned facts are all there, and whether the gate lets the summaries pass."""
    present, passed, pins = 0, 0, 0
    for session in sessions:
        pinned = [fact.text for fact in session.facts if fact.kind == "constraint"][:PINNED]
        text = summarise(session.text, most_tokens=limit(session, percent), count=count_tokens, pinned=pinned).text
        pins += len(pinned)
        present += sum(folded(each) in folded(text) for each in pinned)
        passed += judge(session.text, text, pinned=pinned, least_gain_percent=20, count=count_tokens).passed
    return f"Pinned facts present: {present} of {pins}. Summaries that pass the gate: {passed} of {len(sessions)}."


def limit(session: Labelled, percent: int) -> int:
    """Tokens that a summary of the session may take."""
    return count_tokens(session.text) * percent // 100


if __name__ == "__main__":
    main()
