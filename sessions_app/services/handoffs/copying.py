"""The transfer: a snapshot under the lock, packed in parallel without it, stored under it again.

The first transfer packs the whole state. A later one applies what was written since to the state that is
packed already, and holds the result against the digest of the log.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from budgets.services import count_tokens
from config.kernel.errors import Conflict
from sessions_app.domain.deltas import DeltaError, State, applied, canonical, digest_of
from sessions_app.domain.handoff.checks import role_of
from sessions_app.domain.handoff.packages import (
    Decision,
    Identity,
    KeptItem,
    LoadedItem,
    Own,
    Packed,
    Shared,
    pack,
    package_of,
    unpack,
)
from sessions_app.domain.words import Phase, Reason
from sessions_app.models import Fact, HandoffMember, Instance
from sessions_app.selectors.state import Line, get_state, lines_between
from sessions_app.services.checkpoints import make_checkpoint
from sessions_app.services.handoffs.held import ACTOR, Held, move
from sessions_app.services.handoffs.history import history_in
from sessions_app.services.handoffs.items import Luggage, items_of_instances, pack_luggage

WORKERS = 4
"""Packages that are made at once: hashing and compression leave the interpreter to the others."""
MOST_DECISIONS = 1000
"""Facts that a package quotes: those that are pinned, then the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A package of the transfer before, and what was written since."""

    body: bytes
    sha256: bytes
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that packages are made of, as of one event. With a `base` the state of `shared` is yet to be made."""

    round: int
    shared: Shared
    base: Base | None
    own: tuple[Own, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """The package of an agent, and what making it took."""

    role: str
    packed: Packed
    copied_bytes: int
    ms: float


def snapshot(held: Held, *, now: datetime) -> Snapshot:
    """Read a locked session for a transfer, after a checkpoint of it."""
    checkpoint = make_checkpoint(held.session, reason=Reason.HANDOFF, actor=ACTOR, now=now)
    held.handoff.checkpoint = checkpoint
    held.handoff.save(update_fields=["checkpoint"])
    base = _base(held)
    state: State = {} if base else get_state(held.session.pk).state
    document = checkpoint.document or {}
    shared = Shared(
        seq=held.session.head_seq,
        digest=bytes(held.session.digest).hex(),
        state=state,
        decisions=decisions_of(held),
        continuity=document,
        continuity_tokens=count_tokens(text_of(document)),
        checkpoint=checkpoint.pk,
        summary="" if checkpoint.keeps_text else checkpoint.summary,
    )
    luggage = pack_all_luggage(held)
    own = tuple(
        Own(
            identity=identity_of(held, member),
            loaded=luggage[member.agent].loaded,
            kept=luggage[member.agent].kept,
            context_tokens=context_of(member, luggage[member.agent]),
        )
        for member in _in_order(held)
    )
    return Snapshot(round=held.handoff.rounds + 1, shared=shared, base=base, own=own)


def text_of(document: dict[str, Any]) -> str:
    """The continuity document as a successor reads it."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def decisions_of(held: Held) -> tuple[Decision, ...]:
    """Facts in force, by number."""
    rows = Fact.objects.filter(session=held.session, superseded_by=None).order_by("-is_pinned", "-number")
    found = [Decision(number=each.number, kind=each.kind, text=each.text) for each in rows[:MOST_DECISIONS]]
    return tuple(sorted(found, key=lambda each: each.number))


def identity_of(held: Held, member: HandoffMember) -> Identity:
    """Who a member is, in the role of its instance."""
    return Identity(
        session=str(held.session.pk),
        handoff=held.handoff.number,
        agent=member.agent,
        role=member.source.role,
        model=member.source.model,
        epoch_from=member.source.epoch,
        epoch_to=target_of(member).epoch,
    )


def is_packed(held: Held, luggage: Mapping[str, Luggage]) -> bool:
    """Whether the windows hold what the last transfer has packed."""
    own = {agent: (each.loaded, each.kept) for agent, each in luggage.items()}
    return bool(held.handoff.plan.get("luggage") == _fingerprint(own))


def _fingerprint(own: Mapping[str, tuple[Sequence[LoadedItem], Sequence[KeptItem]]]) -> str:
    told = {
        agent: [[asdict(each) for each in loaded], [asdict(each) for each in kept]]
        for agent, (loaded, kept) in own.items()
    }
    return sha256(canonical(told).encode()).hexdigest()


def target_of(member: HandoffMember) -> Instance:
    """The successor, which is there from the end of preparing on."""
    if member.target is None:
        raise AssertionError("A handoff that transfers has made its targets.")
    return member.target


def context_of(member: HandoffMember, luggage: Luggage) -> int:
    """What the window of the source holds: all its items at least."""
    items = sum(each.tokens for each in luggage.loaded) + sum(each.tokens_before for each in luggage.kept)
    return max(member.source.context_tokens, items)


def pack_all_luggage(held: Held) -> dict[str, Luggage]:
    """What every agent takes along."""
    history = history_in(held.handoff.plan)
    items = items_of_instances(each.source_id for each in held.members)
    return {each.agent: pack_luggage(held, each, items[each.source_id], history) for each in held.members}


def _base(held: Held) -> Base | None:
    packed = HandoffMember.objects.filter(handoff=held.handoff, package__isnull=False)
    row = packed.values_list("package", "sha256", "copied_seq").first()
    if row is None:
        return None
    package, digest, copied_seq = row
    lines = tuple(lines_between(held.session.pk, copied_seq, held.session.head_seq))
    return Base(body=bytes(package or b""), sha256=bytes(digest or b""), lines=lines)


def _in_order(held: Held) -> list[HandoffMember]:
    places = {agent: place for place, agent in enumerate(held.handoff.plan.get("order", []))}
    return sorted(held.members, key=lambda each: places.get(each.agent, len(places)))


def pack_all(taken: Snapshot) -> dict[str, Copy]:
    """Make the package of every agent, several at once, in the planned order. Touches no database.

    Raises Conflict with code `state_disagrees` if the state that comes out is not that of the log.
    """
    shared = replace(taken.shared, state=_state_of(taken))
    delta_bytes = sum(len(line["delta"]) for line in taken.base.lines) if taken.base else None

    def work(own: Own) -> Copy:
        began = time.perf_counter()
        identity = replace(own.identity, role=role_of(shared.state, own.identity))
        packed = pack(package_of(replace(own, identity=identity), shared))
        ms = (time.perf_counter() - began) * 1000
        copied = packed.bytes if delta_bytes is None else delta_bytes
        return Copy(role=identity.role, packed=packed, copied_bytes=copied, ms=ms)

    with ThreadPoolExecutor(max_workers=min(WORKERS, len(taken.own))) as pool:
        return dict(zip([each.identity.agent for each in taken.own], pool.map(work, taken.own), strict=True))


def _caught_up(base: Base) -> State:
    state: State = unpack(base.body, base.sha256)["state"]["value"]
    for line in base.lines:
        if line["format"]:
            state = applied(state, line["format"], json.loads(line["delta"]))
    return state


def _state_of(taken: Snapshot) -> State:
    state = dict(taken.shared.state)
    if taken.base is not None:
        try:
            state = _caught_up(taken.base)
        except DeltaError as error:
            raise Conflict(str(error), code="state_disagrees") from error
    if digest_of(state).hex() != taken.shared.digest:
        raise Conflict("The state to transfer does not agree with its digest.", code="state_disagrees")
    return state


def store(held: Held, taken: Snapshot, copies: dict[str, Copy], *, now: datetime) -> None:
    """Keep the packages of a transfer and go on to validation; of two processes that made it, one does."""
    handoff = held.handoff
    if held.phase not in (Phase.TRANSFERRING, Phase.VALIDATING) or handoff.rounds >= taken.round:
        return
    targets = []
    for member in held.members:
        copy = copies[member.agent]
        member.package, member.sha256 = copy.packed.body, copy.packed.sha256
        member.copied_seq, member.copied_bytes = taken.shared.seq, member.copied_bytes + copy.copied_bytes
        member.copy_ms = round(member.copy_ms + copy.ms, 3)
        targets.append(_with_role(member, copy.role))
    Instance.objects.bulk_update(targets, ["role"])
    HandoffMember.objects.bulk_update(held.members, ["package", "sha256", "copied_seq", "copied_bytes", "copy_ms"])
    handoff.plan["luggage"] = _fingerprint({each.identity.agent: (each.loaded, each.kept) for each in taken.own})
    handoff.rounds, handoff.copied_seq, handoff.checks = taken.round, taken.shared.seq, {}
    _measure(held, copies)
    facts = {"round": taken.round, "seq": taken.shared.seq, "bytes": sum(each.copied_bytes for each in copies.values())}
    move(held, Phase.VALIDATING, now=now, facts=facts)


def _with_role(member: HandoffMember, role: str) -> Instance:
    target = target_of(member)
    target.role = role
    return target


def _measure(held: Held, copies: dict[str, Copy]) -> None:
    measures = held.handoff.measures
    measures["packed_bytes"] = measures.get("packed_bytes", 0) + sum(each.packed.bytes for each in copies.values())
    measures["pack_ms"] = round(measures.get("pack_ms", 0.0) + sum(each.ms for each in copies.values()), 3)
    measures["stored_bytes"] = sum(len(each.packed.body) for each in copies.values())
