"""What the memories of a context have counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["MemoryStatistics"]

_Column = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MemoryStatistics:
    """Counts of one HBM by pseudo-channel, from time 0 to ``elapsed_fs`` (ADR-0052).

    Attributes
    ----------
    reads, writes : numpy.ndarray of int64
        Bursts read and written.
    hits, misses, conflicts : numpy.ndarray of int64
        Bursts whose row was open, for which a closed bank was opened, and for which another row was
        closed first.  They add up to ``reads + writes``.
    refreshes : numpy.ndarray of int64
        Refreshes, of all banks or of one, up to the last access.
    turnarounds : numpy.ndarray of int64
        Changes of the bus between reads and writes.
    busy_fs : numpy.ndarray of int64
        Femtoseconds in which the data bus carried a burst.
    wait_fs : numpy.ndarray of int64
        Femtoseconds that bursts waited for their command, in sum.
    peak_queue : numpy.ndarray of int64
        The most bursts in the look-ahead.
    elapsed_fs : int
        The clock when this was taken.
    """

    reads: _Column
    writes: _Column
    hits: _Column
    misses: _Column
    conflicts: _Column
    refreshes: _Column
    turnarounds: _Column
    busy_fs: _Column
    wait_fs: _Column
    peak_queue: _Column
    elapsed_fs: int

    @property
    def bus_use(self) -> npt.NDArray[np.float64]:
        """Share of the time in which the data bus carried a burst."""
        return self.busy_fs / max(1, self.elapsed_fs)

    @property
    def mean_queue(self) -> npt.NDArray[np.float64]:
        """Bursts that waited, on average over time (Little's law)."""
        return self.wait_fs / max(1, self.elapsed_fs)
