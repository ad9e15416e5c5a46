"""`manage.py create_api_key "Organisation / Team" --name ci --scope requests:write`."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.domain.scopes import Scope
from accounts.selectors import find_team_id
from accounts.services.keys import create_api_key
from config.kernel.errors import DomainError


class Command(BaseCommand):
    help = "Create an API key of a team and print its secret, which is not stored and not shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("team", help='"Organisation / Team", as the administration shows it.')
        parser.add_argument("--name", required=True, help="What the key is for.")
        parser.add_argument(
            "--scope",
            action="append",
            required=True,
            dest="scopes",
            help=f"May be repeated. One of {', '.join(Scope)}.",
        )
        parser.add_argument("--days", type=int, help="Days until the key expires; without it, never.")

    def handle(self, *, team: str, name: str, scopes: list[str], days: int | None, **options: Any) -> None:
        organisation_name, _, team_name = team.partition(" / ")
        team_id = find_team_id(organisation_name=organisation_name, team_name=team_name)
        if team_id is None:
            raise CommandError(f'There is no team "{team}". Name it as "Organisation / Team".')
        if days is not None and days < 1:
            raise CommandError("--days must be 1 or more.")
        expires_at = timezone.now() + timedelta(days=days) if days else None
        try:
            _, secret = create_api_key(team_id=team_id, name=name, scopes=scopes, expires_at=expires_at)
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        self.stdout.write(secret)
