"""Threads as their agents read them: checkpoints with the values of their channels and pending writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.db.models.fields.json import KeyTransform

from config.kernel.errors import NotFound
from sessions_app.models import Session, ThreadBlob, ThreadCheckpoint, ThreadWrite

Version = tuple[str, str, str]
"""Namespace, channel and version."""
MOST_LISTED = 50
MOST_CHANNELS_ASKED = 200
"""SQLite takes a condition of at most a thousand alternatives."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadFacts:
    """A thread: its session and how much it holds."""

    thread_id: str
    session_id: UUID
    status: str
    checkpoints: int
    head_seq: int
    last_event_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointsFacts:
    """Some checkpoints, newest first, with the values that they share, each once, and what tasks wrote at each."""

    checkpoints: Sequence[ThreadCheckpoint]
    blobs: Sequence[ThreadBlob]
    writes: Mapping[int, Sequence[ThreadWrite]]
    children: frozenset[int]
    """Those whose parent is stored still."""
    has_more: bool = False


def find_thread(team_id: int, thread_id: str) -> UUID | None:
    """The session of a team's thread."""
    return Session.objects.filter(team_id=team_id, external_id=thread_id).values_list("pk", flat=True).first()


def get_thread(team_id: int, thread_id: str) -> ThreadFacts:
    """A thread of a team. Raises NotFound."""
    found = _threads(Session.objects.filter(team_id=team_id, external_id=thread_id))
    if not found:
        raise NotFound("Your team has no such thread.", field="thread_id")
    return found[0]


def list_threads(team_ids: Collection[int], *, after: str | None = None, limit: int) -> list[ThreadFacts]:
    """Sessions that hold checkpoints, by the name of their thread."""
    holding = ThreadCheckpoint.objects.values("session_id")
    rows = Session.objects.filter(team_id__in=team_ids, pk__in=holding).exclude(external_id="")
    if after is not None:
        rows = rows.filter(external_id__gt=after)
    return _threads(rows.order_by("external_id"), limit)


def _threads(rows: Any, limit: int = 1) -> list[ThreadFacts]:
    found = list(rows[:limit])
    counted = ThreadCheckpoint.objects.filter(session__in=found).values_list("session_id").annotate(Count("pk"))
    counts: dict[UUID, int] = dict(counted.order_by())
    return [
        ThreadFacts(
            thread_id=row.external_id,
            session_id=row.pk,
            status=row.status,
            checkpoints=counts.get(row.pk, 0),
            head_seq=row.head_seq,
            last_event_at=row.last_event_at,
        )
        for row in found
    ]


def latest_id(session_id: UUID, namespace: str) -> str:
    """The newest checkpoint of a namespace; their ids rise with time. Empty if there is none."""
    rows = ThreadCheckpoint.objects.filter(session_id=session_id, namespace=namespace)
    newest: str | None = rows.aggregate(newest=Max("checkpoint_id"))["newest"]
    return newest or ""


def get_checkpoint(session_id: UUID, namespace: str, checkpoint_id: str | None) -> CheckpointsFacts:
    """One checkpoint, or the newest of its namespace. Raises NotFound."""
    rows = ThreadCheckpoint.objects.filter(session_id=session_id, namespace=namespace)
    if checkpoint_id is not None:
        rows = rows.filter(checkpoint_id=checkpoint_id)
    row = _with_parents(rows).order_by("-checkpoint_id").first()
    if row is None:
        raise NotFound("The thread has no such checkpoint.", field="checkpoint_id")
    return _with_values(session_id, [row])


def list_checkpoints(
    session_id: UUID,
    *,
    namespace: str | None = None,
    checkpoint_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    before: str | None = None,
    limit: int = MOST_LISTED,
) -> CheckpointsFacts:
    """Checkpoints whose metadata have all these members, newest first, of ids below `before`."""
    rows = ThreadCheckpoint.objects.filter(session_id=session_id)
    wanted = {"namespace": namespace, "checkpoint_id": checkpoint_id, "checkpoint_id__lt": before}
    rows = rows.filter(**{name: value for name, value in wanted.items() if value is not None})
    for index, (name, value) in enumerate((metadata or {}).items()):  # a name is no lookup, whatever it holds
        rows = rows.alias(**{f"member_{index}": KeyTransform(name, "metadata")}).filter(**{f"member_{index}": value})
    found = list(_with_parents(rows).order_by("-checkpoint_id", "namespace")[: limit + 1])
    has_more = len(found) > limit
    if has_more:  # the next page begins below an id: those of one id stay together
        last = found[limit].checkpoint_id
        found = [row for row in found[:limit] if row.checkpoint_id != last]
        if not found:  # one id in more namespaces than a page has rows
            found = list(_with_parents(rows.filter(checkpoint_id=last)).order_by("namespace"))
            has_more = rows.filter(checkpoint_id__lt=last).exists()
    return _with_values(session_id, found, has_more=has_more)


def _with_parents(rows: QuerySet[ThreadCheckpoint]) -> QuerySet[ThreadCheckpoint]:
    parents = ThreadCheckpoint.objects.filter(
        session=OuterRef("session"), namespace=OuterRef("namespace"), checkpoint_id=OuterRef("parent_id")
    )
    return rows.annotate(has_parent=Exists(parents))


def versions_of(checkpoints: Iterable[ThreadCheckpoint]) -> set[Version]:
    """The values that checkpoints refer to."""
    return {(row.namespace, *pair) for row in checkpoints for pair in row.channel_versions.items()}


def _with_values(session_id: UUID, rows: Sequence[ThreadCheckpoint], *, has_more: bool = False) -> CheckpointsFacts:
    writes = defaultdict(list)
    by_place = {(row.namespace, row.checkpoint_id): row.pk for row in rows}
    ids = [row.checkpoint_id for row in rows]
    found = ThreadWrite.objects.filter(session_id=session_id, checkpoint_id__in=ids)
    for write in found.order_by("task_path", "task_id", "index"):  # the order in which live execution applies them
        if (place := (write.namespace, write.checkpoint_id)) in by_place:
            writes[by_place[place]].append(write)
    return CheckpointsFacts(
        checkpoints=rows,
        blobs=list_blobs(session_id, versions_of(rows)),
        writes=writes,
        children=frozenset(row.pk for row in rows if getattr(row, "has_parent", False)),
        has_more=has_more,
    )


def list_blobs(session_id: UUID, versions: Collection[Version]) -> list[ThreadBlob]:
    """Values by what refers to them; what was never stored is left out."""
    channels: dict[tuple[str, str], list[str]] = defaultdict(list)
    for namespace, channel, version in sorted(versions):
        channels[namespace, channel].append(version)
    found: list[ThreadBlob] = []
    for some in batched(channels.items(), MOST_CHANNELS_ASKED):
        asked = Q()
        for (namespace, channel), those in some:
            asked |= Q(namespace=namespace, channel=channel, version__in=those)
        found += ThreadBlob.objects.filter(asked, session_id=session_id)
    return found


def batched(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Things in lists of at most `size`."""
    left = iter(things)
    while some := list(islice(left, size)):
        yield some
