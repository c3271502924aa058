"""Collectives of tiny messages on PEs that cost nothing where they may.

What is left is the way of a message and its tail (laws L1 and L9), memory, the copy out of a slot
(one cycle) and arithmetic (three).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy.typing as npt
from one_pe import of_one_pe

import kernbench as kb
from kernbench import ccl

CYCLE_FS = 1_000_000
PORT_FS = 125_000  # a flit at 512 GB/s
LINK_FS = 640_000  # one between SIPs, at 100 GB/s
COPY_FS, MATH_FS = CYCLE_FS, 3 * CYCLE_FS
ADDER_FS, ADDER_LATENCY_FS = 10_000, 7_000_000  # a byte at 100 GB/s, and 7 ns


def machine(sips: int, kind: str, dims: tuple[int, int] | None = None) -> kb.Topology:
    classes = ("scalar", "branch", "block", "dense", "command", "switch")
    pe = {
        "cpu": {f"{name}_cycles": 0 for name in classes} | {"wake_ns": 0},
        "dma": {"setup_ns": 0},
        "mmu": {"walk": "none", "hit_ns": 0},
    }
    return of_one_pe(sips, kind, pe, dims)


def path_fs(topology: kb.Topology, src: str, dst: str, n_flits: int) -> int:
    """Law L1 of so few flits that the slowest link counts, wherever it is."""
    core = topology._core
    hops = [core.links[link] for link in core.path(core.find(src), core.find(dst))]
    once = sum(service + latency + core.nodes[at][2] for at, _, service, latency in hops)
    return int(once + (n_flits - 1) * max(service for _, _, service, _ in hops))


def dma(pe: int) -> str:
    return f"sip{pe}.cube0.pe0.dma"


class Run(NamedTuple):
    """A collective: its common start, its last response, the log and the machine."""

    start_fs: int
    end_fs: int
    log: npt.NDArray[Any]
    topology: kb.Topology


def run(
    kind: str,
    collective: str,
    algorithm: str,
    size: int,
    count: int,
    dims: tuple[int, int] | None = None,
) -> Run:
    """Run a collective of `count` elements in its larger tensor."""
    topology = machine(size, kind, dims)
    with kb.Context(topology, data=False) as ctx:
        handles = []
        for rank in range(size):
            small_in, small_out = collective == "all_gather", collective == "reduce_scatter"
            x = ctx.empty(count // size if small_in else count, sip=rank)
            y = ctx.empty(count // size if small_out else count, sip=rank)
            handles.append(
                ccl.launch(
                    ctx,
                    collective,
                    group=ccl.Group(range(size)),
                    rank=rank,
                    input=x,
                    output=y,
                    algorithm=algorithm,
                )
            )
        ctx.synchronize()
        (start_fs,) = {handle.target_fs for handle in handles}
        end_fs = max(handle.end_fs for handle in handles)
        return Run(start_fs, end_fs, ctx.oplog.to_numpy(), topology)


def of_kind(log: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    return log[log["kind"] == {"write": 1, "send": 12, "recv": 13, "combine": 15}[name]]
