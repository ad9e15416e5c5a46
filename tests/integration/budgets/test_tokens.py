from __future__ import annotations

import shutil

import pytest
from django.core.checks import run_checks

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


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """A copy of the shipped files that may be spoilt."""
    folder = shutil.copytree(tokens.SHIPPED, tmp_path / "shipped")
    monkeypatch.setattr(tokens, "SHIPPED", folder)
    return folder


def problems() -> list[str]:
    return [each.msg for each in run_checks() if each.id == "budgets.E001"]


@pytest.mark.parametrize("name", [f"{name}.gz" for name in tokens.SHA256_OF_FILE])
def test_a_start_names_a_shipped_file_that_is_damaged_or_missing(shipped, name):
    assert problems() == []

    whole = (shipped / name).read_bytes()
    (shipped / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert problems() == [f"The shipped tokeniser file {name} is damaged or missing."]

    (shipped / name).unlink()
    assert problems() == [f"The shipped tokeniser file {name} is damaged or missing."]
