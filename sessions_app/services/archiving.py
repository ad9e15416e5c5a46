"""Archive first: what is about to leave the log, a window or a tier is kept whole and read back."""

from __future__ import annotations

import zlib
from datetime import datetime
from hashlib import sha256

from sessions_app.models import Archive, Session
from sessions_app.selectors.archives import read_body

MOST_SEARCHED_CHARACTERS = 100_000
"""PostgreSQL refuses to index a text of more than about a megabyte of words."""


def keep(  # noqa: PLR0913  # a row, column by column
    session: Session,
    *,
    kind: str,
    title: str,
    body: str,
    text: str,
    tokens: int,
    agent: str = "",
    seq_from: int | None = None,
    seq_to: int | None = None,
    strategy: str = "",
    now: datetime,
) -> Archive:
    """Archive `body` whole, under the words of `text`, read it back from the database and verify its hash.

    Runs in the transaction of the caller, who holds the lock of `session` and removes afterwards; without
    a range it is filed under the head of the log. Raises Conflict with code `archive_damaged` if what was
    read is not what was written: the caller's transaction then undoes everything.
    """
    raw = body.encode()
    archive = Archive.objects.create(
        session=session,
        kind=kind,
        title=title[:240],
        agent=agent,
        seq_from=session.head_seq if seq_from is None else seq_from,
        seq_to=session.head_seq if seq_to is None else seq_to,
        sha256=sha256(raw).digest(),
        body=zlib.compress(raw, 6),
        text=text[:MOST_SEARCHED_CHARACTERS],
        tokens=tokens,
        strategy=strategy,
        made_at=now,
        verified_at=now,
    )
    read_body(Archive.objects.only("body", "sha256").get(pk=archive.pk))
    return archive
