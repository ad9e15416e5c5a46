"""What was cleaned up comes back: into the window it left, or the tier."""

from __future__ import annotations

from datetime import datetime

from config.kernel.errors import Conflict, NotFound
from sessions_app.domain.windows import Window
from sessions_app.models import Archive, ContextItem, Instance, Session, StateItem
from sessions_app.selectors.archives import item_of, read_body
from sessions_app.selectors.policies import terms_of
from sessions_app.services.log import Draft, active_instance, append
from sessions_app.services.tiers import warm_up
from sessions_app.services.windows.sizes import moved


def restore_item(session: Session, item: ContextItem, *, actor: str, now: datetime) -> ContextItem:
    """Load an item of a locked session into the window of its agent again, whole; returns its row.

    Of an item without a text the size comes back: the agent reads it from its locator. Raises Conflict
    with code `window_full` if it does not fit below the rung that admits nothing new, `archive_damaged`.
    """
    archive = item.archive
    if item.status == ContextItem.Status.LIVE or archive is None:
        return item
    text = "" if item.text_sha256 is None else read_body(archive)
    tokens = item.original_tokens
    instance = active_instance(session, item.instance.agent)
    row = _row_in(instance, item)
    row.instance = instance
    _require_room(session, instance, tokens - row.tokens)
    moved(instance, row.component, tokens - row.tokens)
    row.text, row.text_sha256, row.tokens, row.status = text, item.text_sha256, tokens, ContextItem.Status.LIVE
    row.last_access_at, row.archive = now, archive
    row.save()
    Archive.objects.filter(pk=archive.pk).update(restored_at=now)
    facts = {"agent": instance.agent, "key": row.key, "tokens": tokens, "archive": archive.pk}
    append(session, Draft(kind="item.restored", actor=actor, instance=instance, facts=facts), now=now)
    return row


def restore_archive(session: Session, archive_id: int, *, actor: str, now: datetime) -> ContextItem | StateItem:
    """Bring back what an archive holds: an item of a window, or of the state (which becomes warm).

    Raises NotFound; Conflict with code `not_restorable` for what is read where it stands, or as `restore_item` does.
    """
    archive = Archive.objects.filter(session=session, pk=archive_id).first()
    if archive is None:
        raise NotFound("There is no such archive.", field="archive")
    if archive.kind == Archive.Kind.ITEM:
        item = item_of(session.pk, archive.pk)
        if item is not None:
            return restore_item(session, item, actor=actor, now=now)
    if archive.kind == Archive.Kind.STATE:
        part = StateItem.objects.filter(session=session, archive=archive).select_related("archive").first()
        if part is not None:
            warm_up(session, [part], actor=actor, now=now)
            return part
    raise Conflict(
        "Nothing is restored from this archive: read it where it is.", code="not_restorable", kind=archive.kind
    )


def _row_in(instance: Instance, item: ContextItem) -> ContextItem:
    """The row of the item in the window that its agent has now."""
    if item.instance_id == instance.pk:
        return item
    row = ContextItem.objects.filter(instance=instance, key=item.key).first()
    if row is not None and row.status == ContextItem.Status.LIVE:
        raise Conflict("The window holds something of this name.", field="archive", code="already_there")
    if row is not None:
        return row
    return ContextItem(
        instance=instance,
        key=item.key,
        component=item.component,
        kind=item.kind,
        locator=item.locator,
        tokens=0,
        original_tokens=item.original_tokens,
        is_finished=item.is_finished,
        created_at=item.created_at,
        last_access_at=item.last_access_at,
    )


def _require_room(session: Session, instance: Instance, tokens: int) -> None:
    window = Window(size=instance.window_tokens, output=instance.max_output_tokens, context=instance.context_tokens)
    left = window.room_below(terms_of(session).ladder.refuse_percent)
    if tokens > left:
        raise Conflict(
            f"This takes {tokens} tokens, and {left} can be added to the window.",
            field="archive",
            code="window_full",
            agent=instance.agent,
            room_tokens=left,
            needed_tokens=tokens,
        )
