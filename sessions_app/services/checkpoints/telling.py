"""What a checkpoint tells in prose of the time since the last one, and whether the gate lets it stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any

from budgets.services import count_tokens
from config.kernel.errors import InvalidInput
from sessions_app.domain import gate
from sessions_app.domain.continuity import readable
from sessions_app.domain.terms import SessionTerms
from sessions_app.models import Session
from sessions_app.selectors.continuity import Recent, get_recent, list_known
from sessions_app.selectors.policies import terms_of
from sessions_app.services.checkpoints.drafting import Drafted, last_item
from sessions_app.services.thinking import MOST_LOCKED_CHARACTERS, hash_of, shortened, thought

LONGEST_TOKEN_CHARACTERS = 8
"""Of words. A text of longer ones is judged like any other, and then found to be short."""
WHOLE: Mapping[str, Any] = {"passed": True, "findings": [], "is_whole": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A summary, or the text itself (`keeps_text`) where the gate found something against one."""

    text: str = ""
    tokens: int = 0
    keeps_text: bool = False
    gate: dict[str, Any] = field(default_factory=dict)


def tell(session: Session, *, summary: str | None, source: str | None, draft: Drafted | None = None) -> Told:
    """Sum up what was added to the windows since the last checkpoint, or judge an agent's own summary of it.

    A text of no more tokens than a hot memory may have is kept as it is. A model's `draft` of the same text stands
    if the gate finds nothing against it; what it found is told. Raises InvalidInput naming `source` for a summary
    of which no text is known.
    """
    recent = get_recent(session, since=last_item(session))
    text = readable(source) if source else recent.text
    if summary is not None and not text.strip():
        raise InvalidInput(
            "The session holds no text that this summary could be judged by: send it as `source`.",
            field="source",
            code="no_source",
        )
    refused: dict[str, Any] = {}
    if summary is None and draft is not None and draft.sha256 == sha256(text.encode()).digest():
        told = _judged(session, text, draft.summary)
        if not told.keeps_text:
            by_model = {**told.gate, "by": "model", "model": draft.model, **_reach(recent)}
            return Told(text=told.text, tokens=told.tokens, gate=by_model)
        refused = {"model": draft.model, "model_findings": told.gate["findings"]}
    told = _judged(session, text, summary)
    return Told(
        text=told.text,
        tokens=told.tokens,
        keeps_text=told.keeps_text,
        gate={**told.gate, "by": "default" if summary is None else "agent", **refused, **_reach(recent)},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What the gate says. Without a summary the text itself stands."""

    summary: str | None
    tokens: int
    gate: Mapping[str, Any]
    keeps_text: bool = False


def _judged(session: Session, text: str, summary: str | None) -> Told:
    terms = terms_of(session)
    if summary is None and (whole := _whole(text, terms)):
        return whole
    pinned = tuple(known.text for known in list_known(session, session.head_seq) if known.is_pinned)
    said = None if summary is None else hash_of(summary)
    found = thought(
        ("judged", hash_of(text), said, pinned, terms.memory, terms.ladder.least_gain_percent),
        partial(_judge, text, summary, pinned, terms),
        characters=len(text) + len(summary or ""),
    )
    kept = text if found.summary is None else found.summary
    return Told(text=kept, tokens=found.tokens, keeps_text=found.keeps_text, gate=dict(found.gate))


def _whole(text: str, terms: SessionTerms) -> Told | None:
    """A text that is plainly short enough to be kept as it is."""
    most = terms.memory.hot_tokens
    if len(text) > min(most * LONGEST_TOKEN_CHARACTERS, MOST_LOCKED_CHARACTERS):
        return None
    tokens = count_tokens(text)
    return None if tokens > most else Told(text=text, tokens=tokens, gate=dict(WHOLE))


def _judge(text: str, summary: str | None, pinned: Sequence[str], terms: SessionTerms) -> _Judged:
    """Sum up a text where nobody did, and hold the summary against it."""
    if summary is None:
        tokens = count_tokens(text)
        if tokens <= terms.memory.hot_tokens:
            return _Judged(summary=None, tokens=tokens, gate=WHOLE)
        most_tokens = max(terms.memory.hot_tokens, tokens * terms.memory.summary_percent // 100)
        summary = shortened(text, most_tokens, pinned)
    summary = readable(summary)
    verdict = gate.judge(
        text, summary, pinned=pinned, least_gain_percent=terms.ladder.least_gain_percent, count=count_tokens
    )
    if verdict.passed:
        return _Judged(summary=summary, tokens=verdict.summary_tokens, gate=verdict.facts)
    return _Judged(summary=None, tokens=verdict.source_tokens, keeps_text=True, gate=verdict.facts)


def _reach(recent: Recent) -> dict[str, Any]:
    return {"items_to": recent.last_id, "items": recent.items, "items_left_out": recent.left_out}
