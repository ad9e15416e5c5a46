"""Make a session of a JSON file that an export wrote, of any size."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.selectors import get_principal_of_team
from config.kernel.errors import DomainError, NotFound
from sessions_app.services.exchange import import_session


class Command(BaseCommand):
    help = "Make a session of a JSON file that export_session or the API wrote."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--team", type=int, required=True, help="The number of the team that gets it.")
        parser.add_argument("--external-id", default=None, help="In place of that of the file.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            document = json.loads(options["file"].read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['file']} cannot be read: {error}") from error
        try:
            get_principal_of_team(team_id=options["team"], actor="import_session", scopes=frozenset())
        except NotFound as refusal:
            raise CommandError(f"team: {refusal.detail}") from refusal
        try:
            session_id = import_session(
                document=document,
                team_id=options["team"],
                actor="import_session",
                external_id=options["external_id"],
                now=timezone.now(),
            )
        except DomainError as refusal:
            raise CommandError(f"{refusal.field or 'file'}: {refusal.detail}") from refusal
        self.stdout.write(f"session: {session_id}")
