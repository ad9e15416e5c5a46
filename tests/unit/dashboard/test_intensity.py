from __future__ import annotations

import pytest

from climate.domain.signal import Basis
from dashboard.domain.intensity import bar_percent, basis_family, basis_word, bucket_of
from market.domain.explanation import BASIS_WORDS


@pytest.mark.parametrize(
    ("intensity", "bucket"),
    [
        (0, "b0"),
        (99.9, "b0"),
        (100, "b1"),
        (299, "b2"),
        (300, "b3"),
        (450, "b4"),
        (600, "b5"),
        (749, "b5"),
        (1300, "b6"),
        (None, "bna"),
    ],
)
def test_an_intensity_has_the_colour_of_its_step(intensity: float | None, bucket: str) -> None:
    assert bucket_of(intensity) == bucket


@pytest.mark.parametrize("basis", list(Basis))
def test_every_basis_has_a_word_and_a_look(basis: Basis) -> None:
    assert basis_word(basis) != "unknown"
    assert basis_family(basis) in {"live", "forecast", "modelled", "yearly", "simulated"}


@pytest.mark.parametrize("basis", list(Basis))
def test_pages_and_explanations_call_a_basis_the_same(basis: Basis) -> None:
    assert basis_word(basis) == BASIS_WORDS[basis]


def test_only_what_was_measured_looks_measured() -> None:
    assert [basis for basis in Basis if basis_family(basis) == "live"] == [Basis.LIVE]


def test_an_unknown_intensity_has_no_bar_and_the_dirtiest_a_full_one() -> None:
    assert bar_percent(None) == "0"
    assert bar_percent(5000.0) == "100.0"
