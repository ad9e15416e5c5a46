"""Write a whole session to a JSON file, of any size."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.kernel.errors import DomainError
from sessions_app.services.exchange import export_session


class Command(BaseCommand):
    help = "Write a whole session to a JSON file, each part with its hash."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("session", type=UUID)
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            document = export_session(session_id=options["session"], now=timezone.now())
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        options["file"].write_text(json.dumps(document), encoding="utf-8")
        self.stdout.write(f"{len(document['parts']['events'])} events written to {options['file']}")
