"""Who sits at a round table, and how much weight the user's values give to each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

LEAST_MEMBERS = 2
MOST_MEMBERS = 20
MOST_VALUES = 20
SUM_TOLERANCE = 0.001


class TableError(ValueError):
    """A table at which nobody can sit. `name` is the field at fault."""

    def __init__(self, name: str, detail: str):
        super().__init__(detail)
        self.name = name
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An agent at the table: `model` as callers name it, `memory` what it always keeps in mind, `serves` the values
    that it stands for, `priority` their weight together (0 to 1)."""

    name: str
    role: str
    model: str
    memory: str = ""
    serves: tuple[str, ...] = ()
    priority: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Members in the order in which they were named, and the model of the agent that chooses in the end."""

    members: tuple[Member, ...]
    reflective_model: str
    values: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """A table as `facts` stored it."""
        return cls.seat(stored["members"], values=stored["values"], reflective_model=stored["reflective_model"])

    @classmethod
    def seat(
        cls, members: Sequence[Mapping[str, Any]], *, values: Mapping[str, float], reflective_model: str = ""
    ) -> Self:
        """The table of these members. Raises TableError naming `members`, `values` or `reflective_model`.

        Without a reflective model the first member's model chooses.
        """
        _check_values(values)
        if not LEAST_MEMBERS <= len(members) <= MOST_MEMBERS:
            raise TableError("members", f"A table has {LEAST_MEMBERS} to {MOST_MEMBERS} members.")
        seated = tuple(_member(each, values) for each in members)
        names = [each.name for each in seated]
        if twice := next((name for name in names if names.count(name) > 1), ""):
            raise TableError("members", f"{twice} sits there twice.")
        return cls(members=seated, reflective_model=reflective_model or seated[0].model, values=dict(values))

    @property
    def facts(self) -> dict[str, Any]:
        """The table as plain JSON."""
        members = [{**asdict(each), "serves": list(each.serves)} for each in self.members]
        return {"members": members, "values": dict(self.values), "reflective_model": self.reflective_model}

    @property
    def priorities(self) -> dict[str, float]:
        """By name the weight of what a member serves."""
        return {each.name: each.priority for each in self.members}

    @property
    def models(self) -> set[str]:
        """Every model that is asked."""
        return {self.reflective_model, *(each.model for each in self.members)}

    def member(self, name: str) -> Member:
        """The member of a name. Raises KeyError."""
        for each in self.members:
            if each.name == name:
                return each
        raise KeyError(name)


def _check_values(values: Mapping[str, float]) -> None:
    if len(values) > MOST_VALUES:
        raise TableError("values", f"At most {MOST_VALUES} values can be weighed.")
    if any(not 0 <= weight <= 1 for weight in values.values()):
        raise TableError("values", "A weight lies between 0 and 1.")
    if values and abs(sum(values.values()) - 1) > SUM_TOLERANCE:
        raise TableError("values", "The weights do not sum to 1.")


def _member(given: Mapping[str, Any], values: Mapping[str, float]) -> Member:
    name, model = str(given["name"]).strip(), str(given["model"]).strip()
    if not name or not model:
        raise TableError("members", "A member has a name and a model.")
    serves = tuple(dict.fromkeys(given.get("serves") or ()))
    if unknown := next((each for each in serves if each not in values), ""):
        raise TableError("members", f"{name} serves {unknown}, which is none of the values.")
    return Member(
        name=name,
        role=str(given.get("role") or "").strip(),
        model=model,
        memory=str(given.get("memory") or "").strip(),
        serves=serves,
        priority=min(1.0, sum(values[each] for each in serves)),
    )
