"""Placement instances as they are exchanged in files: checked, and turned into a problem.

An instance names regions (one model class), whole tokens of capacity and an integer cost per region and slot, eligible
sets of regions, requests with a window of slots each, and parties where fairness matters. Requests may be split.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from market.domain.placement.grouping import group_rows
from market.domain.placement.problem import Flags, Floats, Indices, Ints, Parties, Problem, Requests

Columns = Mapping[str, NDArray[Any]]

LARGEST = 2**62
"""Sums and differences of what is not above it stay within 64 bits."""
COLUMNS = ("set", "arrival", "deadline", "tokens")
"""What every request has; `id` (default: the row) and `party` (default: the first) may be there too."""


class BadInstance(ValueError):
    """The instance cannot be read; names the field."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A checked instance. `ids` [N] are those of the file; requests stand in line by arrival, then id.

    `party_names` [Q]: a single nameless one where the instance has none; `parties` is None then.
    """

    regions: tuple[str, ...]
    kwh_per_million_tokens: float | None
    problem: Problem
    requests: Requests
    ids: NDArray[Any]
    party_names: tuple[str, ...]
    parties: Parties | None


def read_instance(header: Mapping[str, Any], columns: Columns) -> Instance:
    """An instance from the fields of its JSON and the columns of its requests [N]. Raises BadInstance."""
    regions = _regions(header)
    capacity = _table(header, "capacity_tokens", len(regions))
    cost = _table(header, "cost", len(regions))
    if cost.shape != capacity.shape:
        raise BadInstance("cost", f"has {cost.shape[1]} slots, capacity_tokens {capacity.shape[1]}.")
    is_eligible = _sets(header, len(regions))
    party_names, parties = _parties(header)
    count = len(columns["tokens"])
    tokens = _whole("requests.tokens", columns["tokens"], 0, None)
    profile = _whole("requests.set", columns["set"], 0, len(is_eligible) - 1)
    first, last = _windows(columns, capacity.shape[1])
    groups, group = group_rows(
        profile=profile.astype(np.int32),
        first_hour=first,
        last_hour=last,
        party=_party_of(columns, party_names, has_parties=parties is not None),
        tokens=tokens,
    )
    ids = _ids(columns, count)
    problem = Problem(
        capacity_tokens=capacity,
        cost=cost,
        is_eligible=is_eligible,
        set_of_hour=np.repeat(np.arange(len(is_eligible), dtype=np.int32)[:, None], capacity.shape[1], axis=1),
        group_profile=groups.profile,
        group_first_hour=groups.first_hour,
        group_last_hour=groups.last_hour,
        group_party=groups.party,
        group_tokens=groups.tokens,
    )
    rank = np.empty(count, dtype=np.int64)
    rank[np.lexsort((ids, first))] = np.arange(count)
    return Instance(
        regions=regions,
        kwh_per_million_tokens=_kwh(header),
        problem=problem,
        requests=Requests(group=group, tokens=tokens, rank=rank, may_split=np.ones(count, dtype=np.bool_)),
        ids=ids,
        party_names=party_names,
        parties=parties,
    )


def columns_of(rows: Any) -> dict[str, NDArray[Any]]:
    """Columns of requests that stand in the JSON itself. Raises BadInstance."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadInstance("requests", "must be a list of objects.")
    optional = [name for name in ("id", "party") if any(name in row for row in rows)]
    columns: dict[str, NDArray[Any]] = {}
    for name in (*COLUMNS, *optional):
        values = [row.get(name) for row in rows]
        if None in values:
            raise BadInstance(f"requests[{values.index(None)}].{name}", "is missing.")
        columns[name] = _flat(f"requests.{name}", values)
    return columns


def _flat(field: str, values: list[Any]) -> NDArray[Any]:
    """One number or name per place. Raises BadInstance."""
    if any(isinstance(value, list | dict) for value in values):
        raise BadInstance(field, "must be single values, not lists or objects.")
    return np.array(values) if values else np.zeros(0, dtype=np.int64)


def _kwh(header: Mapping[str, Any]) -> float | None:
    value = header.get("kwh_per_mtok")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < np.inf:
        raise BadInstance("kwh_per_mtok", "must be a number from 0.")
    return float(value)


def _regions(header: Mapping[str, Any]) -> tuple[str, ...]:
    regions = header.get("regions")
    if not isinstance(regions, list) or not regions or not all(isinstance(name, str) for name in regions):
        raise BadInstance("regions", "must be a list of names, at least one.")
    return tuple(regions)


def _table(header: Mapping[str, Any], field: str, region_count: int) -> Ints:
    """Whole numbers from 0, a row per region and a column per slot."""
    try:
        table = np.array(header.get(field))
    except ValueError:
        raise BadInstance(field, "rows must have equally many slots.") from None
    if table.ndim != 2 or len(table) != region_count or table.shape[1] == 0:
        raise BadInstance(field, f"must have a row of slots for each of the {region_count} regions.")
    return _whole(field, table, 0, None)


