"""The last checkpoints stay hot; older ones leave for the archive, whole."""

from __future__ import annotations

from datetime import datetime

from sessions_app.models import Archive, Checkpoint, Session
from sessions_app.selectors.checkpoints import content_of
from sessions_app.selectors.policies import terms_of
from sessions_app.services.archiving import keep


def archive_older(session: Session, *, now: datetime) -> list[Checkpoint]:
    """Archive all but the last checkpoints of a locked session and return those that went."""
    hot = Checkpoint.objects.filter(session=session, tier=Checkpoint.Tier.HOT).order_by("-seq", "-id")
    older = list(hot[terms_of(session).checkpoints.keep_hot :])
    for checkpoint in reversed(older):
        _archive(session, checkpoint, now)
    return older


def _archive(session: Session, checkpoint: Checkpoint, now: datetime) -> None:
    """The archive has the hash of the checkpoint: what was made is what is kept."""
    checkpoint.archive = keep(
        session,
        kind=Archive.Kind.CHECKPOINT,
        title=f"checkpoint {checkpoint.seq} ({checkpoint.reason})",
        body=content_of(checkpoint),
        text=checkpoint.summary,
        tokens=checkpoint.gate.get("summary_tokens", 0) + checkpoint.gate.get("document_tokens", 0),
        seq_from=checkpoint.seq,
        seq_to=checkpoint.seq,
        now=now,
    )
    checkpoint.tier, checkpoint.document, checkpoint.summary = Checkpoint.Tier.ARCHIVED, None, ""
    checkpoint.save(update_fields=["tier", "archive", "document", "summary"])
