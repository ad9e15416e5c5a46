"""What triage would say of a chat. Nothing is asked of a model, nothing is held, nothing is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accounts.domain.principal import Principal
from climate import selectors as climate
from config.kernel.errors import InvalidInput, NotFound
from market.selectors import list_purposes
from sessions_app.domain.gateway.deployments import Candidate, Snapshot
from sessions_app.domain.gateway.triage import TriageMode
from sessions_app.domain.gateway.wire import ChatAsk
from sessions_app.models import Session
from sessions_app.selectors.gateway.calls import CorrectionFacts, find_correction
from sessions_app.services.gateway import knowledge, registry
from sessions_app.services.gateway.assessing import Assessed, Setting, assess_chat
from sessions_app.services.gateway.councils import why_one_model
from sessions_app.services.gateway.counting import count_chat


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """An assessment, what it was made for, and by which version of the policy. `no_council` says why one model would
    answer where triage is for a council; empty where none would."""

    assessed: Assessed
    purpose: str
    origin: str
    model_class: str
    correction: CorrectionFacts | None
    policy_name: str
    policy_version: int
    no_council: str = ""


def preview_chat(
    ask: ChatAsk,
    *,
    principal: Principal,
    purpose: str | None,
    origin: str | None,
    session: Session | None,
    mode: str | None,
    now: datetime,
) -> Preview:
    """As a call would be looked at now.

    Raises NotFound for a model that nobody serves, InvalidInput for a purpose or a country that is not known.
    """
    snapshot = registry.snapshot(now)
    candidates = _candidates(snapshot, ask.model)
    purpose = purpose or (session.purpose if session else "") or snapshot.terms.calls.default_purpose
    origin = origin or principal.country_code
    _require_known(purpose, origin)
    tokenisers = {each.deployment.tokeniser for each in candidates}
    counts = [count_chat(ask.messages, ask.options, tokeniser=each) for each in sorted(tokenisers)]
    model_class = candidates[0].deployment.model_class
    setting = Setting(
        team_id=principal.team_id,
        purpose=purpose,
        origin=origin,
        model_class=model_class,
        mode=mode,
        session_mode=session.mode if session else "",
    )
    counted = max(counts, key=lambda each: each.tokens)
    assessed = assess_chat(ask, counted, setting, snapshot.terms, knowledge.knowledge(now))
    kind, team_id = assessed.assessment.kind, principal.team_id
    is_for_council = assessed.assessment.mode is TriageMode.COUNCIL and mode != TriageMode.COUNCIL
    return Preview(
        assessed=assessed,
        purpose=purpose,
        origin=origin,
        model_class=model_class,
        correction=None if team_id is None else find_correction(team_id, kind),
        policy_name=snapshot.policy_name,
        policy_version=snapshot.policy_version,
        no_council=why_one_model(ask, snapshot.terms.rounds) if is_for_council else "",
    )


def _candidates(snapshot: Snapshot, model: str) -> list[Candidate]:
    found = [each for each in snapshot.candidates(model) if each.deployment.is_active and each.deployment.serves_chat]
    if not found:
        raise NotFound(f"Nobody serves chats as {model}.", field="model", code="model_not_found")
    return found


def _require_known(purpose: str, origin: str) -> None:
    if purpose not in {each.name for each in list_purposes()}:
        raise InvalidInput("There is no such purpose.", field="purpose", code="unknown_purpose")
    if origin and climate.find_country(origin) is None:
        raise InvalidInput("There is no country with this ISO 3166-1 code.", field="origin", code="unknown_origin")
