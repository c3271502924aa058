"""What `kernbench run` says about a run, as text and as JSON."""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kernbench.results.roofline import Roofline, roofline
from kernbench.runtime.profile import Profile, attribute, of_kind
from kernbench.tables import format_ns, format_table

if TYPE_CHECKING:
    from kernbench.runtime.context import Context

__all__ = ["LaunchSummary", "Summary", "summarize"]

_LABELS = {
    "gemm": "GEMM",
    "math": "MATH",
    "hbm": "HBM",
    "noc": "NoC",
    "dma_setup": "DMA set-up",
    "launch": "launch",
    "waiting": "waiting",
    "copy": "copy",
    "host": "host",
}
_ENGINES = {"dma_read": "DMA read", "dma_write": "DMA write", "gemm": "GEMM", "math": "MATH"}
_COUNTERS = (
    "requests", "messages", "messages_by_flit", "train_pieces", "flit_ports", "events",
)  # fmt: skip
_MAX_ROWS = 12


@dataclass(frozen=True, slots=True)
class LaunchSummary:
    """One launch: kernel, latency, multiply-adds, bytes moved, PEs that did not start on time."""

    kernel: str
    latency_fs: int
    macs: int
    nbytes: int
    late_pes: int
    busy_pes: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole run.

    Attributes
    ----------
    topology : str
        Its name.
    version : str
        Of kernbench.
    simulated_fs : int
        From 0 to the host's clock at the end.
    launches : tuple of LaunchSummary
        In order of submission.
    breakdown_fs : mapping of str to int
        Where that time went; adds up to it.
    longest : Profile or None
        Of the longest launch; None when nothing was launched.
    roofline : Roofline or None
        None when nothing was launched.
    counters : mapping of str to int
        The engine's.
    oplog_hash : int
        Content hash of the op log.
    wall_s : float
        How long the run took here, check and all.
    peak_rss_mb : float
        The most memory this process ever had, in 10^6 bytes.
    """

    topology: str
    version: str
    simulated_fs: int
    launches: tuple[LaunchSummary, ...]
    breakdown_fs: Mapping[str, int]
    longest: Profile | None
    roofline: Roofline | None
    counters: Mapping[str, int]
    oplog_hash: int
    wall_s: float
    peak_rss_mb: float

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``kernbench run --json`` prints."""
        return {
            "simulated_ns": self.simulated_fs / 10**6,
            "launches": [
                {"kernel": launch.kernel, "latency_ns": launch.latency_fs / 10**6}
                for launch in self.launches
            ],
            "breakdown_ns": {name: share / 10**6 for name, share in self.breakdown_fs.items()},
            "counters": {name: self.counters[name] for name in _COUNTERS},
            "wall_s": round(self.wall_s, 6),
            "peak_rss_mb": round(self.peak_rss_mb, 1),
            "oplog_hash": f"{self.oplog_hash:016x}",
            "topology": self.topology,
            "version": self.version,
        }

    def __str__(self) -> str:
        parts = [f"simulated {format_ns(self.simulated_fs)} ns on topology {self.topology}"]
        if self.launches:
            parts += ["", self._launch_table()]
        if self.longest is not None:
            parts += [f"  {self._engines(self.longest)}"]
        parts += ["", self._breakdown_table()]
        if self.roofline is not None:
            first, second = str(self.roofline).split("\n")
            parts += ["", f"roofline  {first}", f"          {second}"]
        parts += ["", self._machinery()]
        return "\n".join(parts)

    def _launch_table(self) -> str:
        rows = [
            [
                launch.kernel,
                format_ns(launch.latency_fs),
                f"{2e3 * launch.macs / launch.latency_fs:,.2f}" if launch.macs else "-",
                f"{1e6 * launch.nbytes / launch.latency_fs:,.1f}" if launch.nbytes else "-",
            ]
            for launch in self.launches[:_MAX_ROWS]
        ]
        lines = [format_table(["launch", "latency ns", "TFLOPS", "GB/s"], rows)]
        if len(self.launches) > _MAX_ROWS:
            lines.append(f"  and {len(self.launches) - _MAX_ROWS:,} more launches")
        late, busy = (
            sum(getattr(launch, name) for launch in self.launches)
            for name in ("late_pes", "busy_pes")
        )
        if late or busy:
            lines.append(f"  not at the common start: {late:,} late PEs, {busy:,} busy PEs")
        return "\n".join(lines)

    def _engines(self, profile: Profile) -> str:
        busy = ", ".join(
            f"{label} {profile.busy_share(engine):.0%}" for engine, label in _ENGINES.items()
        )
        which = "" if len(self.launches) == 1 else " in the longest launch"
        return f"engines busy{which}: {busy} (mean of {profile.n_pes} PEs)"

    def _breakdown_table(self) -> str:
        total = self.simulated_fs
        launched = total - self.breakdown_fs["copy"] - self.breakdown_fs["host"]
        rows = [
            [
                _LABELS[name],
                format_ns(share),
                f"{share / total:.1%}",
                "" if name in ("copy", "host") else f"{share / launched:.1%}",
            ]
            for name, share in self.breakdown_fs.items()
            if share
        ]
        rows.append(["sum", format_ns(total), "100.0%", "100.0%" if launched else ""])
        return format_table(["where it went", "ns", "of all", "of launches"], rows)

    def _machinery(self) -> str:
        counters = self.counters
        lines = [
            f"wall {self.wall_s:.3f} s   events {counters['events']:,}   "
            f"messages {counters['messages']:,}   requests {counters['requests']:,}   "
            f"records {counters['records']:,}   peak {self.peak_rss_mb:,.0f} MB",
            f"op log {self.oplog_hash:016x}",
        ]
        if counters["messages_by_flit"]:
            lines.append(
                f"{counters['messages_by_flit']:,} messages went flit by flit: nearly all were of "
                "one flit (ADR-0043)"
            )
        if counters["flit_ports"]:
            lines.append(f"{counters['flit_ports']:,} ports served flit by flit")
        if counters["uninit_reads"]:
            lines.append(
                f"{counters['uninit_reads']:,} elements were read that nothing had written"
            )
        return "\n".join(lines)


def _peak_rss_mb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def summarize(context: Context, wall_s: float, version: str) -> Summary:
    """Summarise a context that has been synchronised.

    Parameters
    ----------
    context : Context
        With ``oplog="full"``.
    wall_s : float
        How long the run took, in seconds.
    version : str
        Of kernbench.
    """
    columns = context.oplog.columns
    moved = of_kind(columns, "dma_read", "dma_write")
    multiplied = of_kind(columns, "gemm")
    count = len(context.launches)

    def by_launch(column: str, chosen: Any) -> list[int]:
        totals = np.zeros(count, np.int64)
        np.add.at(totals, columns["launch"][chosen], columns[column][chosen])
        return [int(total) for total in totals]

    macs, nbytes = by_launch("work", multiplied), by_launch("nbytes", moved)
    launches = tuple(
        LaunchSummary(
            handle.name,
            handle.latency_fs,
            macs[handle.launch],
            nbytes[handle.launch],
            handle.late_pes,
            handle.busy_pes,
        )
        for handle in context.launches
    )
    return Summary(
        topology=context.topology.name,
        version=version,
        simulated_fs=context.now_fs,
        launches=launches,
        breakdown_fs=attribute(columns, 0, context.now_fs),
        longest=max(context.launches, key=lambda each: each.latency_fs).profile()
        if count
        else None,
        roofline=roofline(columns, context.topology),
        counters=context.counters,
        oplog_hash=context.oplog.hash,
        wall_s=wall_s,
        peak_rss_mb=_peak_rss_mb(),
    )
