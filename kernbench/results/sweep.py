"""Load sweeps: latency against offered load, and where a network saturates (ADR-0010 D9)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from kernbench import _core
from kernbench.topology import Topology

__all__ = ["PATTERNS", "LoadPoint", "Pattern", "Sweep", "measure_load", "sweep"]

Pattern = Literal["uniform", "transpose", "hotspot", "random", "stream"]
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)

_LOADS = tuple(step / 20 for step in range(1, 21))
_TOLERANCE = 0.01  # of the saturation point, relative


@dataclass(frozen=True, slots=True)
class LoadPoint:
    """What a network did with one offered load.

    Attributes
    ----------
    load : float
        Offered, in flits per node and cycle.
    accepted : float
        Delivered while messages were still being sent, in the same unit.
    mean_fs, median_fs, p99_fs : int
        Latencies, from a message's start to its tail's arrival, past the first quarter.
    saturated : bool
        Latencies were growing: the network does not carry this load.
    """

    load: float
    accepted: float
    mean_fs: int
    median_fs: int
    p99_fs: int
    saturated: bool


@dataclass(frozen=True, slots=True)
class Sweep:
    """Latency against offered load.

    Attributes
    ----------
    pattern : str
        One of `PATTERNS`.
    n_senders : int
        Nodes that send.
    nbytes : int
        Of each message.
    cycle_fs : int
        A flit's service on the slowest of the senders' own links: load 1 is one flit in each.
    count : int
        Messages of each sender at each load.
    points : tuple of LoadPoint
        By load.
    saturation : float or None
        The load above which latencies grow, to 1 %; None when load 1 is carried, or one load was
        measured.
    """

    pattern: Pattern
    n_senders: int
    nbytes: int
    cycle_fs: int
    count: int
    points: tuple[LoadPoint, ...]
    saturation: float | None


@dataclass(frozen=True, slots=True)
class _Traffic:
    """Who sends to whom: a column of destinations for each column of senders."""

    senders: npt.NDArray[np.uint32]
    choose: Callable[[np.random.Generator, npt.NDArray[np.intp]], npt.NDArray[np.uint32]]


def _nodes(topology: Topology) -> npt.NDArray[np.uint32]:
    """Return who takes part: PE DMAs of a machine, endpoints of a graph, else its transit nodes."""
    by_impl: dict[str, list[int]] = {}
    for number, node in enumerate(topology.components):
        by_impl.setdefault(node.impl, []).append(number)
    for impl in ("pe_dma", "endpoint", "transit"):
        if len(nodes := by_impl.get(impl, [])) >= 2:
            return np.asarray(nodes, np.uint32)
    raise ValueError(
        "--pattern: expected a topology with two PEs, endpoints or transit components at least"
    )


def _traffic(
    topology: Topology, pattern: Pattern, src: str | None, dst: str | None, seed: int
) -> _Traffic:
    if pattern == "stream":
        if src is None or dst is None:
            raise ValueError("--pattern stream: expected --src and --dst")
        start, end = topology.find(src), topology.find(dst)
        ends = np.asarray([end], np.uint32)
        return _Traffic(np.asarray([start], np.uint32), lambda _, who: ends[who])
    if src is not None or (dst is not None and pattern != "hotspot"):
        raise ValueError(f"--pattern {pattern}: expected no --src or --dst: all nodes take part")
    nodes = _nodes(topology)
    n = len(nodes)
    if pattern == "uniform":
        return _Traffic(nodes, lambda rng, who: nodes[rng.integers(0, n, len(who))])
    if pattern == "transpose":
        side = math.isqrt(n)
        if side * side != n:
            raise ValueError(
                f"--pattern transpose: expected a square number of nodes, got {n}; "
                "use uniform or random"
            )
        swapped = nodes[np.arange(n).reshape(side, side).T.ravel()]
        return _Traffic(nodes, lambda _, who: swapped[who])
    if pattern == "random":
        partners = nodes[np.random.default_rng([seed, 1]).permutation(n)]
        return _Traffic(nodes, lambda _, who: partners[who])
    hot = np.uint32(topology.find(dst) if dst is not None else int(nodes[0]))
    return _Traffic(nodes[nodes != hot], lambda _, who: np.full(len(who), hot))


def _cycle_fs(topology: Topology, traffic: _Traffic) -> int:
    """Return the slowest of the senders' services of a flit."""
    senders = np.arange(len(traffic.senders))
    ends = traffic.choose(np.random.default_rng(0), senders)
    cycles = [0]
    for src, dst in zip(traffic.senders, ends, strict=True):
        if links := topology._core.path(int(src), int(dst)):
            cycles.append(topology.links[links[0]].service_fs)
    if max(cycles) == 0:
        raise ValueError("--pattern: expected messages over links, got none that leave their node")
    return max(cycles)


