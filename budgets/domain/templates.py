"""Shapes of budget trees: `[{"name", "limit", "level", "children": [...]}]`, limits in the template's unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from budgets.domain.amounts import exact_steps, positive_steps
from budgets.domain.levels import Level
from budgets.domain.units import Unit
from config.kernel.errors import InvalidInput

MOST_NODES = 200
DEEPEST = 7
LONGEST_NAME = 120
OPTIONAL = {"level", "children", "pool", "floor", "overflow_percent", "warning_amounts"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateNode:
    """One budget to be made; amounts in the template's unit."""

    name: str
    limit: Decimal
    level: Level | None = None
    pool: Decimal = Decimal(0)
    floor: Decimal = Decimal(0)
    overflow_percent: int = 0
    warning_amounts: tuple[Decimal, ...] = ()
    children: tuple[TemplateNode, ...] = field(default=())

    def walk(self) -> Iterator[TemplateNode]:
        """This node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFacts:
    """A template as a value that crosses a door."""

    name: str
    title: str
    description: str
    unit: Unit
    nodes: tuple[TemplateNode, ...]
    rationale: str

    @property
    def total(self) -> Decimal:
        """What its uppermost budgets come to, in its unit."""
        return sum((node.limit for node in self.nodes), Decimal(0))


def parse_nodes(nodes: Any, unit: Unit) -> tuple[TemplateNode, ...]:
    """Nodes from JSON. Raises InvalidInput with field `nodes` and the place at fault in words."""
    parsed = _children(nodes, unit, at="the template", depth=1)
    if not parsed:
        raise _wrong("the template", "has at least one budget")
    if sum(1 for node in parsed for _ in node.walk()) > MOST_NODES:
        raise _wrong("the template", f"has at most {MOST_NODES} budgets")
    return parsed


def _children(nodes: Any, unit: Unit, *, at: str, depth: int) -> tuple[TemplateNode, ...]:
    if not isinstance(nodes, list):
        raise _wrong(at, "lists its budgets: [{...}, {...}]")
    if nodes and depth > DEEPEST:
        raise _wrong(at, f"is more than {DEEPEST} budgets deep")
    if len(nodes) > MOST_NODES:
        raise _wrong(at, f"has at most {MOST_NODES} budgets")
    parsed = tuple(_node(node, unit, at=at, depth=depth) for node in nodes)
    names = [node.name for node in parsed]
    if len(set(names)) < len(names):
        raise _wrong(at, "has two budgets of one name side by side")
    return parsed


def _node(node: Any, unit: Unit, *, at: str, depth: int) -> TemplateNode:
    if not isinstance(node, dict) or not {"name", "limit"} <= node.keys() <= {"name", "limit"} | OPTIONAL:
        known = ", ".join(sorted(OPTIONAL))
        raise _wrong(at, f"has budgets with name and limit, and perhaps {known}; nothing else")
    name = node["name"]
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        raise _wrong(at, f"has budgets with a name of 1 to {LONGEST_NAME} characters")
    made = TemplateNode(
        name=name,
        limit=_amount(node["limit"], unit, at=name),
        level=_level(node.get("level"), at=name),
        pool=_amount(node.get("pool", 0), unit, at=name, may_be_zero=True),
        floor=_amount(node.get("floor", 0), unit, at=name, may_be_zero=True),
        overflow_percent=_percent(node.get("overflow_percent", 0), at=name),
        warning_amounts=_amounts(node.get("warning_amounts", []), unit, at=name),
        children=_children(node.get("children", []), unit, at=name, depth=depth + 1),
    )
    if made.pool > made.limit or made.floor > made.limit:
        raise _wrong(name, "has a pool and a floor of at most its limit")
    return made


def _amount(value: Any, unit: Unit, *, at: str, may_be_zero: bool = False) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _wrong(at, "has amounts that are numbers")
    try:
        amount = Decimal(str(value))
        if not amount.is_finite():
            raise ArithmeticError
    except ArithmeticError as error:
        raise _wrong(at, "has amounts that are numbers") from error
    try:
        (exact_steps if may_be_zero else positive_steps)(unit, amount, field="amount")
    except InvalidInput as error:
        raise InvalidInput(f"{at}: {error.detail}", field="nodes") from error
    return amount


def _amounts(values: Any, unit: Unit, *, at: str) -> tuple[Decimal, ...]:
    if not isinstance(values, list):
        raise _wrong(at, "lists the amounts at which it warns")
    amounts = tuple(_amount(value, unit, at=at) for value in values)
    if list(amounts) != sorted(set(amounts)):
        raise _wrong(at, "has amounts that warn, each above the one before")
    return amounts


def _percent(value: Any, *, at: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1000:
        raise _wrong(at, "has an overflow from 0 to 1000 percent")
    return int(value)


def _level(value: Any, *, at: str) -> Level | None:
    if value is None:
        return None
    if value not in list(Level):
        raise _wrong(at, f"has a level, one of {', '.join(Level)}")
    return Level(value)


def _wrong(at: str, words: str) -> InvalidInput:
    return InvalidInput(f"Write it so that {at} {words}.", field="nodes")
