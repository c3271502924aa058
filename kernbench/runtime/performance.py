"""``perf_report``: a function timed over a range of arguments, as a table, a file and a figure."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kernbench.tables import format_figure, format_table

__all__ = ["Benchmark", "Mark", "perf_report"]


@dataclass(frozen=True)
class Benchmark:
    """What to vary, and how to show it.

    Attributes
    ----------
    x_names : sequence of str
        Parameters that get the values of the x axis.
    x_vals : sequence
        The values; one for all names, or a sequence with one for each.
    line_arg : str
        The parameter that differs from line to line.
    line_vals, line_names : sequence
        Its values, and what the table and the figure call them.
    plot_name : str
        The title, and the name of the files.
    args : mapping
        Other arguments, the same in each call.
    xlabel, ylabel, x_log, y_log, styles
        The axes; a style is a colour and a line style, as matplotlib has them.
    """

    x_names: Sequence[str]
    x_vals: Sequence[Any]
    line_arg: str
    line_vals: Sequence[Any]
    line_names: Sequence[str]
    plot_name: str
    args: Mapping[str, Any]
    xlabel: str = ""
    ylabel: str = ""
    x_log: bool = False
    y_log: bool = False
    styles: Sequence[tuple[str, str]] | None = None

    def x_arguments(self, value: Any) -> dict[str, Any]:
        """Return the arguments of one place on the x axis."""
        values = value if isinstance(value, (list, tuple)) else [value] * len(self.x_names)
        if len(values) != len(self.x_names):
            raise ValueError(
                f"{self.plot_name}: expected {len(self.x_names)} values for {list(self.x_names)}, "
                f"got {value!r}"
            )
        return dict(zip(self.x_names, values, strict=True))


@dataclass
class _Measured:
    """The rows of one benchmark: x values, then one figure for each line."""

    benchmark: Benchmark
    rows: list[list[Any]] = field(default_factory=list)
    ranges: list[list[tuple[Any, Any] | None]] = field(default_factory=list)

    @property
    def header(self) -> list[str]:
        return [*self.benchmark.x_names, *self.benchmark.line_names]

    def text(self) -> str:
        """Return the table."""
        n_x = len(self.benchmark.x_names)
        cells = [
            [*(str(x) for x in row[:n_x]), *(format_figure(float(y)) for y in row[n_x:])]
            for row in self.rows
        ]
        return format_table(self.header, cells, left=0, indent=0)

    def write_csv(self, folder: Path) -> None:
        path = folder / f"{self.benchmark.plot_name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([self.header, *self.rows])

    def frame(self) -> Any:
        """Return the rows as a pandas DataFrame."""
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "perf_report: return_df=True expects pandas, which is not installed; "
                "pip install 'kernbench[report]'"
            ) from error
        return pd.DataFrame(self.rows, columns=self.header)

    def figure(self) -> Any:
        """Draw the lines; None without matplotlib."""
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ModuleNotFoundError:
            return None
        benchmark = self.benchmark
        figure = Figure(layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        xs = [row[0] for row in self.rows]
        first = len(benchmark.x_names)
        for i, name in enumerate(benchmark.line_names):
            colour, style = benchmark.styles[i] if benchmark.styles else (None, None)
            ys = [row[first + i] for row in self.rows]
            (line,) = axes.plot(xs, ys, label=name, color=colour, linestyle=style)
            spread = [row[i] for row in self.ranges]
            if all(found is not None for found in spread):
                low, high = zip(*(found for found in spread if found is not None), strict=True)
                axes.fill_between(xs, low, high, alpha=0.15, color=line.get_color())
        axes.set(
            title=benchmark.plot_name,
            xlabel=benchmark.xlabel or benchmark.x_names[0],
            ylabel=benchmark.ylabel,
            xscale="log" if benchmark.x_log else "linear",
            yscale="log" if benchmark.y_log else "linear",
        )
        axes.legend()
        return figure


class Mark:
    """A function with its benchmarks; see :func:`perf_report`."""

    def __init__(self, fn: Callable[..., Any], benchmarks: Benchmark | Sequence[Benchmark]) -> None:
        self.fn = fn
        self.benchmarks = benchmarks

    def run(
        self,
        show_plots: bool = False,
        print_data: bool = False,
        save_path: str | os.PathLike[str] = "",
        return_df: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Call the function at each place, for each line.

        Parameters
        ----------
        show_plots : bool
            Show the figures in a notebook; elsewhere there is no window: see `save_path`.
        print_data : bool
            Print the tables.
        save_path : path
            A folder, made when it is missing, for a CSV file of each table, and with matplotlib a
            PNG of each figure.
        return_df : bool
            Return a pandas DataFrame, or a list of them for a list of benchmarks.
        **kwargs
            More arguments of the function.

        Raises
        ------
        ModuleNotFoundError
            For `return_df` without pandas.
        """
        alone = isinstance(self.benchmarks, Benchmark)
        benchmarks = (
            [self.benchmarks] if isinstance(self.benchmarks, Benchmark) else self.benchmarks
        )
        results = []
        for benchmark in benchmarks:
            measured = self._measure(benchmark, kwargs)
            if print_data:
                print(f"{benchmark.plot_name}:\n{measured.text()}")
            figure = measured.figure() if show_plots or save_path else None
            if save_path:
                folder = Path(save_path)
                folder.mkdir(parents=True, exist_ok=True)
                measured.write_csv(folder)
                if figure is not None:
                    figure.savefig(folder / f"{benchmark.plot_name}.png")
            if show_plots and figure is not None:
                _display(figure)
            results.append(measured)
        if not return_df:
            return None
        frames = [measured.frame() for measured in results]
        return frames[0] if alone else frames

    def _measure(self, benchmark: Benchmark, kwargs: Mapping[str, Any]) -> _Measured:
        measured = _Measured(benchmark)
        for value in benchmark.x_vals:
            places = benchmark.x_arguments(value)
            figures: list[Any] = []
            ranges: list[tuple[Any, Any] | None] = []
            for line in benchmark.line_vals:
                found = self.fn(**places, **{benchmark.line_arg: line}, **benchmark.args, **kwargs)
                if isinstance(found, (list, tuple)):
                    if len(found) != 3:
                        raise ValueError(
                            f"{benchmark.plot_name}: expected a figure, or one with its least and "
                            f"greatest, got {found!r}"
                        )
                    middle, low, high = found
                    figures.append(middle)
                    ranges.append((low, high))
                else:
                    figures.append(found)
                    ranges.append(None)
            measured.rows.append([*places.values(), *figures])
            measured.ranges.append(ranges)
        return measured


def _display(figure: Any) -> None:
    """Show a figure where a notebook is there to show it."""
    try:
        from IPython.display import display
    except ModuleNotFoundError:
        return
    display(figure)


def perf_report(
    benchmarks: Benchmark | Sequence[Benchmark],
) -> Callable[[Callable[..., Any]], Mark]:
    """Mark a function for measuring over the arguments of `benchmarks`.

    The function returns a figure, or a figure with a least and a greatest one, as
    :func:`do_bench` returns for three quantiles.

    Notes
    -----
    Differs from Triton: without pandas and matplotlib, tables are printed and written all the same.

    Examples
    --------
    >>> import kernbench as kb
    >>> from kernbench.triton.testing import Benchmark, do_bench, perf_report
    >>> @perf_report(Benchmark(["n"], [4096, 8192], "times", [1, 2], ["once", "twice"], "copy", {}))
    ... def copy_ms(n, times):
    ...     return do_bench(lambda: [kb.current_context().tensor([0.0] * n) for _ in range(times)])
    >>> with kb.Context("small"):
    ...     copy_ms.run(print_data=True)  # doctest: +ELLIPSIS
    copy:
       n  ...
    4096  ...
    8192  ...
    """
    return lambda fn: Mark(fn, benchmarks)
