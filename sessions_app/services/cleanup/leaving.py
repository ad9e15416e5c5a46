"""What leaves a window goes to the archive first."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from config.kernel.errors import Conflict
from sessions_app.domain.deltas import canonical
from sessions_app.models import Archive, ContextItem, Session
from sessions_app.selectors.archives import read_body
from sessions_app.services.archiving import keep


def leave(session: Session, item: ContextItem, *, strategy: str, agent: str, now: datetime) -> Archive:
    """Archive an item of a window whole and note that in its row, which is not saved yet.

    An item of which only the size is known is archived as where it lies. What has been archived and is
    still the same is not archived again: of a shortened item the whole is there already.
    """
    known = _whole(item)
    if known is not None:
        return known
    body = item.text or canonical(
        {name: getattr(item, name) for name in ("key", "kind", "component", "locator", "original_tokens")}
    )
    archive = keep(
        session,
        kind=Archive.Kind.ITEM,
        title=item.key,
        body=body,
        text=item.text or f"{item.key}\n{item.locator}",
        tokens=item.original_tokens,
        agent=agent,
        strategy=strategy,
        now=now,
    )
    item.archive = archive
    item.text_sha256 = bytes(archive.sha256) if item.text else None
    return archive


def _whole(item: ContextItem) -> Archive | None:
    """The archive that holds the item whole, if there is one that can still be read."""
    archive = item.archive
    if archive is None:
        return None
    is_same = bool(item.text) and sha256(item.text.encode()).digest() == bytes(archive.sha256)
    if item.status == ContextItem.Status.LIVE and not is_same:
        return None
    try:
        read_body(archive)
    except Conflict:  # damaged: what is left of it is kept instead
        return None
    return archive
