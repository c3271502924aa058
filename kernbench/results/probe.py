"""What one message costs on its way, hop by hop, on an idle machine (ADR-0010 D6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kernbench import _core
from kernbench.topology import Topology

__all__ = ["Hop", "Path", "StandardPath", "probe", "standard_paths"]


@dataclass(frozen=True, slots=True)
class Hop:
    """The last flit at one port: what it did there, and the link behind it.  In femtoseconds.

    Attributes
    ----------
    src, dst : str
        Where the link leads from and to; the port is at `src`.
    waiting_fs : int
        The port served other messages.
    service_fs : int
        It served this message: the flits before, and the last one.
    overhead_fs : int
        It was idle until the flit was eligible.
    propagation_fs : int
        On the link, ejection included.
    """

    src: str
    dst: str
    waiting_fs: int
    service_fs: int
    overhead_fs: int
    propagation_fs: int

    @property
    def total_fs(self) -> int:
        """All of it."""
        return self.waiting_fs + self.service_fs + self.overhead_fs + self.propagation_fs


@dataclass(frozen=True, slots=True)
class Path:
    """One message over its path; the hops add up to `latency_fs` exactly."""

    src: str
    dst: str
    nbytes: int
    latency_fs: int
    hops: tuple[Hop, ...]


_MOST_MESSAGES = 1_000_000  # about 1 KB of memory each


def _engine(topology: Topology) -> _core.Engine:
    return _core.Engine(topology._core, data=False)


def probe(topology: Topology, src: str, dst: str, nbytes: int, count: int = 1) -> Path:
    """Send messages over the idle machine, one behind the other; follow the last one's last flit.

    Parameters
    ----------
    topology : Topology
        The machine.
    src, dst : str
        Node names.
    nbytes : int
        Payload of each; 0 is a command alone.
    count : int
        Messages, all at once; up to a million.

    Raises
    ------
    TopologyError
        When a node is unknown, or there is no path.
    ValueError
        When nbytes is negative, or count below 1 or more than a million.
    """
    if count < 1:
        raise ValueError(f"--count: expected at least 1, got {count}")
    if count > _MOST_MESSAGES:
        raise ValueError(
            f"--count: expected at most {_MOST_MESSAGES:,} messages, which all wait at the sender, "
            f"got {count:,}"
        )
    if nbytes < 0:
        raise ValueError(f"--bytes: expected at least 0, got {nbytes}")
    start, end = topology.find(src), topology.find(dst)
    topology.path(start, end)
    rows, latency_fs = _engine(topology).probe(start, end, nbytes, count)
    links = topology.links
    hops = tuple(
        Hop(links[link].src, links[link].dst, waiting, own + service, overhead, propagation)
        for link, waiting, own, overhead, service, propagation in rows
    )
    return Path(src, dst, nbytes, latency_fs, hops)


# --- the paths that everybody asks for ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StandardPath:
    """One of the paths that tell what a machine is like.

    Attributes
    ----------
    name : str
        What it is, in words.
    op : {"message", "read"}
        A message one way, or a read: request, service and reply.
    n_hops : int
        Links one way.
    latency_fs : int
        Of `nbytes` bytes on the idle machine.
    """

    name: str
    src: str
    dst: str
    op: Literal["message", "read"]
    nbytes: int
    n_hops: int
    latency_fs: int


def standard_paths(topology: Topology, nbytes: int) -> list[StandardPath]:
    """Measure the usual paths of a hierarchical machine, from its first PE and its host.

    Raises
    ------
    ValueError
        For a purely explicit graph, which has no usual paths.
    """
    system = topology.system
    if system is None:
        raise ValueError(
            "probe: expected --src and --dst for a topology that is an explicit graph; "
            "`kernbench topology show` lists its nodes"
        )
    return [_measure(topology, *path, nbytes=nbytes) for path in _candidates(system)]


def _measure(
    topology: Topology,
    name: str,
    src: str,
    dst: str,
    op: Literal["message", "read"],
    slice_: int,
    *,
    nbytes: int,
) -> StandardPath:
    system = topology.system
    slice_nbytes = system["hbm.capacity_nbytes"] // system["n_slices"] if system else 0
    address = max(0, slice_) * slice_nbytes
    engine, ends = _engine(topology), (topology.find(src), topology.find(dst))
    handle = engine.transfer(*ends, nbytes, 0, ("message", "read").index(op), address)
    engine.run(handle)
    _, start_fs, end_fs, *_ = engine.handle(handle)
    n_hops = len(topology._core.path(*ends, slice_))
    return StandardPath(name, src, dst, op, nbytes, n_hops, end_fs - start_fs)


def _candidates(
    system: Mapping[str, Any],
) -> Iterator[tuple[str, str, str, Literal["message", "read"], int]]:
    """Yield (what, src, dst, op, slice of the HBM or -1) of each path that the machine has."""
    cubes, n_slices = system["cubes_x"] * system["cubes_y"], system["n_slices"]
    dma, hbm, m_cpu = "sip0.cube0.pe0.dma", "sip0.cube0.hbm", "sip0.cube0.m_cpu"
    far = f"sip0.cube{cubes - 1}"
    names = ("own HBM slice", "the next PE's slice", "the last PE's slice")
    if system["hbm.attach"] != 0:  # by ports, which all PEs share
        names = ("first HBM slice", "second HBM slice", "last HBM slice")
    yield f"PE: {names[0]}", dma, hbm, "read", 0
    if n_slices > 1:
        yield f"PE: {names[1]}", dma, hbm, "read", 1
    if n_slices > 2:
        yield f"PE: {names[2]}", dma, hbm, "read", n_slices - 1
    yield "PE: SRAM of its cube", dma, "sip0.cube0.sram", "read", -1
    if system["cubes_x"] > 1:
        yield "PE: HBM of the next cube", dma, "sip0.cube1.hbm", "read", 0
    if cubes > 2:
        yield "PE: HBM of the farthest cube", dma, f"{far}.hbm", "read", 0
    if system["n_sips"] > 1:
        yield "PE: HBM of another SIP", dma, "sip1.cube0.hbm", "read", 0
    yield "host: HBM", "host", hbm, "read", 0
    yield "host to IO_CPU", "host", "sip0.io.cpu", "message", -1
    yield "IO_CPU to the nearest M_CPU", "sip0.io.cpu", m_cpu, "message", -1
    if cubes > 1:
        yield "IO_CPU to the farthest M_CPU", "sip0.io.cpu", f"{far}.m_cpu", "message", -1
    yield "M_CPU to PE_CPU", m_cpu, "sip0.cube0.pe0.cpu", "message", -1
