"""What a clearing was worked out from, as bytes that are kept with it: equal inputs, equal bytes."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from market.domain.trading.call import Asks, Bids, CallTerms, Whole
from market.domain.trading.matching import Incoming, Resting

FORMAT = 1
LEVEL = 1
"""Of the compression: whole columns of small numbers shrink at any level, and a call waits for it."""
NUMBER = np.dtype("<i8")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredInputs:
    """Facts (plain JSON values) and columns of integers by name."""

    facts: dict[str, Any]
    columns: dict[str, Whole]

    def to_bytes(self) -> bytes:
        """Packed; `from_bytes` gives back an equal value."""
        named = sorted(self.columns.items())
        header = {"format": FORMAT, "facts": self.facts, "columns": [[name, len(each)] for name, each in named]}
        text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
        parts = [np.ascontiguousarray(each, dtype=NUMBER).tobytes() for _, each in named]
        return zlib.compress(b"".join([len(text).to_bytes(8, "little"), text, *parts]), LEVEL)

    @classmethod
    def from_bytes(cls, stored: bytes) -> StoredInputs:
        """The inputs as they were. Raises ValueError for a format of another program version."""
        plain = zlib.decompress(stored)
        start = 8 + int.from_bytes(plain[:8], "little")
        header = json.loads(plain[8:start])
        if header["format"] != FORMAT:
            raise ValueError("These inputs of an auction were written in another format.")
        columns = {}
        for name, count in header["columns"]:
            columns[name] = np.frombuffer(plain, dtype=NUMBER, count=count, offset=start).astype(np.int64)
            start += count * NUMBER.itemsize
        return cls(facts=header["facts"], columns=columns)


def pack_call(bids: Bids, asks: Asks, terms: CallTerms) -> StoredInputs:
    """The inputs of a call."""
    columns = {**_columns("bid", bids), **_columns("ask", asks)}
    return StoredInputs(facts={"kind": "call", "terms": asdict(terms)}, columns=columns)


def unpack_call(stored: StoredInputs) -> tuple[Bids, Asks, CallTerms]:
    """The inputs of a call as `clear` takes them."""
    bids = Bids(**_of("bid", stored.columns))
    asks = Asks(**_of("ask", stored.columns))
    return bids, asks, CallTerms(**stored.facts["terms"])


def pack_window(bids: Bids, asks: Asks, *, price_ticks: int) -> StoredInputs:
    """The inputs of a trade with what a call left."""
    columns = {**_columns("bid", bids), **_columns("ask", asks)}
    return StoredInputs(facts={"kind": "window", "price_ticks": price_ticks}, columns=columns)


def unpack_window(stored: StoredInputs) -> tuple[Bids, Asks, int]:
    """The inputs of such a trade as `take_residual` takes them."""
    bids, asks = Bids(**_of("bid", stored.columns)), Asks(**_of("ask", stored.columns))
    return bids, asks, int(stored.facts["price_ticks"])


def pack_book(
    resting: Sequence[Resting], incoming: Incoming, adders: Mapping[int, int], *, low_ticks: int, high_ticks: int
) -> StoredInputs:
    """The inputs of one order's way through an open book; `adders` are the carbon adders by order, in ticks."""
    names = [each.name for each in fields(Resting)]
    columns = {name: np.array([getattr(each, name) for each in resting], dtype=np.int64) for name in names}
    columns["adder_of"] = np.array(list(adders), dtype=np.int64)
    columns["adder_ticks"] = np.array(list(adders.values()), dtype=np.int64)
    facts = {"kind": "book", "incoming": asdict(incoming), "low_ticks": low_ticks, "high_ticks": high_ticks}
    return StoredInputs(facts=facts, columns=columns)


def unpack_book(stored: StoredInputs) -> tuple[list[Resting], Incoming, dict[int, int], dict[str, int]]:
    """The inputs of such an order: what rests, the order, carbon adders by order, and the collar by name."""
    names = [each.name for each in fields(Resting)]
    rows = zip(*(stored.columns[name].tolist() for name in names), strict=True)
    resting = [Resting(**dict(zip(names, row, strict=True))) for row in rows]
    collar = {name: int(stored.facts[name]) for name in ("low_ticks", "high_ticks")}
    adders = dict(zip(*(stored.columns[name].tolist() for name in ("adder_of", "adder_ticks")), strict=True))
    return resting, Incoming(**stored.facts["incoming"]), adders, collar


def _columns(side: str, rows: Bids | Asks) -> dict[str, Whole]:
    return {f"{side}_{each.name}": getattr(rows, each.name) for each in fields(rows)}


def _of(side: str, columns: Mapping[str, Whole]) -> dict[str, Whole]:
    prefix = f"{side}_"
    return {name.removeprefix(prefix): column for name, column in columns.items() if name.startswith(prefix)}
