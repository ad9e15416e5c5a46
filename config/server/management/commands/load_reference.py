"""`manage.py load_reference`: countries, zones, regions, thresholds, purposes and policies."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config.server.reference import load_reference


class Command(BaseCommand):
    help = "Add the reference rows that are missing. Rows that exist stay as they are."

    def handle(self, *args: Any, **options: Any) -> None:
        for kind, added in load_reference(now=timezone.now()).items():
            self.stdout.write(f"{kind}: {added} added")
