"""What is stored of a secret."""

import pytest

from accounts.domain.secrets import digest_of, looks_like_secret

SECRET = "cw_" + "a" * 43


def test_the_digest_depends_on_secret_and_pepper_and_shows_neither():
    digest = digest_of(SECRET, pepper="p")
    assert digest == digest_of(SECRET, pepper="p")
    assert digest != digest_of(SECRET, pepper="q")
    assert digest != digest_of(SECRET[:-1] + "b", pepper="p")
    assert len(digest) == 64
    assert SECRET not in digest


@pytest.mark.parametrize("text", ["", "cw_", SECRET[:-1], SECRET + "a", SECRET[:-1] + "é", SECRET + "\n", "\x00" * 46])
def test_what_has_not_the_shape_of_a_secret_is_known_without_a_look_up(text):
    assert looks_like_secret(SECRET)
    assert not looks_like_secret(text)
