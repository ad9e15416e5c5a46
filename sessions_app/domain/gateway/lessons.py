"""What outcomes teach triage: how much more, or less, work of a kind deserved than its request looked like.

A lesson says where a team's correction should stand, in points of complexity. The correction goes a part of the way
there (`learning_percent`), so that single lessons count little and chance evens out, and stays within its bound.
The sizes of lessons are terms of the policy, like the points of triage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import log2
from typing import Any

from sessions_app.domain.gateway.terms import LessonSizes, Triage


class Depth(StrEnum):
    """What somebody says of how much thought went into an answer."""

    TOO_SHALLOW = "too_shallow"
    RIGHT = "right"
    TOO_DEEP = "too_deep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """Where a correction should stand by one outcome, in points, and why."""

    points: float
    words: str


def lesson_of_length(
    triage: Mapping[str, Any], sizes: LessonSizes, *, output_tokens: int, max_output_tokens: int | None
) -> Lesson | None:
    """What an answer's length teaches; None where it teaches nothing.

    A bound of the caller's own says nothing of the work, nor does one below what was held to be enough: of a budget
    that was nearly spent, or of a small window. Nor does an estimate that has not seen enough work: it would teach
    its own error.
    """
    if triage.get("stated_output_tokens") is not None:
        return None
    choices = max(1, int(triage.get("choices") or 1))
    each_tokens = output_tokens / choices
    estimate = triage.get("estimate") or {}
    if max_output_tokens is not None and each_tokens >= max_output_tokens:
        if max_output_tokens < (estimate.get("p95_tokens") or 0):
            return None
        return Lesson(points=sizes.cut_points, words="the answer was cut at the bound that was chosen for it")
    expected = estimate.get("p50_tokens")
    if estimate.get("basis") != "learned" or not expected:
        return None
    ratio = max(each_tokens, 1.0) / expected
    most = sizes.most_length_points
    points = min(max(sizes.doubling_points * log2(ratio), -most), most)
    return Lesson(points=round(points, 2), words=f"the answer took {ratio:.1f} times what was expected")


def lesson_of_feedback(
    sizes: LessonSizes, *, is_helpful: bool | None, depth: Depth | None, is_council: bool
) -> Lesson | None:
    """What somebody's word on an answer teaches; None where all was right, or nothing was said of it."""
    match depth:
        case Depth.TOO_SHALLOW:
            return Lesson(points=sizes.depth_points, words="the answer was called too shallow")
        case Depth.TOO_DEEP:
            return Lesson(points=-sizes.depth_points, words="the answer was called deeper than needed")
        case Depth.RIGHT:
            return None
    if is_helpful is False and not is_council:
        return Lesson(points=sizes.unhelpful_points, words="the answer of one model was called unhelpful")
    return None


def lesson_of_council(sizes: LessonSizes, *, is_disputed: bool) -> Lesson:
    """What a council teaches: it was worth it where its agents did not agree with the first answers."""
    if is_disputed:
        return Lesson(points=sizes.council_points, words="the agents of a council disagreed")
    return Lesson(points=-sizes.council_points, words="the agents of a council agreed from the first answers on")


def corrected(correction_points: float, lesson: Lesson, terms: Triage) -> float:
    """The correction after one more lesson, in points, within the policy's bound."""
    moved = correction_points + terms.learning_percent / 100 * (lesson.points - correction_points)
    bound = float(terms.most_correction_points)
    return round(min(max(moved, -bound), bound), 4)
