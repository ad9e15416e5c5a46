"""A round that the gateway is to drive is put on the list: its row comes first, whoever is free drives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from accounts.selectors import get_principal_of_team, is_key_in_force
from accounts.services.once import acting_team
from config.kernel.errors import InvalidInput, NotAllowed
from config.kernel.transactions import transactional
from market.selectors import list_purposes
from sessions_app.domain.gateway.stance import is_proposal
from sessions_app.domain.gateway.table import Member, Table
from sessions_app.domain.gateway.terms import Rounds
from sessions_app.domain.gateway.wire import ANYWHERE
from sessions_app.models import Instance, RoundRun, Session
from sessions_app.selectors.gateway.policies import get_gateway_policy
from sessions_app.selectors.round_runs import get_run
from sessions_app.services.lives import AgentAsk, join_agent
from sessions_app.services.log import locked
from sessions_app.services.rounds.asking import Caller
from sessions_app.services.rounds.driving import drive, fail_unowned
from sessions_app.services.rounds.leases import tell
from sessions_app.services.rounds.prompts import frame_tokens
from sessions_app.services.rounds.speaking import begin_round
from sessions_app.services.rounds.tables import TableAsk, table_of

SCOPES = frozenset({Scope.REQUESTS_WRITE, Scope.SESSIONS_WRITE})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAsk:
    """A question for a table, by its name or by who sits there. Without a purpose that of the session or the policy
    holds; without an origin that of the team; without a budget that of the session. `is_proposal` None: told by how
    the question begins. `until`: somebody waits for the answer, and no longer than that. `has_own_session`: the
    session was made for this question, and is to end with it. `residency` names the countries (ISO 3166-1) that its
    words may go to, None any; `latency_class` says how far."""

    question: str
    table: str | None = None
    seats: TableAsk | None = None
    most_tokens: int | None = None
    purpose: str = ""
    origin: str = ""
    is_proposal: bool | None = None
    budget_id: UUID | None = None
    until: datetime | None = None
    has_own_session: bool = False
    residency: tuple[str, ...] | None = None
    latency_class: str = ANYWHERE


@transactional
def begin_run(*, session_id: UUID, ask: RunAsk, principal: Principal, now: datetime, is_announced: bool = True) -> UUID:
    """Put a question to a table, for the gateway to drive; return the id of the round.

    Who drives it at once does not announce it: nobody else is told to begin.

    Members who are not in the session join it. Raises InvalidInput naming `question`, `table`, `members`,
    `values`, `reflective_model`, `residency`, `most_tokens` or `purpose`; NotAllowed naming `purpose` or `origin`,
    and as `begin_round` and `join_agent` do.
    """
    team_id = acting_team(principal)
    if not principal.may(Scope.REQUESTS_WRITE):
        raise NotAllowed("To let the gateway ask models, a key needs the scope requests:write.", code="missing_scope")
    session = locked(session_id, team_id=team_id)
    policy = get_gateway_policy().terms
    table = table_of(team_id, name=ask.table, ask=ask.seats, residency=ask.residency)
    question = ask.question.strip()
    _check_sizes(table, question, ask.most_tokens, policy.rounds)
    purpose = _purpose(ask.purpose or session.purpose or policy.calls.default_purpose, principal)
    origin = _origin(ask.origin or principal.country_code, principal)
    _join(session, table, principal, now)
    names = [each.name for each in table.members]
    actor = principal.actor
    round_id = begin_round(session_id=session_id, team_id=team_id, topic=question, agents=names, actor=actor, now=now)
    RoundRun.objects.create(
        round_id=round_id,
        question=question,
        table=table.facts | _circumstances(ask),
        purpose=purpose,
        origin_code=origin,
        most_tokens=ask.most_tokens,
        actor=actor,
        api_key_id=principal.api_key_id,
        created_at=now,
    )
    if is_announced:
        tell(round_id, session_id, team_id, RoundRun.Status.QUEUED, now=now)
    return round_id


def _circumstances(ask: RunAsk) -> dict[str, Any]:
    """What else whoever drives the round has to know, as plain JSON."""
    return {
        "name": ask.table or "",
        "is_proposal": is_proposal(ask.question) if ask.is_proposal is None else ask.is_proposal,
        "budget": str(ask.budget_id) if ask.budget_id else None,
        "until": ask.until.isoformat() if ask.until else None,
        "has_own_session": ask.has_own_session,
        "residency": None if ask.residency is None else list(ask.residency),
        "latency_class": ask.latency_class,
    }


def carry_on_run(*, round_id: UUID, call: Caller, clock: Callable[[], datetime]) -> bool:
    """Drive a round to its end; False if somebody else does, or it has ended. Raises NotFound.

    Must not be called inside a transaction. Where the key that asked for it is no longer in force it fails.
    """
    run = get_run(round_id)
    team = get_principal_of_team(team_id=run.round.session.team_id, actor=run.actor, scopes=SCOPES)
    principal = replace(team, api_key_id=run.api_key_id)
    if run.api_key_id is not None and not is_key_in_force(run.api_key_id, now=clock()):
        why = "The key that asked for this round is no longer in force."
        return fail_unowned(round_id, why, principal=principal, call=call, clock=clock)
    return drive(round_id=round_id, principal=principal, call=call, clock=clock)


def _check_sizes(table: Table, question: str, most_tokens: int | None, terms: Rounds) -> None:
    if not question:
        raise InvalidInput("Say what the question is.", field="question", code="required")
    frame = frame_tokens(table, question)
    if frame > terms.prompt_most_tokens:
        raise InvalidInput(
            f"With who sits there the question takes {frame} tokens; a prompt has at most {terms.prompt_most_tokens}.",
            field="question",
            code="too_long",
        )
    least = len(table.members) * (max(frame, terms.prompt_least_tokens) + terms.output_tokens)
    if most_tokens is not None and most_tokens < least:
        raise InvalidInput(
            f"One loop of {len(table.members)} agents may take {least} tokens.",
            field="most_tokens",
            code="too_few",
            least_tokens=least,
        )


def _purpose(purpose: str, principal: Principal) -> str:
    if purpose not in {each.name for each in list_purposes()}:
        raise InvalidInput("There is no such purpose.", field="purpose", code="unknown_purpose")
    if not principal.may_claim_purpose(purpose):
        raise NotAllowed("Your team is not registered for this purpose.", field="purpose", code="claim_refused")
    return purpose


def _origin(origin: str, principal: Principal) -> str:
    if not principal.may_claim_origin(origin):
        raise NotAllowed("Your team is not registered for this origin.", field="origin", code="claim_refused")
    return origin


def _join(session: Session, table: Table, principal: Principal, now: datetime) -> None:
    here = set(Instance.objects.filter(session=session, status="active").values_list("agent", flat=True))
    for each in table.members:
        if each.name not in here:
            _join_one(session, each, principal, now)


def _join_one(session: Session, member: Member, principal: Principal, now: datetime) -> None:
    ask = AgentAsk(agent=member.name, role=member.role, model=member.model)
    join_agent(session_id=session.pk, team_id=session.team_id, ask=ask, actor=principal.actor, now=now)
