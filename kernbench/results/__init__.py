"""Results: read-only views of what a run left behind, for people and for programs."""

from __future__ import annotations

from kernbench.results.plot import check_figure, plot_sweep
from kernbench.results.probe import Hop, Path, StandardPath, probe, standard_paths
from kernbench.results.roofline import Roofline, roofline
from kernbench.results.summary import LaunchSummary, Summary, summarize
from kernbench.results.sweep import PATTERNS, LoadPoint, Sweep, measure_load, sweep
from kernbench.tables import format_figure, format_ns, format_table

__all__ = [
    "PATTERNS",
    "Hop",
    "LaunchSummary",
    "LoadPoint",
    "Path",
    "Roofline",
    "StandardPath",
    "Summary",
    "Sweep",
    "check_figure",
    "format_figure",
    "format_ns",
    "format_table",
    "measure_load",
    "plot_sweep",
    "probe",
    "roofline",
    "standard_paths",
    "summarize",
    "sweep",
]
