"""Whether a summary may stand for a text: nothing pinned is missing, nothing is invented, something is gained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sessions_app.domain.claims import figures_of, folded, names_of, units_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that speaks against a summary. Codes: `pinned_missing`, `number_invented`, `unit_changed`,
    `name_invented`, `no_gain`, `empty`, `damaged`."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`passed` without findings. Tokens of the source and of the summary, as they were counted."""

    findings: tuple[Finding, ...]
    source_tokens: int = 0
    summary_tokens: int = 0

    @property
    def passed(self) -> bool:
        """Whether the summary may stand for the text."""
        return not self.findings

    @property
    def facts(self) -> dict[str, Any]:
        """The verdict as plain JSON, to be stored."""
        return {
            "passed": self.passed,
            "findings": [{"code": each.code, "detail": each.detail} for each in self.findings],
            "source_tokens": self.source_tokens,
            "summary_tokens": self.summary_tokens,
        }


def judge(
    source: str, summary: str, *, pinned: Sequence[str], least_gain_percent: int, count: Callable[[str], int]
) -> Verdict:
    """Hold a summary against its source, and against the pinned facts, which count as said.

    A pinned fact is present if it stands there word for word; case, spaces and the sign at its end do not matter.
    """
    said = "\n".join([source, *pinned])
    before, after = count(source), count(summary)
    findings = [Finding(code="empty", detail="The summary says nothing.")] if not summary.strip() else []
    findings += [Finding(code="pinned_missing", detail=fact) for fact in pinned if not _is_in(fact, summary)]
    findings += _inventions(said, summary)
    if (before - after) * 100 < least_gain_percent * before or before == 0:
        detail = f"{before} tokens became {after}; it must save {least_gain_percent} %."
        findings.append(Finding(code="no_gain", detail=detail))
    return Verdict(findings=tuple(findings), source_tokens=before, summary_tokens=after)


def fingerprint(text: str) -> bytes:
    """SHA-256 of a text."""
    return sha256(text.encode()).digest()


def judge_reloaded(expected: bytes, reloaded: str) -> Verdict:
    """Whether what was stored came back as it was: `expected` is the fingerprint from before."""
    if fingerprint(reloaded) == expected:
        return Verdict(findings=())
    return Verdict(findings=(Finding(code="damaged", detail="It did not come back as it was stored."),))


def _is_in(fact: str, summary: str) -> bool:
    return f" {folded(fact)} " in f" {folded(summary)} "


def _inventions(said: str, summary: str) -> list[Finding]:
    numbers = figures_of(said)
    findings = [Finding(code="number_invented", detail=figure) for figure in sorted(figures_of(summary) - numbers)]
    units = units_of(said)
    for figure, own in sorted(units_of(summary).items()):
        if figure in numbers and (known := units.get(figure)) and not own & known:
            findings.append(Finding(code="unit_changed", detail=f"{figure} {min(own)}"))
    return findings + [Finding(code="name_invented", detail=name) for name in names_of(summary, known=said)]
