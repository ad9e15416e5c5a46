"""What a successor begins with: a JSON document, packed and with its hash."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from sessions_app.domain.deltas import canonical

FORMAT = "commonwatt.handoff/1"
LEVEL = 6
Package = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who hands over to whom: an agent in one epoch to itself in another, in the role that the state gives it."""

    session: str
    handoff: int
    agent: str
    role: str
    model: str
    epoch_from: int
    epoch_to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A fact that no successor may miss."""

    number: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedItem:
    """An item of the window that the successor begins with."""

    key: str
    component: str
    kind: str
    tokens: int
    is_pinned: bool
    text: str
    locator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptItem:
    """An item that the successor loads when it needs it: what it took in the window, and what loading it takes."""

    key: str
    component: str
    kind: str
    tokens_before: int
    tokens: int
    archive: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all agents of a session share: the state after an event with its digest, and the continuity document.

    `summary` is empty where the checkpoint keeps the text instead.
    """

    seq: int
    digest: str
    state: Mapping[str, Any]
    decisions: Sequence[Decision]
    continuity: Mapping[str, Any]
    continuity_tokens: int
    checkpoint: int
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What one agent takes along. `context_tokens` is what its window held."""

    identity: Identity
    loaded: Sequence[LoadedItem]
    kept: Sequence[KeptItem]
    context_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A package as it is stored; its hash and size are those before compression."""

    body: bytes
    sha256: bytes
    bytes: int


class DamagedPackage(ValueError):
    """A package that is not what was packed."""


def package_of(own: Own, shared: Shared) -> Package:
    """The document of one agent."""
    loaded = sum(each.tokens for each in own.loaded)
    kept = sum(each.tokens_before for each in own.kept)
    return {
        "format": FORMAT,
        "identity": asdict(own.identity),
        "continuity": dict(shared.continuity),
        "checkpoint": shared.checkpoint,
        "summary": shared.summary,
        "decisions": [asdict(each) for each in shared.decisions],
        "items": {"loaded": _plain(own.loaded), "kept": _plain(own.kept)},
        "tokens": {
            "context_before": own.context_tokens,
            "loaded": loaded,
            "kept": kept,
            "not_itemised": max(0, own.context_tokens - loaded - kept),
            "continuity": shared.continuity_tokens,
            "context_after": loaded + shared.continuity_tokens,
        },
        "state": {"seq": shared.seq, "digest": shared.digest, "value": dict(shared.state)},
    }


def _plain(items: Iterable[LoadedItem | KeptItem]) -> list[dict[str, Any]]:
    return [asdict(each) for each in items]


def pack(package: Package) -> Packed:
    """Canonical JSON, hashed and compressed."""
    raw = canonical(package).encode()
    return Packed(body=zlib.compress(raw, LEVEL), sha256=sha256(raw).digest(), bytes=len(raw))


def unpack(body: bytes, digest: bytes) -> Package:
    """The document. Raises DamagedPackage if it does not agree with its hash."""
    try:
        raw = zlib.decompress(body)
    except zlib.error as error:
        raise DamagedPackage("The package cannot be decompressed.") from error
    if sha256(raw).digest() != bytes(digest):
        raise DamagedPackage("The package does not agree with its hash.")
    package: Package = json.loads(raw)
    return package
