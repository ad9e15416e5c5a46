"""A person's word about a source: leave it alone, or ask it again."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from climate.events import SourceChanged
from climate.models import DataSource
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import publish

LONGEST_REASON_CHARACTERS = 100
"""The column of the history."""


@transaction.atomic
def pause_source(*, name: str, reason: str, now: datetime) -> None:
    """Ask the source no more until it is resumed. Raises NotFound; Conflict if it is paused."""
    source = _locked(name)
    if not source.is_enabled:
        raise Conflict(f"{source.title} is paused already.")
    source.is_enabled = False
    _save(source, ["is_enabled"], reason, now)


@transaction.atomic
def resume_source(*, name: str, reason: str, now: datetime) -> None:
    """Ask the source again from the next minute on, also one that refused us or is left alone after failures.

    A pause that the source itself asked for stays. Raises NotFound; Conflict if it is being asked as usual.
    """
    source = _locked(name)
    is_left_alone = source.state == DataSource.State.REFUSED or source.breaker_opened_at is not None
    if source.is_enabled and not is_left_alone:
        raise Conflict(f"{source.title} is asked as usual: there is nothing to resume.")
    source.is_enabled = True
    source.key_digest = ""  # as if its key were new: earlier failures are forgotten
    source.breaker_opened_at = None
    _save(source, ["is_enabled", "key_digest", "breaker_opened_at"], reason, now)


def _locked(name: str) -> DataSource:
    source = DataSource.objects.select_for_update().filter(pk=name).first()
    if source is None:
        raise NotFound(f"There is no source {name!r}.", field="source")
    return source


def _save(source: DataSource, fields: list[str], reason: str, now: datetime) -> None:
    """Only what was changed: a collection may be writing the rest of the row."""
    source._change_reason = reason[:LONGEST_REASON_CHARACTERS]  # type: ignore[attr-defined]  # read by the history
    source.save(update_fields=fields)
    publish(SourceChanged(source=source.pk, state=source.state, at=now))
