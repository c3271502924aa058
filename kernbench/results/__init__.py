"""Results: read-only views of what a run left behind, for people and for programs."""

from __future__ import annotations

from kernbench.results.probe import Hop, Path, StandardPath, probe, standard_paths
from kernbench.results.roofline import Roofline, roofline
from kernbench.results.summary import LaunchSummary, Summary, summarize
from kernbench.results.table import format_figure, format_ns, format_table

__all__ = [
    "Hop",
    "LaunchSummary",
    "Path",
    "Roofline",
    "StandardPath",
    "Summary",
    "format_figure",
    "format_ns",
    "format_table",
    "probe",
    "roofline",
    "standard_paths",
    "summarize",
]