def _is_growing(
    at_fs: npt.NDArray[np.int64], latency_fs: npt.NDArray[np.int64], cycle_fs: int
) -> bool:
    """Compare the slowest twentieth of the last quarter of the messages with that of the second.

    It is growth when it is more than 2 % of the time between them, a quarter of the latencies
    themselves, and a cycle: a link that is offered 2 % too much grows so.
    """
    quarter, slow = max(1, len(at_fs) // 4), max(1, len(at_fs) // 80)
    before = np.sort(latency_fs[quarter : 2 * quarter])[-slow:]
    after = np.sort(latency_fs[-quarter:])[-slow:]
    if len(before) == 0:
        return False
    growth = float(after.mean()) - float(before.mean())
    between = float(at_fs[-quarter:].mean()) - float(at_fs[quarter : 2 * quarter].mean())
    return growth > max(0.02 * between, float(before.mean()) / 4, cycle_fs)


def _falls_behind(
    at_fs: npt.NDArray[np.int64], end_fs: npt.NDArray[np.int64], window_fs: int, idle_fs: int
) -> bool:
    """Whether in the window's second half a tenth fewer arrive than set out, beyond chance.

    A window of an idle latency or two cannot tell.
    """
    half_fs = window_fs // 2
    if half_fs < 2 * idle_fs:
        return False
    sent = np.count_nonzero((at_fs > half_fs) & (at_fs <= window_fs))
    arrived = np.count_nonzero((end_fs > half_fs) & (end_fs <= window_fs))
    return bool(arrived < 0.9 * sent - 3 * math.sqrt(sent))


_MOST_MESSAGES = 20_000_000  # about 100 bytes of memory each


class _Probe:
    """Offers loads of one pattern to one machine."""

    def __init__(
        self, topology: Topology, traffic: _Traffic, nbytes: int, count: int, seed: int
    ) -> None:
        self.topology, self.traffic, self.nbytes = topology, traffic, nbytes
        self.count, self.seed = count, seed
        n_messages = count * len(traffic.senders)
        if n_messages > _MOST_MESSAGES:
            raise ValueError(
                f"--count: expected at most {_MOST_MESSAGES:,} messages of all "
                f"{len(traffic.senders)} senders, got {n_messages:,}; "
                f"ask for {_MOST_MESSAGES // len(traffic.senders):,} of each"
            )
        self.cycle_fs = _cycle_fs(topology, traffic)
        self.n_flits = max(1, -(-nbytes // topology.flit_nbytes))
        at_fs, end_fs, _ = self._run(0.01, min(count, 10))
        self.idle_fs = int((end_fs - at_fs).max())

    def _run(
        self, load: float, count: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
        """Return starts and ends in order of starts, and until when all senders send."""
        n_senders = len(self.traffic.senders)
        rng = np.random.default_rng([self.seed, 2])
        gaps = rng.exponential(self.cycle_fs * self.n_flits / load, (count, n_senders))
        sums = np.rint(np.cumsum(gaps, axis=0))
        if sums.max() >= 1 << 62:
            raise OverflowError(
                f"--bytes: expected messages that start before 2^62 fs, got {count:,} of "
                f"{self.nbytes:,} bytes at load {load}; send fewer or shorter ones"
            )
        starts = sums.astype(np.int64)
        order = np.argsort(starts.ravel(), kind="stable")
        who, at_fs = order % n_senders, starts.ravel()[order]
        src, dst = self.traffic.senders[who], self.traffic.choose(rng, who)
        sizes = np.full(len(who), self.nbytes, np.int64)
        engine = _core.Engine(self.topology._core, data=False)
        start_fs, end_fs = engine.transfers(src, dst, sizes, at_fs, None, None)
        return start_fs, end_fs, int(starts[-1].min())

    def measure(self, load: float) -> LoadPoint:
        """Offer one load."""
        at_fs, end_fs, window_fs = self._run(load, self.count)
        latency_fs = end_fs - at_fs
        steady = latency_fs[len(latency_fs) // 4 :]
        delivered = int(np.count_nonzero(end_fs <= window_fs)) * self.n_flits
        return LoadPoint(
            load=load,
            accepted=delivered * self.cycle_fs / (max(1, window_fs) * len(self.traffic.senders)),
            mean_fs=round(float(steady.mean())),
            median_fs=int(np.median(steady)),
            p99_fs=int(np.quantile(steady, 0.99)),
            saturated=_is_growing(at_fs, latency_fs, self.cycle_fs)
            or _falls_behind(at_fs, end_fs, window_fs, self.idle_fs),
        )


def _check(nbytes: int, count: int, loads: Sequence[float]) -> None:
    if nbytes < 0:
        raise ValueError(f"--bytes: expected at least 0, got {nbytes}")
    if count < 1:
        raise ValueError(f"--count: expected at least 1, got {count}")
    for load in loads:
        if not 0 < load <= 1:
            raise ValueError(f"--load: expected a number above 0 and up to 1, got {load}")


def measure_load(
    topology: Topology,
    pattern: Pattern,
    nbytes: int,
    load: float,
    *,
    count: int = 1000,
    seed: int = 0,
    src: str | None = None,
    dst: str | None = None,
) -> Sweep:
    """Offer one load to the idle machine; parameters as of `sweep`.

    A load that the network does not carry is reported as saturated, and ends: `count` messages of
    each sender are all there is.
    """
    _check(nbytes, count, [load])
    traffic = _traffic(topology, pattern, src, dst, seed)
    probe = _Probe(topology, traffic, nbytes, count, seed)
    points = (probe.measure(load),)
    return Sweep(pattern, len(traffic.senders), nbytes, probe.cycle_fs, count, points, None)


def sweep(
    topology: Topology,
    pattern: Pattern,
    nbytes: int,
    *,
    count: int = 1000,
    seed: int = 0,
    src: str | None = None,
    dst: str | None = None,
) -> Sweep:
    """Measure latency at rising loads, up to saturation, and find where that is.

    Each sender sends `count` messages as a Poisson process.  Senders are the PE DMAs of a machine;
    of a graph the endpoints, or the transit nodes when there are no endpoints.

    Parameters
    ----------
    topology : Topology
        The machine.
    pattern : {"uniform", "transpose", "hotspot", "random", "stream"}
        To any node, the sender included; to the one at (y, x) of a square; all to `dst`; each to a
        fixed partner, drawn once; from `src` to `dst` alone.
    nbytes : int
        Payload of each message.
    count : int
        Messages of each sender at each load; more tell saturation better.
    seed : int
        Of destinations and starts.
    src, dst : str, optional
        Of a stream; `dst` of a hotspot, else the first node.

    Raises
    ------
    TopologyError
        When a node is unknown, or there is no path.
    ValueError
        When a number is out of range, or the pattern does not fit the topology.
    """
    _check(nbytes, count, [])
    traffic = _traffic(topology, pattern, src, dst, seed)
    probe = _Probe(topology, traffic, nbytes, count, seed)
    points: list[LoadPoint] = []
    for load in _LOADS:
        points.append(probe.measure(load))
        if points[-1].saturated:
            break
    saturation = None
    if points[-1].saturated:
        low, high = (points[-2].load if len(points) > 1 else 0.0), points[-1].load
        while high - low > _TOLERANCE * high:
            point = probe.measure((low + high) / 2)
            low, high = (low, point.load) if point.saturated else (point.load, high)
            points.append(point)
        saturation = (low + high) / 2
    points.sort(key=lambda point: point.load)
    return Sweep(
        pattern, len(traffic.senders), nbytes, probe.cycle_fs, count, tuple(points), saturation
    )
