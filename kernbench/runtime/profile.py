"""Where time went, read from the columns of the op log.

`attribute` gives every instant of a stretch of simulated time to one category, so that the shares
add up to it exactly (ADR-0010 D5).  A *layer* is the set of instants at which something is active;
layers lie upon each other in order of precedence, and a category gets what its layer covers and
none above it does.  All of it is sorting and running maxima of whole columns, never a walk over
rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from kernbench import _core

__all__ = [
    "CATEGORIES",
    "KIND",
    "Columns",
    "Profile",
    "attribute",
    "of_kind",
    "profile_launch",
    "time_in_launches",
]

Columns = Mapping[str, npt.NDArray[Any]]
"""The op log: read-only arrays by the names of ``docs/reference/op-log.md``."""

_Times = npt.NDArray[np.int64]
_Spans = tuple[_Times, _Times]
"""Starts and ends of intervals, in femtoseconds."""

KIND: Mapping[str, int] = MappingProxyType(
    {name: number for number, (name, _) in enumerate(_core.oplog_schema()["kinds"])}
)
"""Numbers of the op log's column ``kind`` by name."""

CATEGORIES = ("gemm", "math", "hbm", "noc", "dma_setup", "launch", "waiting", "copy", "host")
"""What an instant can go to, in order of precedence."""

_SPANS = ("launch", "start_fs", "setup_fs", "memory_start_fs", "memory_end_fs", "end_fs")
_MATH = ("math", "reduce", "trans")
_DMA = ("dma_read", "dma_write")
_ENGINES = {"dma_read": _DMA[:1], "dma_write": _DMA[1:], "gemm": ("gemm",), "math": _MATH}


# --- sets of instants ---------------------------------------------------------------------------


def _union(*parts: _Spans) -> _Spans:
    """Return the instants in any of the intervals, as disjoint intervals in order."""
    starts = np.concatenate([start for start, _ in parts])
    ends = np.concatenate([end for _, end in parts])
    some = starts < ends
    order = np.argsort(starts[some], kind="stable")
    starts, ends = starts[some][order], ends[some][order]
    if len(starts) == 0:
        return starts, ends
    reach = np.maximum.accumulate(ends)
    gap = starts[1:] > reach[:-1]
    return starts[np.append(True, gap)], reach[np.append(gap, True)]


def _measure(spans: _Spans) -> int:
    """Return the length of disjoint intervals together."""
    return int((spans[1] - spans[0]).sum())


def of_kind(columns: Columns, *names: str) -> npt.NDArray[np.bool_]:
    """Return which records are of any of these kinds."""
    wanted = np.zeros(256, dtype=bool)
    wanted[[KIND[name] for name in names]] = True
    return wanted[columns["kind"]]


def _select(columns: Columns, chosen: npt.NDArray[Any], *names: str) -> Columns:
    """Return the chosen records: those columns, or all of them."""
    return {name: columns[name][chosen] for name in names or columns}


# --- attribution ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Stretches:
    """The stretch of time that each launch has to itself, and the PE that it follows there.

    Arrays by launch number; a launch that is nowhere in the log has an empty stretch.
    """

    start: _Times
    end: _Times
    pe: npt.NDArray[np.int64]
    begin: _Times  # first start of a program on that PE
    finish: _Times  # last end of one; before `begin` when it ran none


