"""A chat, looked at before it is admitted: its tokens, how complex it is, and how much output to expect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from budgets.domain.estimates import Estimate, Mode
from sessions_app.domain.gateway.features import Features, features_of
from sessions_app.domain.gateway.terms import GatewayTerms
from sessions_app.domain.gateway.triage import Assessment, TriageMode, assess
from sessions_app.domain.gateway.wire import ChatAsk
from sessions_app.models import Session
from sessions_app.services.gateway.counting import TokenCount
from sessions_app.services.gateway.knowledge import Knowledge


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """What is known of a chat before it runs. `estimate` is of the output of one answer, in tokens."""

    input: TokenCount
    features: Features
    assessment: Assessment
    estimate: Estimate

    @property
    def estimate_mode(self) -> Mode:
        """The mode that grants know: an emergency is answered by one model."""
        return Mode.COUNCIL if self.assessment.mode is TriageMode.COUNCIL else Mode.EXPRESS

    def to_json(self) -> dict[str, Any]:
        """What is kept with the call as its triage, and shown."""
        estimate = self.estimate
        return self.assessment.to_json() | {
            "input_tokens": self.input.tokens,
            "input_is_estimate": self.input.is_estimate,
            "stated_output_tokens": self.features.output_tokens,
            "choices": self.features.choices,
            "estimate": {
                "p50_tokens": estimate.p50_tokens,
                "p95_tokens": estimate.p95_tokens,
                "basis": estimate.basis.value,
                "outcomes": estimate.outcome_count,
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """For whom and what a chat is. `mode` is the caller's choice of express or council, None for triage's;
    `session_mode` that of the session it belongs to, empty where there is none."""

    team_id: int | None
    purpose: str
    origin: str
    model_class: str
    mode: str | None = None
    session_mode: str = ""


def assess_chat(ask: ChatAsk, counted: TokenCount, setting: Setting, terms: GatewayTerms, known: Knowledge) -> Assessed:
    """Look at a chat whose tokens are counted. No database; some 0.05 ms."""
    features = features_of(
        ask,
        input_tokens=counted.tokens,
        domain_terms=terms.triage.domain_terms,
        effort_percent=terms.triage.effort_percent,
    )
    emergency = _emergency(setting, known)
    assessment = assess(
        features,
        terms.triage,
        known.correction(setting.team_id, features.kind),
        emergency=emergency,
        mode=setting.mode if emergency else _stated_mode(setting),
    )
    is_council = assessment.mode is TriageMode.COUNCIL
    estimate = known.estimates.estimate(
        mode=(Mode.COUNCIL if is_council else Mode.EXPRESS).value,
        role_count=max(1, len(assessment.roles)),
        complexity=assessment.complexity,
        model_class=setting.model_class,
        purpose=setting.purpose,
    )
    return Assessed(input=counted, features=features, assessment=assessment, estimate=estimate)


def _emergency(setting: Setting, known: Knowledge) -> str:
    if setting.session_mode == Session.Mode.EMERGENCY:
        return "its session is in an emergency"
    return known.emergency_for(origin=setting.origin, purpose=setting.purpose)


def _stated_mode(setting: Setting) -> str | None:
    """The call's own choice, else a council where the session is one: express is only what sessions begin with. In an
    emergency the session's mode asks for nothing: only who calls may then ask for a council."""
    if setting.mode is None and setting.session_mode == Session.Mode.COUNCIL:
        return TriageMode.COUNCIL.value
    return setting.mode
