"""Backtests of the own forecast on files of measured hours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from climate.domain.forecast import MINIMUM_HOURS
from climate.domain.forecast.backtest import Backtest, backtest
from climate.domain.forecast.wide_csv import HOUR, BadTrace, parse_wide_csv, traces_of
from climate.services.forecasts.places import zone_places
from climate.services.forecasts.prior import load_prior

Track = Callable[[Sequence[str]], Iterable[str]]


def backtest_files(*, trace: Path, history: Sequence[Path], track: Track) -> list[Backtest]:
    """Score every zone of `trace`; earlier years in `history` are learnt from and not scored.

    `track` passes zones through and shows progress. Raises BadTrace, naming file, line and column,
    also where nothing can be scored, and OSError for a file that cannot be read.
    """
    files = [_read(path) for path in (*history, trace)]
    hours, columns = files[-1]
    traces = traces_of(files, zone_places())
    found = [
        backtest(
            zone,
            traces[zone],
            prior=load_prior(),
            first_issue=round((hours[0] - traces[zone].first_hour) / HOUR),
        )
        for zone in track(list(columns))
    ]
    if all(mape is None for each in found for mape in each.own.mape_percent.values()):
        longest = max((int(np.count_nonzero(~np.isnan(traces[zone].values))) for zone in columns), default=0)
        raise BadTrace(
            f"{trace.name}: too short: a forecast needs {MINIMUM_HOURS} measured hours before it and others after it to"
            f" be scored by, but no zone has more than {longest}."
        )
    return found


def _read(path: Path) -> tuple[list[datetime], dict[str, list[float]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            return parse_wide_csv(lines, name=path.name)
    except UnicodeDecodeError as error:
        raise BadTrace(f"{path.name}: it is not a text file in UTF-8.") from error