def _stretches(columns: Columns) -> _Stretches:
    """Divide time among the launches: where they overlap, it belongs to the one that ends last.

    In order of falling ends, an instant of a launch is already taken exactly when some launch
    before it in that order had begun: so what is left to it ends at the least start so far.
    """
    launches = _select(columns, of_kind(columns, "launch"))
    count = int(launches["launch"].max(initial=-1)) + 1
    start, end = np.zeros(count, np.int64), np.zeros(count, np.int64)
    order = np.lexsort((launches["launch"], -launches["end_fs"]))
    starts, ends = launches["start_fs"][order], launches["end_fs"][order]
    taken = np.minimum.accumulate(np.append(np.iinfo(np.int64).max, starts))[:-1]
    start[launches["launch"][order]] = starts
    end[launches["launch"][order]] = np.minimum(ends, taken)

    chosen = of_kind(columns, "program") & (columns["launch"] < count)
    programs = _select(columns, chosen)
    pe = np.full(count, -1, np.int64)
    order = np.lexsort((-programs["pe"], programs["end_fs"]))
    pe[programs["launch"][order]] = programs["pe"][order]  # the last one written stays

    followed = programs["pe"] == pe[programs["launch"]]
    numbers = programs["launch"][followed]
    begin, finish = end.copy(), start.copy()
    np.minimum.at(begin, numbers, programs["start_fs"][followed])
    np.maximum.at(finish, numbers, programs["end_fs"][followed])
    return _Stretches(start, end, pe, begin, finish)


def _layers(columns: Columns) -> Iterator[tuple[str, _Spans]]:
    """Yield each category's instants in order of precedence; all but the host's."""
    stretches = _stretches(columns)
    launch = columns["launch"]
    known = (launch >= 0) & (launch < len(stretches.pe))
    known[known] = columns["pe"][known] == stretches.pe[launch[known]]
    chosen = known & of_kind(columns, "gemm", *_MATH, *_DMA)
    work = _select(columns, chosen, "kind", *_SPANS)
    first, last = stretches.start[work["launch"]], stretches.end[work["launch"]]

    def within(kinds: tuple[str, ...], start: _Times, end: _Times) -> _Spans:
        chosen = of_kind(work, *kinds)
        return np.maximum(start, first)[chosen], np.minimum(end, last)[chosen]

    start, end = work["start_fs"], work["end_fs"]
    moving = start + work["setup_fs"]
    yield "gemm", within(("gemm",), start, end)
    yield "math", within(_MATH, start, end)
    yield "hbm", within(_DMA, work["memory_start_fs"], work["memory_end_fs"])
    yield "noc", within(_DMA, moving, end)
    yield "dma_setup", within(_DMA, start, moving)
    s = stretches
    before = (s.start, np.minimum(s.begin, s.end))
    after = (np.maximum(s.finish, s.start), s.end)
    yield "launch", _union(before, after)
    yield "waiting", (s.start, s.end)
    copies = of_kind(columns, "copy_in", "copy_out")
    yield "copy", (columns["start_fs"][copies], columns["end_fs"][copies])


def attribute(columns: Columns, start_fs: int, end_fs: int) -> dict[str, int]:
    """Say where the simulated time from `start_fs` to `end_fs` went.

    In a launch the PE that ends last is followed (of equals the lowest): each instant goes to the
    first that is active of GEMM, MATH, HBM, NoC, DMA set-up and launch (before its first program
    and after its last), else it is waiting.  Where launches overlap, the one that ends last counts.
    Outside every launch there are copies, else the host.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Columns of the op log.
    start_fs, end_fs : int
        The stretch of time to divide up.

    Returns
    -------
    dict of str to int
        Femtoseconds for each of `CATEGORIES`; their sum is exactly ``end_fs - start_fs``.
    """
    shares: dict[str, int] = {}
    covered: _Spans = (np.zeros(0, np.int64), np.zeros(0, np.int64))
    total = 0
    for name, spans in _layers(columns):
        covered = _union(covered, (np.maximum(spans[0], start_fs), np.minimum(spans[1], end_fs)))
        shares[name] = _measure(covered) - total
        total += shares[name]
    shares["host"] = end_fs - start_fs - total
    return shares


def time_in_launches(columns: Columns) -> int:
    """Return the time during which some launch was under way, in femtoseconds."""
    launches = of_kind(columns, "launch")
    return _measure(_union((columns["start_fs"][launches], columns["end_fs"][launches])))


