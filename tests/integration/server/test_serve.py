"""`manage.py serve` as a newcomer meets it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import time
from pathlib import Path

import pytest
import requests
import websockets

from tests.integration.server.asking import request_body
from tests.servers.commonwatt import Client, Serve, environment, manage, serving
from tests.servers.databases import migrated_environment

pytestmark = pytest.mark.sqlite


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/api/docs/", "/api/schema/", "/admin/login/"])
def test_a_first_run_answers_on_every_door(embedded, path):
    assert requests.get(f"{embedded.servers[0].url}{path}", timeout=30).status_code == 200


def test_a_first_run_prints_url_and_credentials_once(embedded):
    printed = embedded.servers[0].lines

    assert re.fullmatch(r"url: http://127\.0\.0\.1:\d+", printed[0])
    assert printed[1] == "username: admin"
    assert re.fullmatch(r"password: \S{12,}", printed[2])
    assert re.fullmatch(r"api key: cw_\S{30,}", printed[3])


def test_the_printed_password_opens_the_administration(embedded):
    server = embedded.servers[0]
    with requests.Session() as browser:
        login = f"{server.url}/admin/login/"
        browser.get(login, timeout=30)
        form = {
            "username": server.printed("username"),
            "password": server.printed("password"),
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
            "next": "/admin/",
        }
        answer = browser.post(login, data=form, headers={"Referer": login}, timeout=30)

    assert answer.url == f"{server.url}/admin/"
    assert answer.status_code == 200


def test_the_printed_key_may_claim_any_origin_and_simulate(embedded):
    carbon = {"intensity_g_per_kwh": 300, "renewable_share": 0.4}

    answer = embedded.client.post("requests/", request_body(origin="BD", carbon=carbon))

    assert answer.status_code == 201, answer.text
    assert answer.json()["simulated"] is True


def test_everything_embedded_is_reported_alive(embedded):
    checks = requests.get(f"{embedded.servers[0].url}/readyz", timeout=30).json()["checks"]

    assert {name: checks[name]["status"] for name in ("database", "broker", "channel_layer")} == {
        "database": "ok",
        "broker": "ok",
        "channel_layer": "ok",
    }


def test_a_second_start_is_quick_keeps_the_data_and_shows_no_secret(tmp_path):
    env = environment(tmp_path)
    with serving(env) as (first,):
        api_key = first.printed("api key")
        made = Client(first.url, api_key).post("requests/", request_body())
        assert made.status_code == 201, made.text
        assert first.stop() == 0

    started = time.monotonic()
    with serving(env) as (second,):
        took_seconds = time.monotonic() - started
        found = Client(second.url, api_key).get(f"requests/{made.json()['id']}/")

    assert found.status_code == 200
    assert took_seconds < 15
    assert not any(line.startswith(("password:", "api key:")) for line in second.lines)


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_even_with_an_open_socket(tmp_path, with_signal):
    env = migrated_environment(tmp_path)
    with serving(env) as (server,):
        seconds, exit_code = asyncio.run(_stop_under_a_socket(server, with_signal))

    assert exit_code == 0, server.log
    assert seconds < 10


async def _stop_under_a_socket(server: Serve, with_signal: signal.Signals) -> tuple[float, int]:
    address = server.url.replace("http", "ws") + "/ws/dashboard/"
    async with websockets.connect(address, origin=server.url) as socket:
        await asyncio.wait_for(socket.recv(), 10)
        started = time.monotonic()
        exit_code = await asyncio.to_thread(server.stop, with_signal)
        with contextlib.suppress(websockets.ConnectionClosed):
            await socket.recv()
        return time.monotonic() - started, exit_code


def test_a_second_server_of_the_same_data_is_refused(embedded):
    refused = manage("serve", "--port", "0", env=embedded.env)

    assert refused.returncode == 1
    assert f"Process {embedded.servers[0].process.pid} already serves" in refused.stderr
    assert embedded.client.get("budgets/").status_code == 200


def test_a_port_in_use_is_named(embedded, tmp_path):
    port = embedded.servers[0].url.rpartition(":")[2]

    refused = manage("serve", "--port", port, env=environment(tmp_path))

    assert refused.returncode == 1
    assert f"Port {port} of 127.0.0.1 is in use" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "commonwatt.sqlite3").exists()


def test_no_secret_reaches_the_log(embedded):
    server = embedded.servers[0]
    key = embedded.api_key
    requests.get(f"{server.url}/api/v1/budgets/?leak={key}", headers={"Authorization": f"Bearer {key}"}, timeout=30)
    requests.get(f"{server.url}/api/v1/budgets/", headers={"Authorization": f"Bearer {key}x"}, timeout=30)

    assert "/api/v1/budgets/" in server.log
    assert key not in server.log
    assert server.printed("password") not in server.log


def test_the_request_id_of_the_caller_is_in_the_log(embedded):
    answer = requests.get(f"{embedded.servers[0].url}/", headers={"X-Request-Id": "trace-me-42"}, timeout=30)

    assert answer.headers["X-Request-Id"] == "trace-me-42"
    assert "trace-me-42" in embedded.servers[0].log


def test_the_secret_key_of_the_machine_is_for_its_owner_only(embedded):
    secret = Path(embedded.env["COMMONWATT_DATA_DIR"]) / "secret_key"

    assert secret.stat().st_mode & 0o077 == 0
