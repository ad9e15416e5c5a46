"""`manage.py serve`: everything in one process; with REDIS_URL, the web part of several."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils import timezone
from rich.console import Console

from config.celery import app
from config.server import first_run, locks, web
from config.server.background import start_background
from config.server.reference import load_reference
from sessions_app.services.gateway.closing import settle_what_is_open

SETTLE_SECONDS = 5.0
HINT = (
    "The password and the API key were shown on the first run. New ones: "
    "manage.py changepassword admin; manage.py create_api_key --help"
)


class Command(BaseCommand):
    help = (
        "Prepare the database and serve pages, API and sockets until Ctrl-C, with the background worker and the "
        "scheduler in the same process. With REDIS_URL set, worker and scheduler are processes of their own."
    )
    requires_system_checks = []  # migrate, the first step, runs them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.ENVIRONMENT.host, help="Address to listen on.")
        parser.add_argument("--port", type=int, default=settings.ENVIRONMENT.port, help="Port; 0 takes a free one.")
        parser.add_argument(
            "--all", action="store_true", help="Run worker and scheduler here too, although REDIS_URL is set."
        )

    def handle(self, *, host: str, port: int, all: bool, **options: Any) -> None:
        self.console = Console(stderr=True)
        try:
            self._serve(host, port, with_background=settings.ENVIRONMENT.is_embedded or all)
        except KeyboardInterrupt:
            raise SystemExit("Stopped before it was ready.") from None
        self._end()

    def _serve(self, host: str, port: int, *, with_background: bool) -> None:
        with self._own_data_folder(), self._bound(host, port) as bound:
            credentials = self._prepare()
            with self.console.status("Starting the worker and the scheduler"):
                background = start_background(app) if with_background else None
            bound.listen(web.BACKLOG)  # before the URL is printed: who reads it may call at once
            self._announce(web.url_of(bound, host), credentials)
            web.serve(bound)
            self.stdout.write("Stopping.")
            if not settle_what_is_open(seconds=SETTLE_SECONDS, now=timezone.now()):
                self.stderr.write("Some calls of models are not settled: the sweep does it when their leases run out.")
            if background is not None:
                background.stop()

    @contextlib.contextmanager
    def _own_data_folder(self) -> Iterator[None]:
        """On SQLite, be the only server of the file."""
        if not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
            yield
            return
        try:
            with locks.only_server_of(settings.ENVIRONMENT.data_dir):
                yield
        except locks.Taken as taken:
            raise CommandError(
                f"Process {taken.pid} already serves the data in {settings.ENVIRONMENT.data_dir}. "
                "Stop it, or choose another folder with COMMONWATT_DATA_DIR."
            ) from taken

    @contextlib.contextmanager
    def _bound(self, host: str, port: int) -> Iterator[socket.socket]:
        try:
            bound = web.bind(host, port)
        except web.PortTaken as taken:
            raise CommandError(
                f"Port {port} of {host} is in use by another program. Choose another: PORT={port + 1} make run"
            ) from taken
        except OSError as error:
            raise CommandError(f"Cannot listen on {host}, port {port}: {error}.") from error
        with contextlib.closing(bound):
            yield bound

    def _prepare(self) -> first_run.Credentials | None:
        """Migrate, load what is missing, and on the first run of a local deployment create the demo."""
        now = timezone.now()
        with locks.only_preparation():
            with self.console.status("Bringing the database up to date"):
                call_command("migrate", interactive=False, verbosity=0)
            with self.console.status("Loading countries, grid zones, regions and policies"):
                load_reference(now=now)
            is_first = not settings.ENVIRONMENT.is_production and first_run.is_first_run()
            credentials = first_run.create_demo(now=now) if is_first else None
        connections.close_all()
        return credentials

    def _announce(self, url: str, credentials: first_run.Credentials | None) -> None:
        """The lines that people and programs read. Printed after the commit: what is shown is valid."""
        self.stdout.write(f"url: {url}")
        if credentials is None:
            self.stdout.write(HINT)
        else:
            self.stdout.write(f"username: {credentials.username}")
            self.stdout.write(f"password: {credentials.password}")
            self.stdout.write(f"api key: {credentials.api_key}")
            self.stdout.write("Keep them: they are not shown again. Ctrl-C stops everything.")
        self.stdout.flush()

    def _end(self) -> None:
        """Leave now, even if a collector is still waiting for an answer from outside: its run is repeated."""
        connections.close_all()
        self.stdout.write("Stopped.")
        self.stdout.flush()
        self.stderr.flush()
        others = [each for each in threading.enumerate() if each is not threading.main_thread() and not each.daemon]
        if others:
            os._exit(0)
