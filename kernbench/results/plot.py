"""Figures, with matplotlib: an extra of the package, imported when a figure is drawn."""

from __future__ import annotations

import os

from kernbench.results.sweep import Sweep

__all__ = ["check_figure", "plot_sweep"]


def check_figure(path: str | os.PathLike[str]) -> None:
    """Say before anything is measured whether a figure can be drawn there.

    Raises
    ------
    ModuleNotFoundError
        When matplotlib is not installed; the message says how to install it.
    ValueError
        When the file's ending is none that matplotlib can write.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "--plot: expected matplotlib, which is not installed; pip install 'kernbench[plot]'"
        ) from error
    known = FigureCanvasAgg.get_supported_filetypes()
    ending = os.path.splitext(path)[1].removeprefix(".").lower()
    if ending not in known:
        raise ValueError(
            f"--plot: expected a file that ends in one of {', '.join(sorted(known))}, "
            f"got {os.fspath(path)!r}"
        )


def plot_sweep(sweep: Sweep, path: str | os.PathLike[str], title: str) -> None:
    """Draw latency against offered load; the file's ending says the format.

    Raises
    ------
    ModuleNotFoundError, ValueError
        As of :func:`check_figure`.
    """
    check_figure(path)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

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
