"""One server per data folder, whatever the last one left behind."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from config.server.locks import Taken, only_server_of


def test_a_second_holder_is_told_who_the_first_is(tmp_path):
    with only_server_of(tmp_path), pytest.raises(Taken) as refused, only_server_of(tmp_path):
        pytest.fail("two servers hold one folder")

    assert refused.value.pid == str(os.getpid())


def test_the_folder_is_free_again_afterwards(tmp_path):
    with only_server_of(tmp_path):
        pass
    with only_server_of(tmp_path):
        pass


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path):
    killed = "import os,sys,pathlib; from config.server.locks import only_server_of as o\n"
    killed += f"with o(pathlib.Path({str(tmp_path)!r})): os.kill(os.getpid(), 9)"
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    died = subprocess.run([sys.executable, "-c", killed], env=env)

    assert died.returncode == -9
    assert (tmp_path / "serve.lock").read_text().isdigit()
    with only_server_of(tmp_path):
        assert (tmp_path / "serve.lock").read_text() == str(os.getpid())
