"""The benchmark of admission can be started; what it measures is for a quiet machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_it_says_what_it_measures_and_that_every_commit_is_durable(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "admission.py"), "--help"],
        cwd=tmp_path,
        env={**os.environ, "COMMONWATT_DATA_DIR": str(tmp_path / "var")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--quick" in done.stdout
    assert "synchronous_commit" in done.stdout
    assert not (tmp_path / "var").exists()


def test_without_pgbench_and_without_the_package_that_has_it_it_says_what_it_needs():
    code = (
        "import sys; sys.path.insert(0, 'benchmarks'); import admission; "
        "admission.shutil.which = lambda _: None; admission.importlib.util.find_spec = lambda _: None; "
        "admission.find_pgbench()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Needs pgbench")
