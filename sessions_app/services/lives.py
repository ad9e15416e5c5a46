"""Sessions begin and end; agents join them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.domain.principal import Principal
from accounts.services.once import acting_team
from budgets import selectors as budgets
from config.kernel.errors import Conflict, InvalidInput, NotAllowed, NotFound
from config.kernel.transactions import transactional
from market import selectors as market
from sessions_app.domain.windows import Window, perpetual_target
from sessions_app.domain.words import Reason
from sessions_app.models import Instance, Session
from sessions_app.selectors.model_windows import find_model_window
from sessions_app.selectors.policies import get_policy_in_force, terms_of
from sessions_app.services.checkpoints import make_checkpoint
from sessions_app.services.handoffs import abort_open
from sessions_app.services.log import Draft, append, locked
from sessions_app.services.memory import ask_for_vector
from sessions_app.services.thinking import thinking_first

MOST_AGENTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAsk:
    """Who joins. Without a window of its own an agent gets that of its model."""

    agent: str
    role: str = ""
    model: str = ""
    window_tokens: int | None = None
    max_output_tokens: int | None = None
    budget_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionAsk:
    """What a session begins with: a budget that the team may spend; of the task its files, agents and minutes."""

    name: str
    external_id: str = ""
    purpose: str = ""
    mode: str = Session.Mode.EXPRESS
    profile: str = Session.Profile.DEFAULT
    policy: str | None = None
    budget_id: UUID | None = None
    task: dict[str, int] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    agents: tuple[AgentAsk, ...] = ()


@transactional
def begin_session(*, ask: SessionAsk, principal: Principal, now: datetime) -> UUID:
    """`open_session` for the team that acts. Raises also InvalidInput or NotAllowed naming `purpose` or `budget`."""
    team_id = acting_team(principal)
    _check_purpose(ask.purpose, principal)
    for budget_id in {ask.budget_id, *(each.budget_id for each in ask.agents)}:
        _check_budget(budget_id, team_id)
    return open_session(ask=ask, team_id=team_id, actor=principal.actor, now=now)


@transactional
def admit_agent(*, session_id: UUID, ask: AgentAsk, principal: Principal, now: datetime) -> Instance:
    """`join_agent` for the team that acts. Raises also NotAllowed naming `budget`."""
    team_id = acting_team(principal)
    _check_budget(ask.budget_id, team_id)
    return join_agent(session_id=session_id, team_id=team_id, ask=ask, actor=principal.actor, now=now)


def _check_purpose(purpose: str, principal: Principal) -> None:
    if not purpose:
        return
    if purpose not in {each.name for each in market.list_purposes()}:
        raise InvalidInput("There is no such purpose.", field="purpose", code="unknown_purpose")
    if not principal.may_claim_purpose(purpose):
        raise NotAllowed("Your team is not registered for this purpose.", field="purpose", code="claim_refused")


def _check_budget(budget_id: UUID | None, team_id: int) -> None:
    """A budget that is not the caller's looks like one that is not there."""
    if budget_id is None:
        return
    try:
        owner = budgets.get_owner(budget_id)
    except NotFound:
        owner = None
    if owner is None or owner.team_id != team_id:
        raise NotAllowed("No budget of your team has this id.", field="budget", code="not_your_budget")


@transactional
def open_session(*, ask: SessionAsk, team_id: int, actor: str, now: datetime) -> UUID:
    """Begin a session with its agents and return its id.

    Raises Conflict with `session_id` if the team has one of that external id, and as `join_agent` does.
    The caller has checked that the team may spend the budgets.
    """
    session = Session(
        name=ask.name,
        team_id=team_id,
        external_id=ask.external_id,
        purpose=ask.purpose,
        mode=ask.mode,
        profile=ask.profile,
        policy=get_policy_in_force(ask.policy),
        budget_id=ask.budget_id,
        task=ask.task,
        created_by=actor,
        created_at=now,
        last_event_at=now,
        last_checkpoint_at=now,
    )
    try:
        with transaction.atomic():
            session.save(force_insert=True)
    except IntegrityError as error:
        known = Session.objects.get(team_id=team_id, external_id=ask.external_id)
        raise Conflict(
            "Your team has a session of this external id.",
            field="external_id",
            code="external_id_in_use",
            session_id=str(known.pk),
        ) from error
    draft = Draft(kind="session.opened", actor=actor, format="merge", delta=ask.state, facts={"name": ask.name})
    append(session, draft, now=now)
    for agent in ask.agents:
        join_agent(session_id=session.pk, team_id=team_id, ask=agent, actor=actor, now=now)
    ask_for_vector(session, now=now)
    return session.pk


@transactional
def join_agent(*, session_id: UUID, team_id: int, ask: AgentAsk, actor: str, now: datetime) -> Instance:
    """Add an agent, active, in its first epoch.

    Raises Conflict if there is one of that name, and InvalidInput naming `max_output_tokens` if it does not fit
    into the window, or leaves no room in one that is kept small for ever.
    """
    session = locked(session_id, team_id=team_id)
    names = set(Instance.objects.filter(session=session).values_list("agent", flat=True))
    if ask.agent in names:
        raise Conflict("The session has an agent of that name.", field="agent", code="agent_exists")
    if len(names) >= MOST_AGENTS:
        raise InvalidInput(f"A session has at most {MOST_AGENTS} agents.", field="agent", code="too_many")
    sizes = _sizes(ask)
    _check_perpetual(session, **sizes)
    instance = Instance.objects.create(
        session=session,
        agent=ask.agent,
        role=ask.role,
        epoch=1,
        status=Instance.Status.ACTIVE,
        model=ask.model,
        budget_id=ask.budget_id,
        created_at=now,
        activated_at=now,
        **sizes,
    )
    facts = {"agent": ask.agent, "role": ask.role, "model": ask.model, "window_tokens": instance.window_tokens}
    append(session, Draft(kind="agent.joined", actor=actor, instance=instance, facts=facts), now=now)
    return instance


def _sizes(ask: AgentAsk) -> dict[str, int]:
    known = find_model_window(ask.model)
    window = ask.window_tokens or known.window_tokens
    output = ask.max_output_tokens or min(known.max_output_tokens, window // 4)
    if output >= window:
        raise InvalidInput("The output does not fit into the window.", field="max_output_tokens")
    return {"window_tokens": window, "max_output_tokens": output}


def _check_perpetual(session: Session, *, window_tokens: int, max_output_tokens: int) -> None:
    if session.profile != Session.Profile.PERPETUAL:
        return
    terms = terms_of(session)
    empty = Window(size=window_tokens, output=max_output_tokens, context=0)
    if perpetual_target(empty, 0, terms) is None:
        raise InvalidInput(
            f"This session keeps windows below {terms.ladder.perpetual_percent} % for ever, and the next output"
            f" alone takes {max_output_tokens} of {window_tokens} tokens: tell a smaller one.",
            field="max_output_tokens",
            code="output_exceeds_perpetual",
        )


@thinking_first
@transactional
def end_session(*, session_id: UUID, team_id: int, actor: str, now: datetime) -> int:
    """End a session, after a last checkpoint of it: nothing can be appended any more. A handoff is aborted.

    Returns the number of its last event.
    """
    session = locked(session_id, team_id=team_id)
    abort_open(session, why="The session has ended.", actor=actor, now=now)
    make_checkpoint(session, reason=Reason.END, actor=actor, now=now)
    seq = append(session, Draft(kind="session.ended", actor=actor), now=now)
    session.status, session.ended_at = Session.Status.ENDED, session.last_event_at
    session.save(update_fields=["status", "ended_at"])
    ask_for_vector(session, now=now)
    return seq
