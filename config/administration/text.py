"""How the administration writes figures, and lists of choices that other apps own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms
from django.apps import apps
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


def usd(micro_usd: int | None) -> str:
    """US dollars with all six decimals that are stored; a dash for unknown."""
    return "–" if micro_usd is None else f"$ {Decimal(micro_usd) / 1_000_000:,.6f}"


def whole(number: int | None) -> str:
    """A count with thousands separated; a dash for unknown."""
    return "–" if number is None else f"{number:,}"


def pretty_json(value: Any) -> SafeString:
    """JSON as a person reads it."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html('<pre class="whitespace-pre-wrap font-mono text-xs leading-5">{}</pre>', text)


def flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Dotted path and text of every leaf of a JSON object."""
    if isinstance(value, dict):
        for key in value:
            yield from flat(value[key], f"{path}.{key}" if path else str(key))
    else:
        yield path, json.dumps(value, ensure_ascii=False)


def differences(before: Any, after: Any) -> str:
    """Each leaf in which two JSON objects differ, old and new, a line each; empty where none does."""
    old, new = dict(flat(before)), dict(flat(after))
    changed = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    rows = ((key, old.get(key, "nothing"), new.get(key, "nothing")) for key in changed)
    return format_html_join("", "<div><strong>{}</strong>: {} → {}</div>", rows)


def choices_of(model_label: str) -> list[tuple[str, str]]:
    """Every row of a model, named by its label, as choices: a page may offer what another app owns."""
    return [(str(row.pk), str(row)) for row in apps.get_model(model_label)._default_manager.all()]


class CommaSeparatedField(forms.CharField):
    """A list of short names, written with commas."""

    def prepare_value(self, value: Any) -> Any:
        """A stored list as text."""
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The names without blanks, each once, in the order given."""
        names = (name.strip() for name in str(value or "").split(","))
        return list(dict.fromkeys(name for name in names if name))

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the names differ, however they are spaced."""
        return bool(self.to_python(data) != (initial or []))
