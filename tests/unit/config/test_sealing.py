"""Secrets at rest open for their purpose, with the keys of this deployment, and for nothing else."""

from __future__ import annotations

import pytest

from config.kernel.sealing import SealBroken, is_sealed_anew, seal, sealed_anew, unseal

SECRET = "whsec_example"


@pytest.fixture(autouse=True)
def _keys(settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "first" * 10, []


def test_what_was_sealed_can_be_read_and_is_not_in_it():
    sealed = seal(SECRET, purpose="webhooks")

    assert unseal(sealed, purpose="webhooks") == SECRET
    assert SECRET not in sealed
    assert seal(SECRET, purpose="webhooks") != sealed


def test_a_seal_opens_for_its_purpose_only():
    with pytest.raises(SealBroken):
        unseal(seal(SECRET, purpose="webhooks"), purpose="other")


@pytest.mark.parametrize("damaged", ["", "nonsense", "ünicode", seal.__name__ * 40])
def test_what_is_damaged_is_told_so(damaged):
    with pytest.raises(SealBroken):
        unseal(damaged, purpose="webhooks")


def test_another_key_opens_nothing_unless_the_earlier_one_is_named(settings):
    sealed = seal(SECRET, purpose="webhooks")
    settings.SECRET_KEY = "second" * 10
    with pytest.raises(SealBroken):
        unseal(sealed, purpose="webhooks")

    settings.SECRET_KEY_FALLBACKS = ["first" * 10]

    assert unseal(sealed, purpose="webhooks") == SECRET


def test_sealed_anew_the_earlier_key_may_go(settings):
    sealed = seal(SECRET, purpose="webhooks")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "second" * 10, ["first" * 10]
    assert not is_sealed_anew(sealed, purpose="webhooks")
    renewed = sealed_anew(sealed, purpose="webhooks")
    settings.SECRET_KEY_FALLBACKS = []

    assert is_sealed_anew(renewed, purpose="webhooks")
    assert unseal(renewed, purpose="webhooks") == SECRET
