"""What a model answered, as a turn of its agent."""

from __future__ import annotations

from sessions_app.domain.gateway.stance import NO_ANSWER, Spoken
from sessions_app.domain.words import Stance
from sessions_app.services.rounds.asking import Asked
from sessions_app.services.rounds.scene import Scene
from sessions_app.services.rounds.speaking import TurnAsk

OPEN_QUESTION = "An open question: where it stands is asked of the leading answer."
NO_REASON = "No answer: "


def turn_of(scene: Scene, asked: Asked[Spoken]) -> TurnAsk:
    """What an agent said as a turn. One without an answer abstains; in a later cycle its last stance stands."""
    agent, bill, said = asked.asking.agent, asked.bill, asked.said
    last = scene.last_turn(agent)
    if said is None:
        stance, confidence = (Stance(last.stance), last.confidence) if last else (Stance.ABSTAIN, 0.0)
        kept = last.reason.partition(NO_REASON)[0].strip() if last else ""
        reason = f"{kept} {NO_REASON}{asked.problem}".strip()
        said = Spoken(stance=stance, confidence=confidence, reason=reason, text=NO_ANSWER)
    elif scene.row.cycle == 1 and not scene.is_proposal:
        reason = said.reason if said.stance is Stance.ABSTAIN else OPEN_QUESTION
        said = Spoken(stance=Stance.ABSTAIN, confidence=said.confidence, reason=reason, text=said.text)
    return TurnAsk(
        agent=agent,
        epoch=0,
        stance=said.stance,
        confidence=said.confidence,
        text=said.text,
        reason=said.reason,
        prompt_tokens=bill.prompt_tokens,
        output_tokens=bill.output_tokens,
    )
