"""Other gateways as processes of their own, in front of the same upstream: LiteLLM and Portkey."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

START_SECONDS = 120
KEY = "sk-benchmark"
# Powers of two, so that fifty prices add up to the budget without a rounding error: 8 tokens for 1/128 USD.
OUTPUT_TOKENS = 8
USD_PER_TOKEN = 1 / 1024
AUTH = """
from litellm.proxy._types import UserAPIKeyAuth, hash_token

async def check(request, api_key):
    return UserAPIKeyAuth(api_key=api_key, token=hash_token(api_key), spend=0.0, max_budget={budget!r})
"""


@contextlib.contextmanager
def litellm(
    python: str,
    folder: Path,
    upstream: str,
    *,
    key_budget_usd: float | None = None,
    workers: int = 1,
    provider_budget_usd: float | None = None,
) -> Iterator[tuple[str, int]]:
    """LiteLLM's proxy: its URL and process id. A budget of the key is checked and reserved in its memory.

    Its keys live in a database that needs an engine to be downloaded, so the key comes from its documented
    `custom_auth`, with `custom_auth_run_common_checks` on: no write of a database slows it down.
    """
    folder.mkdir(parents=True, exist_ok=True)
    price = {"input_cost_per_token": 0.0, "output_cost_per_token": USD_PER_TOKEN}
    model = {"model": "openai/instant", "api_base": f"{upstream}/v1", "api_key": "none", **price}
    general: dict[str, Any] = {"master_key": KEY}
    if key_budget_usd is not None:
        (folder / "benchmark_auth.py").write_text(AUTH.format(budget=key_budget_usd))
        general = {"master_key": "sk-other", "custom_auth": "benchmark_auth.check"}
        general["custom_auth_run_common_checks"] = True
    config: dict[str, Any] = {
        "model_list": [{"model_name": "instant", "litellm_params": model}],
        "general_settings": general,
        "litellm_settings": {"telemetry": False, "num_retries": 0},
    }
    if provider_budget_usd is not None:
        limit = {"budget_limit": provider_budget_usd, "time_period": "1d"}
        config["router_settings"] = {"provider_budget_config": {"openai": limit}}
    (folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
    port = free_port()
    command = [str(Path(python).parent / "litellm"), "--config", "config.yaml", "--port", str(port), "--host"]
    command += ["127.0.0.1", "--num_workers", str(workers)]
    quiet = {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}
    with running(command, folder, port, quiet, path="/health/liveliness") as pid:
        yield f"http://127.0.0.1:{port}/v1/chat/completions", pid


@contextlib.contextmanager
def portkey(folder: str, upstream: str) -> Iterator[tuple[str, int]]:
    """Portkey's gateway. It has no budgets."""
    port = free_port()
    start = str(Path(folder).resolve() / "node_modules/@portkey-ai/gateway/build/start-server.js")
    trusted = {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost", "NODE_ENV": "production"}
    with running(["node", start, f"--port={port}", "--headless"], Path(folder), port, trusted, path="/") as pid:
        yield f"http://127.0.0.1:{port}/v1/chat/completions", pid


@contextlib.contextmanager
def running(command: list[str], folder: Path, port: int, more: dict[str, str], *, path: str) -> Iterator[int]:
    """A server that is up; its process id. Raises RuntimeError with its log if it does not start."""
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**env, "PYTHONPATH": str(folder), **more},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(port, path, process, folder / "log")
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()


def wait_for(port: int, path: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for an answer of any kind."""
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 2) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            if connection.recv(12).startswith(b"HTTP/1.1"):
                return
        time.sleep(0.2)
    raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text()[-3000:]}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
