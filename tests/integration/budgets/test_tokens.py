from __future__ import annotations

import pytest

from budgets.services import tokens
from budgets.services.tokens import count_tokens, unpack_rank_files


@pytest.fixture
def fresh_folder(settings, tmp_path):
    settings.TIKTOKEN_CACHE_DIR = tmp_path
    tokens._encoding.cache_clear()
    yield tmp_path
    tokens._encoding.cache_clear()


def test_tokens_are_counted_without_a_network(fresh_folder):
    assert count_tokens("Rain falls on the delta.") == 6
    assert count_tokens("") == 0
    assert count_tokens("<|endoftext|>") > 1


def test_a_megabyte_of_one_character_is_counted(fresh_folder):
    assert count_tokens(" " * 1_000_000) > 0


def test_a_damaged_file_is_replaced_before_it_is_used(fresh_folder):
    unpack_rank_files(fresh_folder)
    damaged = next(fresh_folder.iterdir())
    damaged.write_bytes(b"damaged")
    unpack_rank_files(fresh_folder)
    assert damaged.stat().st_size > 1_000_000
