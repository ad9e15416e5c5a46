"""Our side of benchmarks/sessions.py, in a process of its own on the database of its environment."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

import django

django.setup()

from _sessions_state import make_records, median_ms, steps, taken_ms, told  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.services.organisations import create_organisation, create_team  # noqa: E402
from sessions_app.models import Event  # noqa: E402
from sessions_app.selectors.events import list_events  # noqa: E402
from sessions_app.selectors.state import get_state, get_state_at  # noqa: E402
from sessions_app.services.lives import SessionAsk, open_session  # noqa: E402
from sessions_app.services.log import Writer, patch_state  # noqa: E402
from sessions_app.services.reference import load_reference  # noqa: E402

WRITER = Writer(actor="benchmark")
LISTED = 300


def main() -> None:
    """Write the steps, then read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size_kb", type=float)
    parser.add_argument("steps", type=int)
    given = parser.parse_args()
    load_reference(now=timezone.now())
    for count in (10, given.steps):  # the first warms up
        session_id, team_id = _open()
        records = make_records(given.size_kb)
        _patch(session_id, team_id, 1, {"tasks": records})
        before = _bytes()
        writes = []
        for seq, (name, record) in enumerate(steps(records, count), start=2):
            records[name] = record
            delta = {"tasks": {name: record}}
            writes.append(taken_ms(partial(_patch, session_id, team_id, seq, delta)))
        grown = _bytes() - before
    if get_state(session_id).state != {"tasks": records}:
        raise SystemExit("The state read is not the state written.")
    told(writes, grown / given.steps, _reads(session_id, given.steps // 2 + 20))


def _open() -> tuple[UUID, int]:
    number = Event.objects.count()
    organisation_id = create_organisation(name=f"Bench {number}", country_code="DE", type="ngo")
    team_id = create_team(organisation_id=organisation_id, name="Bench", origins=["*"], purposes=["*"])
    ask = SessionAsk(name="Bench")
    return open_session(ask=ask, team_id=team_id, actor="benchmark", now=timezone.now()), team_id


def _patch(session_id: UUID, team_id: int, base_seq: int, delta: object) -> None:
    patch_state(
        session_id=session_id,
        team_id=team_id,
        base_seq=base_seq,
        format="merge",
        delta=delta,
        writer=WRITER,
        now=timezone.now(),
    )


def _reads(session_id: UUID, seq: int) -> dict[str, float]:
    return {
        "latest": median_ms(lambda: get_state(session_id)),
        "at": median_ms(lambda: get_state_at(session_id, seq)),
        "list": median_ms(lambda: list_events(session_id, limit=LISTED), 10),
    }


def _bytes() -> int:
    """What all tables of sessions take on disk, with their indexes and what is kept beside them."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.execute(
                "SELECT (p.page_count - f.freelist_count) * s.page_size FROM pragma_page_count p,"
                " pragma_freelist_count f, pragma_page_size s"
            )
        else:
            cursor.execute(
                "SELECT sum(pg_total_relation_size(oid)) FROM pg_class"
                " WHERE relkind = 'r' AND relname LIKE 'sessions_app_%'"
            )
        return int(cursor.fetchone()[0])


if __name__ == "__main__":
    main()
