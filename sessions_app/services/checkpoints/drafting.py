"""A summary by a model, for checkpoints that nobody waits for: asked before a session is locked, if the policy of the
gateway names a model (`rounds.summary_model`). The gate judges it like any other; where it finds something, or no
model answers in time, the sentences of the text itself are taken as ever."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from accounts.domain.scopes import Scope
from accounts.selectors import get_principal_of_team
from budgets.services import count_tokens
from config.kernel.errors import DomainError, Unavailable
from sessions_app.domain.gateway.stance import FormError
from sessions_app.models import Checkpoint, Session
from sessions_app.selectors.continuity import get_recent, list_known
from sessions_app.selectors.gateway.policies import GatewayPolicyFacts, get_gateway_policy
from sessions_app.selectors.policies import terms_of
from sessions_app.services.rounds.asking import Asking, Caller, Line, ask_one, line_of_gateway
from sessions_app.services.rounds.prompts import Messages

logger = logging.getLogger(__name__)

ACTOR = "tender"
LEAST_OUTPUT_TOKENS = 64
RULES = """\
Shorten the text below to at most {most} tokens, in its own language, for whoever goes on with the work.
Keep numbers with their units, names, times, decisions and what is not to be done. Add nothing that is not said.
Begin with these lines, word for word:
{pinned}
Answer with the short version and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """A model's summary of a text, which is known by its hash: it stands for no other."""

    sha256: bytes
    summary: str
    model: str


def drafted(session_id: UUID, *, call: Caller | None = None) -> Drafted | None:
    """What the policy's model makes of what was said since the last checkpoint; None where none is named, the text
    is short enough to be kept, or nothing came of it. Must not be called inside a transaction."""
    policy = _policy()
    session = Session.objects.filter(pk=session_id).select_related("policy").first()
    if policy is None or session is None:
        return None
    text = get_recent(session, since=last_item(session)).text
    terms, tokens = terms_of(session), count_tokens(text)
    if tokens <= terms.memory.hot_tokens:
        return None
    pinned = [known.text for known in list_known(session, session.head_seq) if known.is_pinned]
    most = max(terms.memory.hot_tokens, tokens * terms.memory.summary_percent // 100)
    digest, model = sha256(text.encode()).digest(), policy.terms.rounds.summary_model
    asking = Asking(
        key=f"summary:{session_id}:{digest.hex()}",
        model=model,
        messages=_messages(text, most, pinned),
        may_repair=False,
    )
    try:
        asked = ask_one(_line(session, policy, most, call), asking, _said, "")
    except DomainError as error:  # the team is gone, or no caller may be made of it
        logger.warning("no summary was asked for", extra={"session": str(session_id), "reason": error.code})
        return None
    if asked.said is None:
        logger.info("no summary by a model", extra={"session": str(session_id), "reason": asked.problem})
        return None
    return Drafted(sha256=digest, summary=asked.said, model=model)


def last_item(session: Session) -> int:
    """The newest item that an earlier checkpoint has told of."""
    reach = Checkpoint.objects.filter(session=session).order_by("-id").values_list("gate", flat=True).first()
    return int((reach or {}).get("items_to", 0))


def _policy() -> GatewayPolicyFacts | None:
    """The policy in force, if it names a model for summaries."""
    try:
        policy = get_gateway_policy()
    except Unavailable:
        return None
    return policy if policy.terms.rounds.summary_model else None


def _line(session: Session, policy: GatewayPolicyFacts, most: int, call: Caller | None) -> Line:
    scopes = frozenset({Scope.REQUESTS_WRITE})
    principal = get_principal_of_team(team_id=session.team_id, actor=ACTOR, scopes=scopes)
    return Line(
        call=call or line_of_gateway(),
        principal=principal,
        output_tokens=max(LEAST_OUTPUT_TOKENS, most),
        seconds=float(policy.terms.rounds.agent_seconds),
        options={
            "purpose": session.purpose or policy.terms.calls.default_purpose,
            "origin": principal.country_code,
            "budget_id": session.budget_id,
        },
    )


def _messages(text: str, most: int, pinned: list[str]) -> Messages:
    rules = RULES.format(most=most, pinned="\n".join(pinned) or "(none)")
    return [{"role": "system", "content": rules}, {"role": "user", "content": text}]


def _said(answer: str) -> str:
    if not answer.strip():
        raise FormError("It is empty.")
    return answer.strip()
