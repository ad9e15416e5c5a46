"""Terms that administrators set as JSON: taken out key by key, checked, and unknown keys refused."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any


class TermError(ValueError):
    """A key of a body of terms that is missing or cannot be meant. `key` is its dotted path."""

    def __init__(self, key: str, detail: str):
        super().__init__(f"{key}: {detail}")
        self.key = key
        self.detail = detail


class TermReader:
    """Takes values out of a nested body by dotted path and remembers which were read."""

    def __init__(self, body: Any):
        if not isinstance(body, dict):
            raise TermError("body", "is not a JSON object")
        self._body = body
        self._read: set[str] = set()

    def money(self, key: str, *, lowest: int = 0, highest: int = 1_000_000) -> Decimal:
        """A decimal, written as a string or a number."""
        value = self._decimal(key, self._take(key))
        if not lowest <= value <= highest:
            raise TermError(key, f"is not between {lowest} and {highest}")
        return value

    def optional_money(self, key: str) -> Decimal | None:
        """The same, or null."""
        value = self._take(key)
        return None if value is None else self._decimal(key, value)

    def number(self, key: str, lowest: float, highest: float) -> float:
        """A number within bounds; true and false are none."""
        value = self._take(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TermError(key, "is not a number")
        if not lowest <= value <= highest:
            raise TermError(key, f"is not between {lowest:g} and {highest:g}")
        return float(value)

    def whole(self, key: str, lowest: int, highest: int, *, missing: int | None = None) -> int:
        """A whole number within bounds; `missing`, if there is one, where the body does not say it."""
        if missing is not None and not self._says(key):
            return missing
        value = self.number(key, lowest, highest)
        if value != int(value):
            raise TermError(key, "is not a whole number")
        return int(value)

    def has(self, section: str) -> bool:
        """Whether the body says anything of a section."""
        return section in self._body

    def optional_number(self, key: str, lowest: float, highest: float) -> float | None:
        """A number, or null."""
        return None if self._peek(key) is None and self._take(key) is None else self.number(key, lowest, highest)

    def distance(self, key: str) -> float | None:
        """Kilometres; null is no bound."""
        return self.optional_number(key, 1, 40_000)

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """One of some names."""
        value = self._take(key)
        if value not in allowed:
            raise TermError(key, f"is not one of {', '.join(allowed)}")
        return str(value)

    def choices(self, key: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        """A list of names, none twice."""
        value = self._take(key)
        if not isinstance(value, list) or any(each not in allowed for each in value) or len(set(value)) < len(value):
            raise TermError(key, f"is not a list of some of {', '.join(allowed)}")
        return tuple(value)

    def text(self, key: str, longest: int) -> str:
        """A text of at most so many characters; may be empty."""
        value = self._take(key)
        if not isinstance(value, str) or len(value) > longest:
            raise TermError(key, f"is not a text of at most {longest} characters")
        return value

    def texts(self, key: str, longest: int) -> tuple[str, ...]:
        """A list of such texts, none empty, none twice."""
        value = self._take(key)
        if not isinstance(value, list) or not all(isinstance(each, str) and 0 < len(each) <= longest for each in value):
            raise TermError(key, f"is not a list of texts of at most {longest} characters")
        if len(set(value)) < len(value):
            raise TermError(key, "says something twice")
        return tuple(value)

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._take(key)
        if not isinstance(value, bool):
            raise TermError(key, "is not true or false")
        return value

    def refuse_unknown(self) -> None:
        """Raise for a key that nobody took: a misspelt term must not pass in silence."""
        for key in self._leaves(self._body):
            if key not in self._read:
                raise TermError(key, "is not a term of a policy")

    def _decimal(self, key: str, value: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise TermError(key, "is not a number")
        try:
            number = Decimal(str(value))
        except InvalidOperation as error:
            raise TermError(key, "is not a number") from error
        if not number.is_finite() or number < 0:
            raise TermError(key, "is not a number from zero up")
        return number

    def _take(self, key: str) -> Any:
        self._read.add(key)
        return self._peek(key)

    def _says(self, key: str) -> bool:
        value: Any = self._body
        for part in key.split("."):
            if not isinstance(value, dict) or part not in value:
                return False
            value = value[part]
        return True

    def _peek(self, key: str) -> Any:
        value: Any = self._body
        for part in key.split("."):
            if not isinstance(value, dict) or part not in value:
                raise TermError(key, "is missing")
            value = value[part]
        return value

    def _leaves(self, value: dict[str, Any], path: str = "") -> list[str]:
        found: list[str] = []
        for name, below in value.items():
            key = f"{path}.{name}" if path else str(name)
            found += self._leaves(below, key) if isinstance(below, dict) and below else [key]
        return found