def _sets(header: Mapping[str, Any], region_count: int) -> Flags:
    sets = header.get("eligible_sets")
    if not isinstance(sets, list) or not all(isinstance(regions, list) for regions in sets):
        raise BadInstance("eligible_sets", "must be a list of lists of region indices.")
    is_eligible = np.zeros((len(sets), region_count), dtype=np.bool_)
    for index, regions in enumerate(sets):
        field = f"eligible_sets[{index}]"
        is_eligible[index, _whole(field, _flat(field, regions), 0, region_count - 1)] = True
    return is_eligible


def _parties(header: Mapping[str, Any]) -> tuple[tuple[str, ...], Parties | None]:
    meta = header.get("meta") or {}
    if not isinstance(meta, Mapping):
        raise BadInstance("meta", "must be an object.")
    listed = meta.get("parties")
    if not listed:
        return ("",), None
    try:
        weight = np.array([float(party["weight"]) for party in listed])
        floor = np.array([float(party.get("floor", 0)) for party in listed])
        names = tuple(str(party.get("name", index)) for index, party in enumerate(listed))
    except (TypeError, KeyError, ValueError, AttributeError):
        raise BadInstance("meta.parties", "each party needs a weight and may have a name and a floor.") from None
    _check_amounts("weight", weight, weight > 0, "must be above 0")
    _check_amounts("floor", floor, floor >= 0, "must not be below 0")
    return names, Parties(weight=weight, floor_tokens=floor)


def _check_amounts(field: str, amounts: Floats, is_good: Flags, rule: str) -> None:
    bad = np.flatnonzero(~(is_good & np.isfinite(amounts)))
    if len(bad):
        raise BadInstance(f"meta.parties[{bad[0]}].{field}", f"{rule}, is {amounts[bad[0]]:g}.")


def _windows(columns: Columns, slot_count: int) -> tuple[Indices, Indices]:
    """First and last slot; a window may reach beyond the slots there are."""
    first = _whole("requests.arrival", columns["arrival"], 0, slot_count - 1)
    last = _whole("requests.deadline", columns["deadline"], 0, None)
    empty = np.flatnonzero(last < first)
    if len(empty):
        row = empty[0]
        raise BadInstance("requests.deadline", f"row {row}: the window ends at {last[row]}, before {first[row]}.")
    return first.astype(np.int32), np.minimum(last, slot_count - 1).astype(np.int32)


def _party_of(columns: Columns, names: tuple[str, ...], *, has_parties: bool) -> Indices:
    """The party of each request, given as an index or a name."""
    given = columns.get("party")
    if given is None or not has_parties:
        return np.zeros(len(columns["tokens"]), dtype=np.int32)
    if given.dtype.kind in "iuf":
        return _whole("requests.party", given, 0, len(names) - 1).astype(np.int32)
    distinct, position = np.unique(given.astype(str), return_inverse=True)
    index = {name: place for place, name in enumerate(names)}
    unknown = [name for name in distinct.tolist() if name not in index]
    if unknown:
        raise BadInstance("requests.party", f"{unknown[0]!r} is not in meta.parties.")
    return np.array([index[name] for name in distinct.tolist()], dtype=np.int32)[position]


def _ids(columns: Columns, count: int) -> NDArray[Any]:
    ids = columns.get("id")
    if ids is None:
        return np.arange(count)
    in_order = np.sort(ids)
    twice = np.flatnonzero(in_order[1:] == in_order[:-1])
    if len(twice):
        raise BadInstance("requests.id", f"{in_order[twice[0]]} is given twice.")
    return ids


def _whole(field: str, values: NDArray[Any], least: int, most: int | None) -> Ints:
    """Whole numbers within limits. Raises BadInstance naming the first that is not."""
    if values.size == 0:
        return np.zeros(values.shape, dtype=np.int64)
    is_large = np.abs(values.astype(np.float64)) > LARGEST if values.dtype.kind in "iuf" else np.False_
    if np.any(is_large):
        raise BadInstance(field, f"must be at most 2^62, is {values[is_large][0]}.")
    if values.dtype.kind == "f" and np.isfinite(values).all() and (values == np.floor(values)).all():
        values = values.astype(np.int64)
    if values.dtype.kind not in "iu":
        raise BadInstance(field, "must be whole numbers.")
    bad = np.argwhere((values < least) | (values > most if most is not None else False))
    if len(bad):
        place = "".join(f"[{index}]" for index in bad[0])
        limits = f"from {least}" + (f" to {most}" if most is not None else "")
        raise BadInstance(f"{field}{place}", f"must be {limits}, is {values[tuple(bad[0])]}.")
    return values.astype(np.int64)
