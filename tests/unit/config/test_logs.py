"""What may not be in a log is not in it, whoever logs it and however it is drawn."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys

import pytest

from config.server.logs import MASK, hide_secrets, logging_settings

KEY = "cw_x9XyEXAMPLEexampleEXAMPLEexample0123456789a"


@pytest.mark.parametrize(
    ("said", "drawn"),
    [
        (f"GET /?leak={KEY} HTTP", f"GET /?leak={MASK} HTTP"),
        ("Authorization: Bearer abc.def-123", f"Authorization: Bearer {MASK}"),
        ("postgres://user:hunter2@db/name", f"postgres://{MASK}@db/name"),
        ("redis://:hunter2@cache/0", f"redis://{MASK}@cache/0"),
        ("signed with whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", f"signed with {MASK}"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_secrets_inside_words_are_masked(said, drawn):
    assert hide_secrets(None, "", {"event": said}) == {"event": drawn}


def test_secrets_are_masked_by_the_name_of_their_field_at_any_depth():
    event = {"event": "login", "password": "hunter2", "headers": {"Authorization": "Basic eA==", "Accept": "*/*"}}

    assert hide_secrets(None, "", event) == {
        "event": "login",
        "password": MASK,
        "headers": {"Authorization": MASK, "Accept": "*/*"},
    }


def test_secrets_inside_lists_are_masked():
    assert hide_secrets(None, "", {"args": ["a", KEY], "pair": (KEY, 1)}) == {"args": ["a", MASK], "pair": (MASK, 1)}


@pytest.fixture
def written():
    """What production's formatter writes of the logger `tests.logs`."""
    described = logging_settings(level="INFO", as_json=True)["formatters"]["lines"]
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(described.pop("()")(**described))
    logger = logging.getLogger("tests.logs")
    logger.addHandler(handler)
    logger.setLevel("INFO")
    yield handler.stream
    logger.removeHandler(handler)


def test_production_logs_one_json_object_a_line_with_everything_that_was_given(written):
    logging.getLogger("tests.logs").info("settled %s", "r1", extra={"micro_usd": 5})

    line = json.loads(written.getvalue())
    assert line["event"] == "settled r1"
    assert line["level"] == "info"
    assert line["logger"] == "tests.logs"
    assert line["micro_usd"] == 5
    assert line["timestamp"].endswith("Z")


def test_a_secret_in_a_traceback_is_masked(written):
    try:
        raise ValueError(f"bad key {KEY}")
    except ValueError:
        logging.getLogger("tests.logs").exception("failed")

    drawn = written.getvalue()
    assert "ValueError" in drawn
    assert KEY not in drawn


def test_no_level_of_logging_tells_the_addresses_that_are_asked():
    """`urllib3` logs each address at DEBUG, and some providers want their key in it."""
    described = logging_settings(level="DEBUG", as_json=False)

    assert described["root"]["level"] == "DEBUG"
    assert described["loggers"]["urllib3"] == {"level": "WARNING"}


def test_a_key_in_an_address_is_in_no_line_of_a_process_that_logs_everything(tmp_path):
    asks = (
        "import django; django.setup()\n"
        "import logging; logging.getLogger('tests').debug('everything is logged')\n"
        "from climate.connectors.http import SourceError, SourceHttp\n"
        "import http.server, threading\n"
        "silent = {'log_message': lambda *line: None}\n"
        "handler = type('Silent', (http.server.BaseHTTPRequestHandler,), silent)\n"
        "server = http.server.HTTPServer(('127.0.0.1', 0), handler)\n"
        "threading.Thread(target=server.handle_request, daemon=True).start()\n"
        "host = f'127.0.0.1:{server.server_port}'\n"
        "http = SourceHttp(f'http://{host}', allowed_hosts=[host], requests_left=1)\n"
        "try:\n    http.get_json('/readings', api_key='hush-hush')\n"
        "except SourceError:\n    logging.getLogger('tests').exception('it failed')\n"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "LOG_LEVEL": "DEBUG"}
    env["COMMONWATT_DATA_DIR"] = str(tmp_path)
    done = subprocess.run([sys.executable, "-c", asks], env=env, capture_output=True, text=True, check=True)

    assert "everything is logged" in done.stderr
    assert "it failed" in done.stderr
    assert "hush-hush" not in done.stdout + done.stderr
