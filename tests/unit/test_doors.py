"""The staircase of docs/architecture.md, held by the code itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("accounts", "climate", "budgets", "market", "sessions_app", "dashboard")
PUBLIC_ROOMS = {"services", "selectors", "events", "domain"}
LONGEST_FILE_LINES = 400
WIRING = {ROOT / "config" / "asgi.py", ROOT / "config" / "urls.py"}  # they hang the apps' URLs and sockets
OURS = [
    path for app in (*APPS, "config") for path in sorted((ROOT / app).rglob("*.py")) if "migrations" not in path.parts
]


def _imported(source: str, package: tuple[str, ...]) -> Iterator[str]:
    """Dotted names that a module imports, wherever in it; relative ones made absolute."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def _closed_doors(path: Path, source: str) -> list[str]:
    """Imports that enter another app by anything but a public room."""
    package = path.relative_to(ROOT).parent.parts
    own = package[0]
    names = (name.split(".") for name in _imported(source, package))
    others = (name for name in names if name[0] in APPS and name[0] != own)
    return [".".join(name) for name in others if len(name) < 2 or name[1] not in PUBLIC_ROOMS]


@pytest.mark.parametrize("app", [*APPS, "config"])
def test_other_apps_are_entered_by_their_public_rooms_only(app):
    files = [path for path in OURS if path.relative_to(ROOT).parts[0] == app and path not in WIRING]
    trespasses = {str(path.relative_to(ROOT)): _closed_doors(path, path.read_text(encoding="utf-8")) for path in files}

    assert {path: doors for path, doors in trespasses.items() if doors} == {}


@pytest.mark.parametrize(
    ("line", "is_closed"),
    [
        ("from climate.models import Region", True),
        ("import climate.models", True),
        ("from climate import models", True),
        ("import climate", True),
        ("from climate.services import collect", False),
        ("from climate.selectors import list_regions", False),
        ("from budgets.models import Budget", False),
        ("from . import models", False),
    ],
)
def test_the_check_of_doors_tells_closed_from_open(line, is_closed):
    assert bool(_closed_doors(ROOT / "budgets" / "services" / "tree.py", line)) is is_closed


def test_no_file_is_longer_than_a_person_reads():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in OURS}

    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE_LINES} == {}


def test_the_contracts_of_the_staircase_are_kept():
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]

    verdict = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
