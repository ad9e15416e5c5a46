"""The answers of a source that HTTP lets us use again, in the database: processes share them and may end."""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta

from django.utils.crypto import salted_hmac

from climate.connectors.http import Remembered
from climate.domain.sources import CLOCKS_DIFFER_BY
from climate.models import RememberedAnswer

OLDEST = timedelta(hours=24)
LARGEST_BYTES = 2_000_000
MOST_OF_A_SOURCE = 500


class StoredMemory:
    """Recalls at once, writes at the end: an answer counts as good once all that was made of it is stored."""

    def __init__(self, source: str, *, now: datetime):
        self._source = source
        self._now = now
        self._changes: dict[str, Remembered | None] = {}

    def recall(self, question: str) -> Remembered | None:
        """What is stored, unless it is too old to be believed unasked."""
        row = RememberedAnswer.objects.filter(
            source=self._source,
            question_digest=_digest(question),
            received_at__gt=self._now - OLDEST,
            received_at__lte=self._now + CLOCKS_DIFFER_BY,
        ).first()
        if row is None:
            return None
        return Remembered(
            content=zlib.decompress(row.content),
            etag=row.etag,
            last_modified=row.last_modified,
            fresh_until=row.fresh_until,
        )

    def remember(self, question: str, answer: Remembered) -> None:
        """For `write`, unless it is too large. Validators longer than their columns would never match again."""
        is_small = len(answer.content) <= LARGEST_BYTES and len(answer.etag) <= 200 and len(answer.last_modified) <= 60
        self._changes[_digest(question)] = answer if is_small else None

    def forget(self, question: str) -> None:
        """For `write`: what is stored goes."""
        self._changes[_digest(question)] = None

    def write(self) -> None:
        """Store what is to be remembered, and drop what is not, what is too old and what is too much."""
        rows = RememberedAnswer.objects.filter(source=self._source)
        rows.filter(question_digest__in=[digest for digest, answer in self._changes.items() if answer is None]).delete()
        rows.filter(received_at__lte=self._now - OLDEST).delete()
        RememberedAnswer.objects.bulk_create(
            [self._row(digest, answer) for digest, answer in self._changes.items() if answer is not None],
            update_conflicts=True,
            unique_fields=["source", "question_digest"],
            update_fields=["etag", "last_modified", "fresh_until", "content", "received_at"],
        )
        kept = rows.order_by("-received_at", "-pk").values_list("pk", flat=True)[:MOST_OF_A_SOURCE]
        if rows.count() > MOST_OF_A_SOURCE:
            rows.exclude(pk__in=list(kept)).delete()

    def write_forgotten(self) -> None:
        """After a failure: only what turned out to be of no use goes."""
        of_no_use = [digest for digest, answer in self._changes.items() if answer is None]
        RememberedAnswer.objects.filter(source=self._source, question_digest__in=of_no_use).delete()

    def _row(self, digest: str, answer: Remembered) -> RememberedAnswer:
        return RememberedAnswer(
            source=self._source,
            question_digest=digest,
            etag=answer.etag,
            last_modified=answer.last_modified,
            fresh_until=answer.fresh_until,
            content=zlib.compress(answer.content),
            received_at=self._now,
        )


def _digest(question: str) -> str:
    """A question may hold a key; its digest is keyed, so that it tells nothing to whoever reads the database."""
    return salted_hmac("climate.remembered-answer", question, algorithm="sha256").hexdigest()
