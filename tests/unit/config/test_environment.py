"""The environment of a deployment: documented, typed, and strict in production."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import environment

ROOT = Path(__file__).resolve().parent.parent.parent.parent
SECRET = "s" * 50


def _read_by_the_code() -> set[str]:
    """Names given to `env.<type>(...)`, and the one that is read before there is an env."""
    tree = ast.parse((ROOT / "config" / "environment.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    read = [call for call in calls if getattr(call.func.value, "id", "") == "env" and call.func.attr != "read_env"]
    return {str(call.args[0].value) for call in read} | {"COMMONWATT_ENV_FILE"}


def _read_by_compose() -> set[str]:
    return set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))


def _documented() -> set[str]:
    return set(re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))


def test_every_variable_that_is_read_is_documented_and_no_other():
    assert _documented() == _read_by_the_code() | _read_by_compose()


def _start(data_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "COMMONWATT_ENV_FILE": os.devnull, "COMMONWATT_DATA_DIR": str(data_dir)}
    command = [sys.executable, "-c", "import config.wsgi; print('started')"]
    return subprocess.run(command, env={**env, **variables}, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("name", ["PORT", "REQUEST_RATE_PER_MINUTE", "PLAN_RETENTION_HOURS"])
def test_what_is_no_whole_number_is_refused_by_its_name(tmp_path, name):
    for value in ("soon", "-1", "1.5"):
        assert f"{name}='{value}' is no whole number." in _start(tmp_path, **{name: value}).stderr


def test_a_number_that_is_empty_is_not_said(tmp_path):
    assert _start(tmp_path, PORT="", REQUEST_RATE_PER_MINUTE=" ", PLAN_RETENTION_HOURS="").returncode == 0


def test_production_starts_with_a_secret_key_and_its_hosts(tmp_path):
    started = _start(tmp_path, COMMONWATT_ENV="production", SECRET_KEY=SECRET, ALLOWED_HOSTS="example.org")

    assert "started" in started.stdout, started.stderr


@pytest.mark.parametrize("secret", ["", "short"])
def test_production_refuses_to_start_without_a_long_secret_key(tmp_path, secret):
    refused = _start(tmp_path, COMMONWATT_ENV="production", SECRET_KEY=secret, ALLOWED_HOSTS="example.org")

    assert refused.returncode != 0
    assert "Set SECRET_KEY" in refused.stderr
    assert not (tmp_path / "secret_key").exists()


def test_production_refuses_to_start_without_its_hosts(tmp_path):
    refused = _start(tmp_path, COMMONWATT_ENV="production", SECRET_KEY=SECRET)

    assert refused.returncode != 0
    assert "Set ALLOWED_HOSTS" in refused.stderr


@pytest.fixture
def clean(monkeypatch, tmp_path):
    """An environment with nothing of ours in it but a data folder."""
    for name in _read_by_the_code():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COMMONWATT_ENV_FILE", os.devnull)
    monkeypatch.setenv("COMMONWATT_DATA_DIR", str(tmp_path))
    return monkeypatch


def test_a_first_run_makes_a_secret_for_its_owner_and_keeps_it(clean, tmp_path):
    first = environment.read_environment()
    second = environment.read_environment()

    assert len(first.secret_key) >= 50
    assert first.secret_key == second.secret_key
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def test_several_first_processes_agree_on_one_secret(clean, tmp_path):
    barrier = threading.Barrier(8)
    found: list[str] = []

    def read() -> None:
        barrier.wait()
        found.append(environment.read_environment().secret_key)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COMMONWATT_ENV", "staging"),
        ("COMMONWATT_VISITORS", "maybe"),
        ("EMAIL_URL", "mail.example.org:25"),
        ("PUBLIC_URL", "example.org"),
    ],
)
def test_a_word_that_is_no_choice_is_refused_by_name(clean, name, value):
    clean.setenv(name, value)

    with pytest.raises(ImproperlyConfigured, match=name):
        environment.read_environment()


def test_visitors_of_a_production_deployment_see_figures_unless_it_says_more(clean):
    clean.setenv("COMMONWATT_ENV", "production")
    clean.setenv("SECRET_KEY", SECRET)
    clean.setenv("ALLOWED_HOSTS", "example.org")

    assert environment.read_environment().visitors == "figures"


def test_production_sends_no_mail_and_makes_no_links_until_it_is_told_how(clean):
    for name, value in {"COMMONWATT_ENV": "production", "SECRET_KEY": SECRET, "ALLOWED_HOSTS": "example.org"}.items():
        clean.setenv(name, value)
    silent = environment.read_environment()
    clean.setenv("EMAIL_URL", "smtp+tls://user:password@mail.example.org:587")
    clean.setenv("PUBLIC_URL", "https://example.org/")
    told = environment.read_environment()

    assert (silent.email_url, silent.public_url) == ("", "")
    assert (told.email_url[:12], told.public_url) == ("smtp+tls://u", "https://example.org")


def test_a_mail_address_that_is_refused_is_not_repeated(clean):
    clean.setenv("EMAIL_URL", "imap://user:hunter2@mail.example.org")

    with pytest.raises(ImproperlyConfigured) as refused:
        environment.read_environment()

    assert "hunter2" not in str(refused.value)


def test_the_variables_of_the_shell_win_over_the_file(clean, tmp_path):
    (tmp_path / "env").write_text("PORT=9001\nLOG_LEVEL=debug\n")
    clean.setenv("COMMONWATT_ENV_FILE", str(tmp_path / "env"))
    clean.setenv("PORT", "9002")

    found = environment.read_environment()

    assert (found.port, found.log_level) == (9002, "DEBUG")
    for name in ("PORT", "LOG_LEVEL"):
        os.environ.pop(name, None)  # reading a file puts its variables into the environment
