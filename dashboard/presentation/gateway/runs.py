"""A round that the gateway drives: how far it is, what it came to, what that cost against a single answer."""

from __future__ import annotations

from typing import Any

from dashboard.domain.figures import UNKNOWN, mass_text, usd, whole
from sessions_app.selectors.gateway.board import RunLine

Row = dict[str, Any]
_TONES = {"queued": "calm", "running": "info", "finished": "good", "failed": "bad"}


def run_row(line: RunLine) -> Row:
    """The run as the page of its round shows it."""
    bound = line.most_tokens
    return {
        "question": line.question,
        "word": line.status,
        "tone": _TONES[line.status],
        "is_over": line.status in ("finished", "failed"),
        "calls": whole(line.calls),
        "spent_tokens": line.spent_tokens,
        "most_tokens": bound,
        "progress": f"{whole(line.spent_tokens)} of at most {whole(bound)} tokens" if bound else "",
        "stopped_because": line.stopped_because.replace("_", " "),
        "answer": line.answer,
        "chosen_agent": line.chosen_agent,
        "reason": line.reason,
        "error": line.error,
        "costs": [
            _cost("Tokens", whole(line.spent_tokens), whole(line.single_tokens), line.spent_tokens, line.single_tokens),
            _cost(
                "Charged",
                usd(line.spent_micro_usd),
                usd(line.single_micro_usd),
                line.spent_micro_usd,
                line.single_micro_usd,
            ),
            _cost("Carbon", mass_text(line.spent_g), mass_text(line.single_g), line.spent_g, line.single_g),
        ],
    }


def _cost(name: str, spent: str, single: str, of_round: float, of_one: float | None) -> Row:
    times = f"{of_round / of_one:.1f} times" if of_one else UNKNOWN
    return {"name": name, "spent": spent, "single": single, "times": times}
