"""`manage.py forecast_backtest` on small files."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from climate.models import GridZone

pytestmark = pytest.mark.django_db
FIRST = datetime(2026, 3, 1, tzinfo=UTC)


def write(
    path: Path, *, days: int = 30, first: datetime = FIRST, zones=("DE", "NA", "XX-OWN"), gaps=(), gap="", seed=1
) -> Path:
    rng = np.random.default_rng(seed)
    lines = [",".join(["utc", *zones])]
    weather = np.zeros(len(zones))
    for number in range(days * 24):
        at = first + timedelta(hours=number)
        weather = 0.95 * weather + rng.normal(0, 0.04, len(zones))
        values = (300 + 100 * np.sin(at.hour * np.pi / 12)) * np.exp(weather)
        cells = [gap if number in gaps else f"{value:.1f}" for value in values]
        lines.append(",".join([f"{at:%Y-%m-%dT%H:%MZ}", *cells]))
    path.write_text("\n".join(lines) + "\n")
    return path


def run(*arguments: str | Path) -> str:
    out = StringIO()
    call_command("forecast_backtest", *map(str, arguments), stdout=out)
    return out.getvalue()


def figures(tmp_path: Path, *arguments: str | Path) -> dict:
    run(*arguments, "--json", tmp_path / "out.json")
    return json.loads((tmp_path / "out.json").read_text())


def test_it_prints_every_zone_the_mean_the_plain_blend_and_what_the_figures_mean(tmp_path):
    printed = run(write(tmp_path / "trace.csv"))
    for words in ("own forecast", "plain blend", "DE", "NA", "XX-OWN", "mean", "Oracle", "Coverage", "MAPE"):
        assert words in printed


def test_it_needs_no_prepared_database(tmp_path, monkeypatch):
    monkeypatch.setattr(GridZone._meta, "db_table", "not_there")
    found = figures(tmp_path, write(tmp_path / "trace.csv", days=10))
    assert all(each["issues"] > 0 for each in found["zones"])


def test_persistent_weather_is_forecast_better_than_by_the_plain_blend(tmp_path):
    found = figures(tmp_path, write(tmp_path / "trace.csv"))
    own, plain = found["mean"]["own"], found["mean"]["plain"]
    for lead in ("+1 h", "1-24 h"):
        assert own[f"mape_percent {lead}"] < 0.85 * plain[f"mape_percent {lead}"]
    assert 70 < own["coverage_percent"] < 85  # a month is short: the shipped band still weighs
    assert 0.9 < own["saving_share"] <= 1
    assert plain["coverage_percent"] is None


def test_issues_begin_after_two_days_and_come_every_six_hours(tmp_path):
    found = figures(tmp_path, write(tmp_path / "trace.csv", days=10))
    assert {each["issues"] for each in found["zones"]} == {8 * 4}


def test_earlier_years_are_learnt_from_and_not_scored(tmp_path):
    trace = write(tmp_path / "trace.csv", days=10)
    earlier = write(tmp_path / "earlier.csv", days=20, first=FIRST - timedelta(days=20), seed=2)
    found = figures(tmp_path, trace, "--history", earlier)
    assert {each["issues"] for each in found["zones"]} == {10 * 4}


@pytest.mark.parametrize("cell", ["", "0", "0.0", "nan"])
def test_hours_that_nobody_measured_are_passed_over(tmp_path, cell):
    found = figures(tmp_path, write(tmp_path / "trace.csv", gaps=(5, 100, *range(200, 240), 500), gap=cell))
    assert found["mean"]["own"]["mape_percent 1-24 h"] < 30


BAD = {
    "no header": ("", "bad.csv, line 1: the header is `utc` and one column per zone."),
    "no utc": ("hour,DE\n", "bad.csv, line 1: the header is `utc` and one column per zone."),
    "a name twice": ("utc,DE,DE\n", "bad.csv, line 1: every column needs a name of its own."),
    "no hours": ("utc,DE\n", "bad.csv: there are no hours in it."),
    "words": (
        "utc,DE,NA\n2026-03-01T00:00Z,300,much\n",
        "bad.csv, line 2, column NA: 'much' is no intensity in g/kWh; leave the cell empty where nothing is known.",
    ),
    "below zero": (
        "utc,DE\n2026-03-01T00:00Z,300\n2026-03-01T01:00Z,-5\n",
        "bad.csv, line 3, column DE: '-5' is no intensity in g/kWh; leave the cell empty where nothing is known.",
    ),
    "no time": (
        "utc,DE\nyesterday,300\n",
        "bad.csv, line 2, column utc: 'yesterday' is not a time like 2023-01-01T00:00Z.",
    ),
    "half an hour": (
        "utc,DE\n2026-03-01T00:30Z,300\n",
        "bad.csv, line 2, column utc: 2026-03-01T00:30Z is not the beginning of an hour.",
    ),
    "the same hour twice": (
        "utc,DE\n2026-03-01T00:00Z,300\n2026-03-01T00:00Z,300\n",
        "bad.csv, line 3, column utc: 2026-03-01T00:00Z does not come after the line before.",
    ),
    "a cell too few": ("utc,DE,NA\n2026-03-01T00:00Z,300\n", "bad.csv, line 2: 2 cells, but the header has 3."),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_file_is_refused_with_line_and_column(tmp_path, fault):
    content, words = BAD[fault]
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(CommandError) as refusal:
        run(tmp_path / "bad.csv", "--json", tmp_path / "out.json")
    assert str(refusal.value) == words
    assert not (tmp_path / "out.json").exists()


def test_a_file_too_short_to_score_anything_is_refused_with_what_it_has_and_what_it_takes(tmp_path):
    with pytest.raises(CommandError, match=r"short\.csv: too short: a forecast needs 48 .* no zone has more than 24"):
        run(write(tmp_path / "short.csv", days=1))


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        run(tmp_path / "none.csv")
    (tmp_path / "picture.csv").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(CommandError, match="not a text file"):
        run(tmp_path / "picture.csv")
