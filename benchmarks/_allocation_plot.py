"""Drawing what allocation.py measured: CPU seconds of the stages as an instance grows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import pyplot


def draw(path: Path, **growths: tuple[str, Sequence[Any]]) -> None:
    """A panel for each size that grows, side by side: its title, and what was measured."""
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "commonwatt"  # the same figures draw the same file
    figure, axes = pyplot.subplots(1, 3, figsize=(11, 3.6), sharey=True, layout="constrained")
    for axis, (name, (title, rows)) in zip(axes, growths.items(), strict=True):
        sizes = [getattr(row.sizes, name) for row in rows]
        axis.plot(sizes, [row.cpu_s["fair"] for row in rows], marker="o", label="fair")
        axis.plot(sizes, [row.green_s for row in rows], marker="s", label="green, proven")
        axis.plot(sizes, [row.cpu_s["hand back"] for row in rows], marker="^", label="hand back")
        axis.set(xscale="log", yscale="log", xlabel=name, title=title)
        axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axis.minorticks_off()
        axis.grid(visible=True, alpha=0.3)
    axes[0].set(ylabel="CPU seconds")
    axes[0].legend()
    figure.savefig(path, metadata={"Date": None})
