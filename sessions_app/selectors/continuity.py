"""What a continuity document is made of, read at the head of a log or at an earlier point of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from budgets.services import count_tokens
from sessions_app.domain.continuity import SECTION_OF_KEY, Document, Held, Known, Notes, Point, Seat, compose, readable
from sessions_app.domain.deltas import State, pointer, state_of
from sessions_app.domain.words import FactKind, ItemKind
from sessions_app.models import ContextItem, Fact, Instance, Session, StateItem
from sessions_app.selectors.policies import terms_of
from sessions_app.selectors.state import get_state_at, text_of_item

MOST_ITEMS = 200
"""So many tasks and locators, those last used, are offered to a document."""
TOLD_KINDS = (ItemKind.MESSAGE, ItemKind.TOOL_OUTPUT, ItemKind.TASK, ItemKind.OTHER)
"""What was said and done. Files and documentation lie elsewhere and are told by their place."""
MOST_TOLD_CHARACTERS = 40_000
MOST_TOLD_ITEMS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """What was said and done since an item of the windows, the newest `items` of it, oldest first."""

    text: str
    items: int
    left_out: int
    last_id: int


def get_continuity(
    session: Session, *, as_seq: int | None = None, notes: Notes | None = None
) -> tuple[Point, Document]:
    """The continuity document of a session as it stands.

    `as_seq` is the number that it goes by: that of an event about to be appended, which changes nothing.
    """
    seq = session.head_seq
    digest = bytes(session.digest).hex()
    state = _standard_state(session)
    return _told(session, seq, session.last_event_at, digest, state, as_seq=as_seq, notes=notes)


def get_continuity_at(session: Session, seq: int, *, notes: Notes | None = None) -> tuple[Point, Document]:
    """The document after an event of the log, as it stood then; windows are those of now. Raises NotFound."""
    then = get_state_at(session.pk, seq)
    return _told(session, seq, then.at, then.digest, then.state, notes=notes)


def _told(
    session: Session,
    seq: int,
    at: datetime,
    digest: str,
    state: State,
    *,
    as_seq: int | None = None,
    notes: Notes | None = None,
) -> tuple[Point, Document]:
    point = Point(
        session_id=str(session.pk),
        name=session.name,
        purpose=session.purpose,
        mode=session.mode,
        seq=seq if as_seq is None else as_seq,
        at=at,
        digest=digest,
        state=state,
        facts=list_known(session, seq),
        held=_held(session, at),
        seats=list_seats(session),
        notes=notes or Notes(),
    )
    most_tokens = terms_of(session).checkpoints.continuity_tokens
    return point, compose(point, most_tokens=most_tokens, count=count_tokens)


def _standard_state(session: Session) -> State:
    """What a document reads of the state, and no more of it."""
    wanted = Q()
    for name in (*SECTION_OF_KEY, "roles"):
        wanted |= Q(key=pointer(name)) | Q(key__startswith=pointer(name) + "/")
    rows = StateItem.objects.filter(wanted, session=session).order_by("changed_seq", "key")
    columns = rows.values_list("key", "value", "body", "archive__body")
    return state_of((key, text_of_item(value, body, archived)) for key, value, body, archived in columns)


def get_recent(session: Session, *, since: int) -> Recent:
    """What was added to the windows of a session after the item of this id."""
    rows = ContextItem.objects.filter(instance__session=session, id__gt=since, kind__in=TOLD_KINDS).exclude(text="")
    lines: list[str] = []
    room, last_id = MOST_TOLD_CHARACTERS, since
    newest = list(rows.order_by("-id").values_list("id", "instance__agent", "text")[:MOST_TOLD_ITEMS])
    for item_id, agent, text in newest:
        last_id, room = max(last_id, item_id), room - len(text)
        if room < 0 and lines:
            break
        lines.append(f"{agent}: {text}")
    left_out = rows.count() - len(lines) if len(newest) == MOST_TOLD_ITEMS else len(newest) - len(lines)
    return Recent(text=readable("\n".join(reversed(lines))), items=len(lines), left_out=left_out, last_id=last_id)


def list_known(session: Session, seq: int) -> list[Known]:
    """Facts that were current after an event, oldest first."""
    rows = Fact.objects.filter(session=session, from_seq__lte=seq)
    current = rows.filter(Q(superseded_by=None) | Q(superseded_by__from_seq__gt=seq)).order_by("number")
    return [
        Known(number=number, kind=FactKind(kind), text=text, is_pinned=is_pinned)
        for number, kind, text, is_pinned in current.values_list("number", "kind", "text", "is_pinned")
    ]


def list_seats(session: Session) -> list[Seat]:
    """Active agents by name."""
    rows = Instance.objects.filter(session=session, status=Instance.Status.ACTIVE).order_by("agent")
    columns: Any = ("agent", "role", "epoch", "context_tokens", "window_tokens")
    return [Seat(**dict(zip(columns, row, strict=True))) for row in rows.values_list(*columns)]


def _held(session: Session, until: datetime) -> list[Held]:
    rows = ContextItem.objects.filter(
        ~Q(locator="") | Q(kind=ItemKind.TASK),
        instance__session=session,
        instance__status=Instance.Status.ACTIVE,
        created_at__lte=until,
    ).order_by("-last_access_at", "-id")
    columns = ("instance__agent", "key", "kind", "is_finished", "locator")
    newest = list(rows.values_list(*columns)[:MOST_ITEMS])
    return [
        Held(agent=agent, key=key, is_task=kind == ItemKind.TASK, is_finished=is_finished, locator=locator)
        for agent, key, kind, is_finished, locator in reversed(newest)
    ]
