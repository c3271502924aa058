"""Figures, with matplotlib: an extra of the package, imported when a figure is drawn."""

from __future__ import annotations

import os

from kernbench.results.sweep import Sweep

__all__ = ["plot_sweep"]


def plot_sweep(sweep: Sweep, path: str | os.PathLike[str], title: str) -> None:
    """Draw latency against offered load; the file's ending says the format.

    Raises
    ------
    ModuleNotFoundError
        When matplotlib is not installed; the message says how to install it.
    ValueError
        When the ending is none that matplotlib can write.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "--plot: expected matplotlib, which is not installed; pip install 'kernbench[plot]'"
        ) from error
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    shown = [point for point in sweep.points if not point.saturated]
    for label, values in (
        ("mean", [point.mean_fs for point in shown]),
        ("99 of 100 below", [point.p99_fs for point in shown]),
    ):
        axes.plot([p.load for p in shown], [v / 10**6 for v in values], marker="o", label=label)
    if sweep.saturation is not None:
        axes.axvline(
            sweep.saturation,
            linestyle="--",
            color="0.4",
            label=f"saturation {sweep.saturation:.3f}",
        )
    axes.set(
        title=f"{title}: {sweep.pattern}, {sweep.nbytes:,} bytes",
        xlabel="offered load, flits per node and cycle",
        ylabel="latency, ns",
        xlim=(0, None),
        ylim=(0, None),
    )
    axes.legend()
    figure.savefig(path)
