"""What a person does in a session of their team: a checkpoint, the way back, a handoff, something put back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from accounts.selectors import find_principal_of_person
from config.kernel.errors import Conflict
from dashboard.domain.sight import Sight
from dashboard.doors import seen_by
from dashboard.forms.sessions import ArchiveForm, DecisionForm, HandoffForm, PointForm
from dashboard.views.acting import act
from dashboard.views.sessions.seen import seen_session
from sessions_app.domain.words import Protocol, Reason
from sessions_app.selectors.board import SessionLine
from sessions_app.selectors.handoffs import list_handoffs
from sessions_app.services.checkpoints import CheckpointAsk, restore, save_checkpoint
from sessions_app.services.cleanup.cleaning import restore as put_back
from sessions_app.services.handoffs import abort_handoff, open_handoff
from sessions_app.services.log import Writer
from sessions_app.services.proposals import Decider, analyse, decide_proposal

Values = dict[str, Any]
Do = Callable[[SessionLine, Values, Principal, datetime], str]
_ASIDE = "The database did not answer: the checkpoint is kept on the disk of the server, and stored when it does again."


@dataclass(frozen=True, slots=True)
class Change:
    """What is done, with which form, and the page to which it leads back."""

    do: Do
    page: str
    form: type[forms.Form] | None = None


def _checkpoint(line: SessionLine, _values: Values, principal: Principal, now: datetime) -> str:
    ask = CheckpointAsk(
        session_id=line.id, team_id=line.team_id, reason=Reason.MANUAL, writer=Writer(actor=principal.actor)
    )
    kept = save_checkpoint(ask=ask, now=now)
    return "The checkpoint is made." if kept.checkpoint_id else _ASIDE


def _return(line: SessionLine, values: Values, principal: Principal, now: datetime) -> str:
    writer = Writer(actor=principal.actor)
    restored = restore(session_id=line.id, team_id=line.team_id, to_seq=values["seq"], writer=writer, now=now)
    return f"The state is that after event {restored.to_seq} again; event {restored.seq} led back."


def _handoff(line: SessionLine, values: Values, principal: Principal, now: datetime) -> str:
    handoff = open_handoff(
        session_id=line.id,
        team_id=line.team_id,
        protocol=Protocol(values["protocol"]),
        reason=values["reason"],
        actor=principal.actor,
        now=now,
    )
    return f"Handoff {handoff.number} is under way."


def _abort(line: SessionLine, _values: Values, principal: Principal, now: datetime) -> str:
    newest = next(iter(list_handoffs(line.id, limit=1)), None)
    if newest is None or newest.finished_at:
        raise Conflict("No handoff is under way any more.")
    abort_handoff(
        session_id=line.id,
        team_id=line.team_id,
        number=newest.id,
        reason="aborted on the page",
        actor=principal.actor,
        now=now,
    )
    return f"Handoff {newest.id} is aborted: everybody stays as they are."


def _put_back(line: SessionLine, values: Values, principal: Principal, now: datetime) -> str:
    put_back(session_id=line.id, team_id=line.team_id, archive_id=values["archive"], actor=principal.actor, now=now)
    return "It is back where it was."


def _analyse(line: SessionLine, _values: Values, principal: Principal, now: datetime) -> str:
    made = analyse(session_id=line.id, team_id=line.team_id, actor=principal.actor, now=now)
    return f"{len(made)} proposed." if made else "Nothing new to propose: too little has happened, or it is proposed."


def _decide(line: SessionLine, values: Values, principal: Principal, now: datetime) -> str:
    is_accepted = values["verdict"] == "accept"
    decider = Decider(
        actor=principal.actor,
        is_person=principal.user_id is not None,
        may_change_budgets=principal.may(Scope.BUDGETS_WRITE),
    )
    decide_proposal(
        session_id=line.id,
        team_id=line.team_id,
        proposal_id=values["proposal"],
        is_accepted=is_accepted,
        rationale=values["rationale"],
        decider=decider,
        now=now,
    )
    return "Accepted: it is in force, and its effect will be measured." if is_accepted else "Rejected."


CHANGES = {
    "checkpoint": Change(_checkpoint, "session-state"),
    "return": Change(_return, "session-state", PointForm),
    "handoff": Change(_handoff, "session-page", HandoffForm),
    "abort": Change(_abort, "session-page"),
    "restore": Change(_put_back, "session-memory", ArchiveForm),
    "analyse": Change(_analyse, "session-report"),
    "decide": Change(_decide, "session-report", DecisionForm),
}


@require_POST
@seen_by("details")
def change(request: HttpRequest, session_id: UUID, name: str, *, sight: Sight) -> HttpResponse:
    """Do it, and lead back."""
    if name not in CHANGES:
        raise Http404("There is no such change.")
    line = seen_session(sight, session_id)
    if sight.session_team_id is None or sight.session_team_id != line.team_id:
        raise PermissionDenied
    principal = find_principal_of_person(request.user)  # type: ignore[arg-type]  # known: they act for a team
    if principal is None:
        raise PermissionDenied
    chosen = CHANGES[name]
    form = chosen.form(request.POST) if chosen.form else None

    def say(values: Values, who: Principal, now: datetime) -> str:
        return chosen.do(line, values, who, now)

    return act(request, principal, form, say, back=reverse(chosen.page, args=[session_id]))