# --- one launch ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Profile:
    """What one launch did, and where its time went.

    Attributes
    ----------
    launch : int
        Its number in the op log.
    latency_fs : int
        From submission to the response at the host.
    n_pes, n_programs : int
        PEs that ran programs of it, and how many.
    breakdown_fs : mapping of str to int
        As `attribute`, of this launch alone; adds up to `latency_fs`.
    busy_fs : mapping of str to int
        For ``dma_read``, ``dma_write``, ``gemm`` and ``math``: the time that the engine was busy,
        all PEs added up.
    nbytes_read, nbytes_written : int
        Payload that the DMAs moved.
    requests : int
        Requests of the DMAs to memories.
    macs : int
        Multiply-adds of GEMM.
    math_elements : int
        Element operations of MATH.
    """

    launch: int
    latency_fs: int
    n_pes: int
    n_programs: int
    breakdown_fs: Mapping[str, int]
    busy_fs: Mapping[str, int]
    nbytes_read: int
    nbytes_written: int
    requests: int
    macs: int
    math_elements: int

    @property
    def tflops(self) -> float:
        """Achieved 10^12 operations a second; a multiply-add counts as two."""
        return 2e3 * self.macs / self.latency_fs if self.latency_fs else 0.0

    @property
    def gbytes_per_s(self) -> float:
        """Achieved 10^9 bytes a second between memories and PEs."""
        moved = self.nbytes_read + self.nbytes_written
        return 1e6 * moved / self.latency_fs if self.latency_fs else 0.0

    def busy_share(self, engine: str) -> float:
        """Return the share of its PEs' time, from 0 to 1, that an engine was busy."""
        time_fs = self.n_pes * self.latency_fs
        return self.busy_fs[engine] / time_fs if time_fs else 0.0

    def __str__(self) -> str:
        busy = ", ".join(f"{name} {self.busy_share(name):.0%}" for name in self.busy_fs)
        went = ", ".join(
            f"{name} {share / self.latency_fs:.0%}"
            for name, share in self.breakdown_fs.items()
            if share
        )
        return (
            f"launch {self.launch}: {self.latency_fs / 1e6:,.3f} ns on {self.n_pes} PEs\n"
            f"  where it went  {went}\n"
            f"  engines busy   {busy}\n"
            f"  achieved       {self.tflops:,.3f} TFLOPS, {self.gbytes_per_s:,.1f} GB/s "
            f"in {self.requests:,} requests"
        )


def _busy_fs(columns: Columns) -> int:
    """Return the time that intervals cover, each PE by itself.

    Times become ranks, so that each PE gets a range of numbers of its own without overflow.
    """
    times, ranks = np.unique(
        np.concatenate([columns["start_fs"], columns["end_fs"]]), return_inverse=True
    )
    base = columns["pe"].astype(np.int64) * len(times)
    starts, ends = _union((base + ranks[: len(base)], base + ranks[len(base) :]))
    if len(times) == 0:
        return 0
    return int((times[ends % len(times)] - times[starts % len(times)]).sum())


def profile_launch(columns: Columns, launch: int, start_fs: int, end_fs: int) -> Profile:
    """Return the profile of one launch that has ended.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Columns of the op log.
    launch : int
        Its number there.
    start_fs, end_fs : int
        Its submission, and its response at the host.
    """
    own = _select(columns, columns["launch"] == launch, "kind", "pe", "nbytes", "work", *_SPANS)
    programs = of_kind(own, "program")

    def total(column: str, *kinds: str) -> int:
        return int(own[column][of_kind(own, *kinds)].sum())

    shares = attribute(own, start_fs, end_fs)
    return Profile(
        launch=launch,
        latency_fs=end_fs - start_fs,
        n_pes=len(np.unique(own["pe"][programs])),
        n_programs=int(programs.sum()),
        breakdown_fs=MappingProxyType(
            {k: v for k, v in shares.items() if k not in ("copy", "host")}
        ),
        busy_fs=MappingProxyType(
            {
                engine: _busy_fs(_select(own, of_kind(own, *kinds), "pe", "start_fs", "end_fs"))
                for engine, kinds in _ENGINES.items()
            }
        ),
        nbytes_read=total("nbytes", "dma_read"),
        nbytes_written=total("nbytes", "dma_write"),
        requests=total("work", *_DMA),
        macs=total("work", "gemm"),
        math_elements=total("work", *_MATH),
    )
