"""Turns that agents take themselves: before one that ends a cycle, the policy's judge, if it names one, is asked."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from accounts.domain.principal import Principal
from accounts.domain.scopes import Scope
from config.kernel.errors import Unavailable
from sessions_app.domain.agreement import Answered
from sessions_app.domain.gateway.stance import NO_ANSWER
from sessions_app.domain.gateway.terms import GatewayTerms
from sessions_app.models import Round, RoundRun, Turn
from sessions_app.selectors.gateway.policies import get_gateway_policy
from sessions_app.selectors.round_runs import bounds_of
from sessions_app.selectors.rounds import answers_of, waiting_in_order
from sessions_app.services.rounds.asking import Caller, Line, call_key, line_of_gateway
from sessions_app.services.rounds.judging import Words, judge_cycle
from sessions_app.services.rounds.speaking import TurnAsk


def judged(
    ask: TurnAsk, *, session_id: UUID, round_id: UUID, principal: Principal, call: Caller | None = None
) -> TurnAsk:
    """A turn with what the judge finds in the cycle that it ends; as it was where none is asked or none answers.

    Asked with the caller's own scope to spend, on the session's budget, and where the words of a driven round may go.
    Must not be called inside a transaction.
    """
    terms = _terms()
    if terms is None or not principal.may(Scope.REQUESTS_WRITE):
        return ask
    row = Round.objects.filter(pk=round_id, session_id=session_id, status="open").select_related("session").first()
    if row is None or ask.agent not in row.agents:
        return ask
    turns = list(row.turns.order_by("cycle", "id"))
    if row.session.team_id != principal.team_id or waiting_in_order(row, turns, _past(row)) != [ask.agent]:
        return ask
    key, model = call_key(round_id, f"{row.cycle}:judge"), terms.rounds.judge_model
    said = _words(row, turns, ask)
    found, _ = judge_cycle(_line(row, terms, principal, call), key=key, model=model, question=row.topic, said=said)
    return replace(ask, judged=found.marks, judged_by=found.by)


def _terms() -> GatewayTerms | None:
    """The terms in force, if they name a judge."""
    try:
        terms = get_gateway_policy().terms
    except Unavailable:
        return None
    return terms if terms.rounds.judge_model else None


def _past(row: Round) -> dict[str, list[Answered]]:
    return answers_of(row.session.team_id, row.agents)


def _words(row: Round, turns: list[Turn], ask: TurnAsk) -> Words:
    said = {each.agent: (each.stance, each.text) for each in turns if each.cycle == row.cycle and each.text}
    said[ask.agent] = (ask.stance.value, ask.text)
    return {agent: words for agent, words in said.items() if words[1] != NO_ANSWER}


def _line(row: Round, terms: GatewayTerms, principal: Principal, call: Caller | None) -> Line:
    return Line(
        call=call or line_of_gateway(),
        principal=principal,
        output_tokens=terms.rounds.output_tokens,
        seconds=float(terms.rounds.agent_seconds),
        options={
            "purpose": row.session.purpose or terms.calls.default_purpose,
            "origin": principal.country_code,
            "session_id": row.session_id,
            "round_id": row.pk,
            "budget_id": row.session.budget_id,
            **bounds_of(RoundRun.objects.filter(pk=row.pk).first()),
        },
    )
