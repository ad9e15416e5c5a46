"""Energy of language models by size class. The table of the methodology.

Wh per 1,000 tokens at IT level (the accelerators and their host, before the building's overhead).
Source: ML.ENERGY benchmark v3 (measured on GPUs), times 1.4 for host and idle power; XXL is extrapolated.
Low and high are wide because the batch size of the server moves energy ten to thirty times.
"""

from __future__ import annotations

from dataclasses import dataclass

from climate.domain.interval import Interval

SOURCE = "ML.ENERGY benchmark v3 (GPU measurements) x 1.4 for host and idle power"
VALID_FROM = "2025-01-01"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelClass:
    """One size class. Energies in Wh per 1,000 tokens."""

    name: str
    models_like: str
    output_wh_per_1k: Interval
    input_wh_per_1k: Interval
    basis: str = "measured by class"


def _class(name: str, models_like: str, output: tuple[float, ...], given: tuple[float, ...], basis: str) -> ModelClass:
    return ModelClass(
        name=name,
        models_like=models_like,
        output_wh_per_1k=Interval(low=output[0], central=output[1], high=output[2]),
        input_wh_per_1k=Interval(low=given[0], central=given[1], high=given[2]),
        basis=basis,
    )


MEASURED = "measured by class"
EXTRAPOLATED = "extrapolated: no measurement of models of this size is public"

MODEL_CLASSES: dict[str, ModelClass] = {
    each.name: each
    for each in (
        _class("S", "up to 15B dense; mini, nano, haiku", (0.02, 0.07, 0.35), (0.001, 0.0105, 0.14), MEASURED),
        _class("M", "16-40B dense; MoE up to 17B active", (0.056, 0.17, 0.84), (0.0028, 0.0255, 0.336), MEASURED),
        _class("L", "70B dense; GPT-4o and Sonnet type", (0.14, 0.6, 1.96), (0.007, 0.09, 0.78), MEASURED),
        _class("XL", "405B dense; 480-700B MoE; flagships", (0.35, 1.4, 5.0), (0.018, 0.21, 2.0), MEASURED),
        _class("XXL", "above 1T, pro", (1.0, 4.5, 28.0), (0.05, 0.68, 11.0), EXTRAPOLATED),
    )
}

CACHED_INPUT_FACTOR = Interval(low=0.05, central=0.10, high=0.35)
"""What reading a cached input token costs, as a share of a fresh one."""
