"""The parts of docker-compose.yml as processes: strict settings, two web workers, a worker, a scheduler."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from tests.integration.server.asking import assert_ledger_is_sound
from tests.servers.commonwatt import ROOT, environment, manage
from tests.servers.databases import fresh_database, own_redis_number

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
BY_TLS = {"X-Forwarded-Proto": "https", "Host": "commonwatt.test"}


def _wait(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def production(tmp_path_factory) -> Iterator[tuple[str, dict[str, str], Path]]:
    """URL, environment and folder of logs of a deployment that runs the commands of docker-compose.yml."""
    folder = tmp_path_factory.mktemp("production")
    with fresh_database() as database_url, contextlib.ExitStack() as running, socket.socket() as free:
        env = environment(
            folder,
            COMMONWATT_ENV="production",
            SECRET_KEY="s" * 50,
            API_KEY_PEPPER="p" * 50,
            ALLOWED_HOSTS="commonwatt.test",
            DATABASE_URL=database_url,
            REDIS_URL=own_redis_number(),
            WEB_CONCURRENCY="2",
        )
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
        prepare = SERVICES["prepare"]["command"].removeprefix("sh -c ").strip('"')
        subprocess.run(
            ["sh", "-c", f"{prepare} && python manage.py collectstatic --noinput"], env=env, check=True, cwd=ROOT
        )
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        web = SERVICES["web"]["command"].replace("0.0.0.0", "127.0.0.1").replace("8000", str(port))
        beat = re.sub(r"/tmp/", f"{folder}/", SERVICES["beat"]["command"])
        for name, command in (("web", web), ("worker", SERVICES["worker"]["command"]), ("beat", beat)):
            running.enter_context(_process(shlex.split(command), env, folder / f"{name}.log"))
        url = f"http://127.0.0.1:{port}"
        _wait(lambda: _answers(url))
        yield url, env, folder


@contextlib.contextmanager
def _process(command: list[str], env: dict[str, str], log: Path) -> Iterator[None]:
    with open(log, "wb") as file:
        process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=file, stderr=file)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(f"{url}/healthz", timeout=5).ok
    return False


def test_it_is_ready_for_an_orchestrator_that_asks_by_address(production):
    url, _, _ = production
    answer = requests.get(f"{url}/readyz", timeout=10)

    assert answer.status_code == 200
    assert answer.json()["checks"]["broker"]["detail"] == "redis"
    assert answer.json()["checks"]["channel_layer"] == {
        **answer.json()["checks"]["channel_layer"],
        "status": "ok",
        "detail": "RedisChannelLayer",
    }


def test_people_are_sent_to_tls_and_told_to_stay_there(production):
    url, _, _ = production
    plain = requests.get(f"{url}/", headers={"Host": "commonwatt.test"}, allow_redirects=False, timeout=10)
    secure = requests.get(f"{url}/admin/login/", headers=BY_TLS, timeout=10)

    assert (plain.status_code, plain.headers["Location"]) == (301, "https://commonwatt.test/")
    assert secure.status_code == 200
    assert "max-age=31536000" in secure.headers["Strict-Transport-Security"]
    cookies = secure.raw.headers.getlist("Set-Cookie")
    assert cookies
    assert all("Secure" in cookie for cookie in cookies)


def test_another_host_name_and_metrics_are_refused(production):
    url, _, _ = production

    assert requests.get(f"{url}/", headers={**BY_TLS, "Host": "evil.test"}, timeout=10).status_code == 400
    assert requests.get(f"{url}/metrics", timeout=10).status_code == 401


def test_every_style_and_script_of_the_front_page_is_there(production):
    url, _, _ = production
    page = requests.get(f"{url}/", headers=BY_TLS, timeout=10).text
    linked = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))

    assert linked
    assert {path: requests.get(url + path, headers=BY_TLS, timeout=10).status_code for path in linked} == dict.fromkeys(
        linked, 200
    )


def test_no_account_is_made_by_itself(production):
    _, env, _ = production
    counted = "from django.contrib.auth import get_user_model as u; print('people:', u().objects.count())"

    assert "people: 0" in manage("shell", "--no-imports", "-c", counted, env=env).stdout
    assert_ledger_is_sound(env)


def test_a_task_travels_through_redis_to_the_worker(production):
    _, env, _ = production
    name = "accounts.tasks.forget_old_answers"
    subprocess.run(["celery", "--app", "config", "call", name], env=env, check=True, cwd=ROOT, capture_output=True)

    def was_worked_on() -> bool:
        asked = ["celery", "--app", "config", "inspect", "stats", "--json"]
        stats = subprocess.run(asked, env=env, cwd=ROOT, capture_output=True, text=True)
        return stats.returncode == 0 and any(name in one["total"] for one in json.loads(stats.stdout).values())

    _wait(was_worked_on)


def test_the_log_is_json_and_a_scheduler_is_alive(production):
    url, _, folder = production
    requests.get(f"{url}/admin/login/", headers={**BY_TLS, "X-Request-Id": "look-for-me"}, timeout=10)
    lines = [line for line in (folder / "web.log").read_text().splitlines() if "look-for-me" in line]

    assert json.loads(lines[-1])["request_id"] == "look-for-me"
    _wait(lambda: (folder / "beat.pid").exists())
    os.kill(int((folder / "beat.pid").read_text()), 0)
