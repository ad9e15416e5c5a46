"""Benchmarks that need traces say so, and read nothing of the person's own deployment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.climate.test_forecast_backtest import write

ROOT = Path(__file__).resolve().parents[3]


def run(program: str, tmp_path: Path, *arguments: str | Path) -> str:
    """With settings of the person's that would not work if they were read."""
    mine = {"COMMONWATT_DATA_DIR": str(tmp_path / "var"), "COMMONWATT_ENV_FILE": str(tmp_path / ".env")}
    (tmp_path / ".env").write_text("COMMONWATT_ENV=nonsense\nDATABASE_URL=nonsense://\n")
    command = [sys.executable, str(ROOT / "benchmarks" / program), *map(str, arguments)]
    done = subprocess.run(  # our own program
        command, cwd=tmp_path, env=os.environ | mine, capture_output=True, text=True, check=True
    )
    assert not (tmp_path / "var").exists()
    return done.stdout


@pytest.mark.parametrize("program", ["fit_forecast_prior.py", "modelled_hour.py"])
def test_without_a_trace_it_says_what_it_needs(tmp_path, program):
    assert run(program, tmp_path).startswith("Needs ")


def test_the_shipped_weights_can_be_fitted_anew_from_traces_of_ones_own(tmp_path):
    trace = write(tmp_path / "trace.csv", days=50)
    run("fit_forecast_prior.py", tmp_path, trace, "--out", tmp_path / "prior.json")
    fitted = json.loads((tmp_path / "prior.json").read_text())
    shipped = json.loads((ROOT / "climate/data/forecast_prior.json").read_text())
    assert fitted["features"] == shipped["features"]
    assert fitted["fitted_on"] == "3 zones, 2026-03-01 to 2026-04-19"
    assert [len(fitted[name]) for name in ("weights", "low", "high")] == [96, 96, 96]
