"""`manage.py demo_gateway`: calls of the built-in echo through the gateway, one of them refused; pages show them."""

from __future__ import annotations

from decimal import Decimal
from typing import IO, Any, cast
from uuid import UUID

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from accounts.domain.principal import ANY, Principal
from accounts.domain.scopes import ALL_SCOPES
from accounts.selectors import find_team_id, get_principal_of_team
from accounts.services import organisations
from budgets.domain.periods import Period
from budgets.domain.refusals import BudgetExhausted
from budgets.domain.units import Unit
from budgets.services import create_budget
from config.server.first_run import ORGANISATION, TEAM
from config.server.reference import load_reference
from dashboard.domain.figures import mass_text, usd
from sessions_app.domain.gateway.wire import ChatAsk
from sessions_app.selectors.gateway.board import CallLine, get_call_line
from sessions_app.services.gateway.calling import call_model
from sessions_app.services.lives import AgentAsk, SessionAsk, join_agent, open_session

ACTOR = "command demo_gateway"
OWN_TEAM = "Demo gateway"
WIDTH_CHARACTERS = 120
SHOWN_CHARACTERS = 40
OWN_TOKENS = Decimal(1_000_000)
MOST_OUTPUT_TOKENS = 200
MODEL = "echo"
QUESTIONS = (
    "Which districts need boats before tonight's tide?",
    "Translate the warning for the ferry landings into Bengali and English.",
    "Compare two evacuation plans: 1) by road, 2) by river. Which risks does each carry, and what does each cost?",
)
TOO_LITTLE_TOKENS = Decimal(10)


class Command(BaseCommand):
    help = "Call the built-in echo through the gateway, once from a budget that cannot pay. No model is behind it."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        load_reference(now=timezone.now())
        self.principal = self._principal()
        self.session_id = self._session()
        calls = [self._call(question) for question in QUESTIONS]
        refusal = self._refused()
        self._tell(calls, refusal)

    def _principal(self) -> Principal:
        """The demo team of the first run; one of its own where the server has not run yet."""
        for organisation, team in ((ORGANISATION, TEAM), (OWN_TEAM, OWN_TEAM)):
            team_id = find_team_id(organisation_name=organisation, team_name=team)
            if team_id is not None:
                return get_principal_of_team(team_id=team_id, actor=ACTOR, scopes=ALL_SCOPES)
        organisation_id = organisations.create_organisation(name=OWN_TEAM, country_code="DE", type="ngo")
        team_id = organisations.create_team(
            organisation_id=organisation_id, name=OWN_TEAM, origins=[ANY], purposes=[ANY]
        )
        self.principal = get_principal_of_team(team_id=team_id, actor=ACTOR, scopes=ALL_SCOPES)
        self._budget(OWN_TEAM, OWN_TOKENS, is_default=True)
        return self.principal

    def _session(self) -> UUID:
        team_id, now = self.principal.team_id or 0, timezone.now()
        ask = SessionAsk(name="Gateway (demonstration)", purpose="disaster_response")
        session_id = open_session(ask=ask, team_id=team_id, actor=ACTOR, now=now)
        clerk = AgentAsk(agent="clerk", role="asks", model=MODEL, window_tokens=8000, max_output_tokens=1000)
        join_agent(session_id=session_id, team_id=team_id, ask=clerk, actor=ACTOR, now=now)
        return session_id

    def _call(self, question: str) -> CallLine:
        ask = ChatAsk(
            model=MODEL, messages=[{"role": "user", "content": question}], max_output_tokens=MOST_OUTPUT_TOKENS
        )
        result = call_model(
            principal=self.principal,
            ask=ask,
            purpose="disaster_response",
            session_id=self.session_id,
            agent="clerk",
        )
        return get_call_line(result.call_id, team_ids=None)[0]

    def _refused(self) -> str:
        """Why a budget of a few tokens does not pay for a call."""
        budget_id = self._budget("Demo gateway: nearly empty", TOO_LITTLE_TOKENS, is_default=False)
        ask = ChatAsk(model=MODEL, messages=[{"role": "user", "content": QUESTIONS[0]}], max_output_tokens=100)
        try:
            call_model(principal=self.principal, ask=ask, purpose="disaster_response", budget_id=budget_id)
        except BudgetExhausted as refusal:
            return refusal.detail
        raise CommandError("A budget of a few tokens has paid for a call of more.")

    def _budget(self, name: str, limit: Decimal, *, is_default: bool) -> UUID:
        return create_budget(
            name=name,
            organisation_id=self.principal.organisation_id or 0,
            team_id=self.principal.team_id,
            parent_id=None,
            unit=Unit.TOKENS,
            limit=limit,
            period=Period.ONE_OFF,
            actor=ACTOR,
            now=timezone.now(),
            is_default=is_default,
        )

    def _tell(self, calls: list[CallLine], refusal: str) -> None:
        console = Console(file=cast(IO[str], self.stdout), width=WIDTH_CHARACTERS)
        table = Table(title="Calls of the built-in echo (no model is behind it)")
        for name in ("asked", "deployment", "region", "in", "out", "carbon", "charged"):
            table.add_column(name, justify="left" if name in ("asked", "deployment", "region") else "right")
        for question, line in zip(QUESTIONS, calls, strict=True):
            table.add_row(question[:SHOWN_CHARACTERS], *_figures(line))
        console.print(table)
        console.print(f"Refused, as it should be: {refusal}")
        console.print(f"Pages: /gateway/ and /sessions/{self.session_id}/")


def _figures(line: CallLine) -> tuple[str, ...]:
    return (
        line.deployment or "",
        line.region or "",
        str(line.input_tokens),
        str(line.output_tokens),
        mass_text(line.location_g),
        usd(line.total_micro_usd),
    )
