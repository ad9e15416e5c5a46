"""Energy of a request, in Wh. Reasoning tokens are output tokens."""

from __future__ import annotations

from climate.domain.interval import Interval
from climate.domain.model_classes import CACHED_INPUT_FACTOR, MODEL_CLASSES

DEFAULT_PUE = 1.15
"""Assumed where a region has none: the mean of the providers' published fleets lies between 1.09 and 1.18."""


def it_energy_of_tokens_wh(
    *,
    input_tokens: int,
    cached_tokens: int,
    output_tokens: int,
    input_wh_per_1k: float,
    output_wh_per_1k: float,
    cached_factor: float,
) -> float:
    """`(n_in*e_in + n_cached*e_in*f_cached + n_out*e_out) / 1000`, in Wh at IT level."""
    fresh = input_tokens * input_wh_per_1k
    cached = cached_tokens * input_wh_per_1k * cached_factor
    return (fresh + cached + output_tokens * output_wh_per_1k) / 1000


def energy_it_wh(model_class: str, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> Interval:
    """Energy at IT level of a model class, Wh. Raises KeyError for an unknown class, ValueError below zero."""
    if min(input_tokens, output_tokens, cached_tokens) < 0:
        raise ValueError("tokens cannot be negative")
    table = MODEL_CLASSES[model_class]

    def at(input_wh_per_1k: float, output_wh_per_1k: float, cached_factor: float) -> float:
        return it_energy_of_tokens_wh(
            input_tokens=input_tokens,
            cached_tokens=cached_tokens,
            output_tokens=output_tokens,
            input_wh_per_1k=input_wh_per_1k,
            output_wh_per_1k=output_wh_per_1k,
            cached_factor=cached_factor,
        )

    given, output, cached = table.input_wh_per_1k, table.output_wh_per_1k, CACHED_INPUT_FACTOR
    return Interval(
        low=at(given.low, output.low, cached.low),
        central=at(given.central, output.central, cached.central),
        high=at(given.high, output.high, cached.high),
    )


def energy_wh(
    model_class: str, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0, pue: float | None = None
) -> Interval:
    """Energy at the meter of the building, Wh; an unknown `pue` is taken as DEFAULT_PUE."""
    at_it = energy_it_wh(
        model_class, input_tokens=input_tokens, output_tokens=output_tokens, cached_tokens=cached_tokens
    )
    return at_it.times(DEFAULT_PUE if pue is None else pue)


def overhead_kwh(it_kwh: float, *, pue: float) -> float:
    """What cooling and power supply add: `E_it * (PUE - 1)`, kWh."""
    return it_kwh * (pue - 1)


def energy_per_1k_from_two_runs(
    *, wh_8k_in_1k_out: float, wh_1k_in_8k_out: float, k: float = 1.024
) -> tuple[float, float]:
    """Wh per 1,000 input and output tokens from two mirrored measurements of 8k/1k and 1k/8k tokens.

    Solves `8k*p + k*d = E1; k*p + 8k*d = E2` (k = 1.024 thousand tokens).
    """
    determinant = 63 * k * k
    per_input = (8 * k * wh_8k_in_1k_out - k * wh_1k_in_8k_out) / determinant
    per_output = (8 * k * wh_1k_in_8k_out - k * wh_8k_in_1k_out) / determinant
    return per_input, per_output
