"""`manage.py demo_session`: demo agents work in a session through the real services; its pages show it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.domain.principal import ANY
from accounts.selectors import find_team_id
from accounts.services import organisations
from config.server import demo_script as script
from config.server.first_run import ORGANISATION, TEAM
from config.server.reference import load_reference
from sessions_app.domain.words import Protocol
from sessions_app.selectors.board import SessionLine, get_session_line
from sessions_app.services.foresight import note_forecasts
from sessions_app.services.handoffs import Ballot, carry_on, open_handoff, vote
from sessions_app.services.lives import AgentAsk, SessionAsk, join_agent, open_session
from sessions_app.services.memory.facts import FactAsk, Teller, record_fact
from sessions_app.services.rounds.speaking import TurnAsk, begin_round, take_turn
from sessions_app.services.windows.items import ItemAsk
from sessions_app.services.windows.usage import StatePatch, UsageReport, record_usage

ACTOR = "command demo_session"
LASTS = timedelta(minutes=50)
OWN_TEAM = "Demo sessions"


class Command(BaseCommand):
    help = "Make a demo session of four agents: calls, facts, a round, a handoff. What they say is written for it."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        load_reference(now=timezone.now())
        self.team_id = self._team()
        self.now = timezone.now() - LASTS
        self.session_id = self._open()
        calls = script.calls()
        pause = LASTS / (len(calls) + len(script.ROUND) + 6)
        for number, said in enumerate(calls, start=1):
            self.now += pause
            self._call(number, said)
            if number == len(calls) // 3:
                self._facts()
            if number == len(calls) // 2:
                self._round(pause)
            if number == len(calls) * 2 // 3:
                self._hand_over()
        self._tell(self._line())

    def _team(self) -> int:
        """The demo team of the first run; one of its own where the server has not run yet."""
        for organisation, team in ((ORGANISATION, TEAM), (OWN_TEAM, OWN_TEAM)):
            known = find_team_id(organisation_name=organisation, team_name=team)
            if known is not None:
                return known
        organisation_id = organisations.create_organisation(name=OWN_TEAM, country_code="DE", type="ngo")
        return organisations.create_team(organisation_id=organisation_id, name=OWN_TEAM, origins=[ANY], purposes=[ANY])

    def _open(self) -> UUID:
        ask = SessionAsk(name=script.SESSION_NAME, purpose="disaster_response", mode="council", state=script.STATE)
        session_id = open_session(ask=ask, team_id=self.team_id, actor=ACTOR, now=self.now)
        for agent in script.AGENTS:
            ask_agent = AgentAsk(
                agent=agent.name,
                role=agent.role,
                model=agent.model,
                window_tokens=script.WINDOW_TOKENS,
                max_output_tokens=script.OUTPUT_TOKENS,
            )
            join_agent(session_id=session_id, team_id=self.team_id, ask=ask_agent, actor=ACTOR, now=self.now)
        return session_id

    def _line(self) -> SessionLine:
        return get_session_line(self.session_id, team_ids=None)

    def _epoch(self, agent: str) -> int:
        return next(window.epoch for window in self._line().windows if window.agent == agent)

    def _call(self, number: int, said: script.Said) -> None:
        """One call: its text joins the window, its delta the shared state."""
        line = self._line()
        window = next(each for each in line.windows if each.agent == said.agent)
        item = ItemAsk(key=said.key, component=said.component, kind=said.kind, text=said.text)
        patch = StatePatch(base_seq=line.head_seq, format="merge", delta=said.delta) if said.delta else None
        report = UsageReport(
            call_id=f"demo-{number}",
            component=said.component,
            operation=said.operation,
            subject=said.key,
            input_tokens=window.context_tokens,
            text=said.text,
            items=[item],
            patch=patch,
        )
        record_usage(
            session_id=self.session_id,
            team_id=self.team_id,
            agent=said.agent,
            epoch=window.epoch,
            report=report,
            actor=ACTOR,
            now=self.now,
        )
        note_forecasts(now=self.now)

    def _facts(self) -> None:
        for agent, kind, text, is_pinned in script.FACTS:
            record_fact(
                session_id=self.session_id,
                team_id=self.team_id,
                ask=FactAsk(kind=kind, text=text, is_pinned=is_pinned),
                teller=Teller(actor=ACTOR, agent=agent, epoch=self._epoch(agent)),
                now=self.now,
            )

    def _round(self, pause: timedelta) -> None:
        round_id = begin_round(
            session_id=self.session_id, team_id=self.team_id, topic=script.TOPIC, actor=ACTOR, now=self.now
        )
        for answer in script.ROUND:
            self.now += pause
            ask = TurnAsk(
                agent=answer.agent,
                epoch=self._epoch(answer.agent),
                stance=answer.stance,
                confidence=answer.confidence,
                text=answer.text,
                reason=answer.reason,
            )
            take_turn(
                session_id=self.session_id,
                team_id=self.team_id,
                round_id=round_id,
                ask=ask,
                actor=ACTOR,
                now=self.now,
            )

    def _hand_over(self) -> None:
        """All agents go over to successors, once each has said that it is ready."""
        handoff = open_handoff(
            session_id=self.session_id,
            team_id=self.team_id,
            protocol=Protocol.COORDINATED,
            reason="the morning shift ends",
            actor=ACTOR,
            now=self.now,
        )
        carry_on(handoff_id=handoff.pk, now=self.now)
        for agent in script.AGENTS:
            vote(
                session_id=self.session_id,
                team_id=self.team_id,
                number=handoff.number,
                ballot=Ballot(agent=agent.name, epoch=self._epoch(agent.name), vote="ready"),
                actor=ACTOR,
                now=self.now,
            )
        carry_on(handoff_id=handoff.pk, now=self.now)

    def _tell(self, line: SessionLine) -> None:
        self.stdout.write(f"{line.name}: {line.head_seq} events, {line.tokens_used:,} tokens of demo calls.")
        for window in line.windows:
            self.stdout.write(f"  {window.agent}: epoch {window.epoch}, {100 * window.occupancy:.0f} % of its window")
        self.stdout.write(f"Look at /sessions/{line.id}/ on the dashboard.")
