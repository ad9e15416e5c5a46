"""Context windows of models, as shipped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

SHIPPED = Path(__file__).resolve().parent.parent / "data" / "model_windows.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelWindow:
    """Most tokens of a model, and where the figures come from."""

    window_tokens: int
    max_output_tokens: int
    source: str


def find_model_window(model: str) -> ModelWindow:
    """The window of a model by its name, or of the longest known name that it begins with; else the default."""
    default, models = _shipped()
    known = max((name for name in models if model.startswith(name)), key=len, default=None)
    return models[known] if known else default


@lru_cache(maxsize=1)
def _shipped() -> tuple[ModelWindow, dict[str, ModelWindow]]:
    shipped = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return ModelWindow(**shipped["default"]), {name: ModelWindow(**row) for name, row in shipped["models"].items()}
