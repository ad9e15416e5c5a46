"""A driven round has said all it had to say: a reflective agent chooses whose answer is given, and says why."""

from __future__ import annotations

from dataclasses import dataclass, field

from config.kernel.errors import Unavailable
from sessions_app.domain.gateway.stance import CHOICE_FORM, Choice, read_choice
from sessions_app.models import Turn
from sessions_app.services.rounds.asking import Asking, Bill, Line, ask_one, call_key
from sessions_app.services.rounds.prompts import choice_messages, tokens_of
from sessions_app.services.rounds.scene import Scene

REFLECTIVE, RULE = "reflective", "rule"
"""Who chose: the reflective agent, or the rule that takes the surest where it could not."""

_ENDED = {"budget": "budget", "deadline": "time"}
"""Why a round stopped, where nothing is left to ask anybody with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Whose answer, why, the words to give, who chose, and what choosing took."""

    agent: str
    reason: str
    text: str
    by: str
    bill: Bill = field(default_factory=Bill)


def choose(scene: Scene, line: Line) -> Chosen:
    """Let the reflective agent choose, or the rule where it cannot. Raises Unavailable if nobody answered."""
    answers = scene.last_answers
    if not answers:
        raise Unavailable(_why_nobody(scene))
    if len(answers) == 1:
        (only,) = answers.values()
        return _taken(scene, only, f"Only {only.agent} gave an answer.")
    if (ended := _ENDED.get(scene.run.stopped_because)) is not None:
        return _surest(scene, f"The {ended} ended before anybody could choose")
    messages = choice_messages(scene, most_tokens=scene.terms.prompt_most_tokens)
    if not _is_affordable(scene, tokens_of(messages) + line.output_tokens):
        return _surest(scene, "No tokens were left for choosing")
    asking = Asking(
        key=call_key(scene.row.pk, "choice"),
        model=scene.table.reflective_model,
        messages=messages,
        may_repair=_is_affordable(scene, 3 * (tokens_of(messages) + line.output_tokens)),
    )
    asked = ask_one(line, asking, lambda text: read_choice(text, list(answers)), CHOICE_FORM)
    if asked.said is None:
        return _surest(scene, f"The reflective agent did not choose ({asked.problem.rstrip('.')})", asked.bill)
    said: Choice = asked.said
    return Chosen(agent=said.agent, reason=said.reason, text=said.text, by=REFLECTIVE, bill=asked.bill)


def _surest(scene: Scene, why: str, bill: Bill | None = None) -> Chosen:
    """The surest of the side that won, if one did."""
    answers, decision = scene.last_answers, scene.row.outcome.get("decision")
    last = {agent: scene.last_turn(agent) for agent in answers}
    side = [turn for agent, turn in answers.items() if (own := last[agent]) and own.stance == decision]
    best = scene.surest(side) or scene.surest(answers.values())
    if best is None:
        raise Unavailable(_why_nobody(scene))
    return _taken(scene, best, f"{why}: {best.agent} was surest.", bill)


def _taken(scene: Scene, turn: Turn, reason: str, bill: Bill | None = None) -> Chosen:
    return Chosen(agent=turn.agent, reason=reason, text=scene.words[turn.pk], by=RULE, bill=bill or Bill())


def _is_affordable(scene: Scene, tokens: int) -> bool:
    most = scene.run.most_tokens
    return most is None or scene.run.spent_tokens + tokens <= most


def _why_nobody(scene: Scene) -> str:
    reasons = {each.agent: each.reason for each in scene.turns if each.reason}
    return " ".join(["Nobody gave an answer.", *(f"{agent}: {reason}" for agent, reason in reasons.items())])
