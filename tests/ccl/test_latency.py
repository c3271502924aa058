"""Tiny messages: what a step of a collective takes, to the femtosecond.

The PEs of this machine cost nothing where they may: what is left of a step is the way of a message
and its tail, α = Σ(s + p + o) + the greatest s (laws L1 and L9), the copy out of the slot (one
cycle) and the arithmetic (three cycles), or, where the credit of that copy leaves just before the
next message, a flit's service at the PE's port.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy.typing as npt
import pytest

import kernbench as kb
from kernbench import ccl

CYCLE_FS = 1_000_000
PORT_FS = 125_000  # a flit at 512 GB/s
COPY_FS, MATH_FS = CYCLE_FS, 3 * CYCLE_FS


def machine(sips: int, kind: str) -> kb.Topology:
    wide = {"GBps": 512}
    fabric: dict[str, Any] = {"kind": kind, "GBps": 100, "latency_ns": 150}
    if kind == "reducing":
        fabric |= {"kind": "switch", "reduction": {"unit": "switch", "GBps": 100, "latency_ns": 7}}
    classes = ("scalar", "branch", "block", "dense", "command", "switch")
    cpu = {f"{name}_cycles": 0 for name in classes} | {"wake_ns": 0}
    return kb.Topology.from_dict(
        {
            "kernbench": 1,
            "system": {
                "sips": sips,
                "host": {"call_ns": 0},
                "fabric": fabric,
                "sip": {"cubes": [1, 1], "io": wide},
                "cube": {
                    "pes": 1,
                    "noc": {"dims": [1, 1], **wide},
                    "ucie": {"port_GBps": 512, **wide},
                    "hbm": {"standard": "none", "remote_ports": 1, "local_GBps": 512},
                },
                "pe": {
                    "cpu": cpu,
                    "dma": {"setup_ns": 0},
                    "mmu": {"walk": "none", "hit_ns": 0},
                },
            },
        }
    )


def path_fs(topology: kb.Topology, src: str, dst: str, n_flits: int) -> int:
    """Law L1 of so few flits that the slowest link counts, wherever it is."""
    core = topology._core
    hops = [core.links[link] for link in core.path(core.find(src), core.find(dst))]
    once = sum(service + latency + core.nodes[at][2] for at, _, service, latency in hops)
    return int(once + (n_flits - 1) * max(service for _, _, service, _ in hops))


def dma(pe: int) -> str:
    return f"sip{pe}.cube0.pe0.dma"


def run(kind: str, collective: str, algorithm: str, size: int, count: int) -> tuple[int, Any, Any]:
    """Return how long it takes from the common start of all ranks, the log and the topology."""
    topology = machine(size, kind)
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
        return end_fs - start_fs, ctx.oplog.to_numpy(), topology


def of_kind(log: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    return log[log["kind"] == {"send": 12, "recv": 13, "combine": 15}[name]]


STEPS = {
    ("all_gather", "ring"): lambda alpha: alpha + COPY_FS + PORT_FS,
    ("reduce_scatter", "ring"): lambda alpha: alpha + COPY_FS + MATH_FS,
    ("all_reduce", "ring"): lambda alpha: 2 * alpha + 2 * COPY_FS + MATH_FS + PORT_FS,
    ("reduce", "ring"): lambda alpha: alpha + COPY_FS + MATH_FS,
}


@pytest.mark.parametrize(("collective", "algorithm"), STEPS)
def test_a_rank_more_adds_its_steps(collective: str, algorithm: str) -> None:
    """One element for each rank: ``p - 1`` steps, or twice as many."""
    sizes = range(4, 9)
    times = []
    for size in sizes:
        count = 8 if collective == "reduce" else size
        taken_fs, _, topology = run("ring", collective, algorithm, size, count)
        times.append(taken_fs)
    alpha = path_fs(topology, dma(0), dma(1), 2)
    added = {b - a for a, b in itertools.pairwise(times)}
    assert added == {STEPS[collective, algorithm](alpha)}


@pytest.mark.parametrize(
    ("kind", "collective", "algorithm"),
    [
        ("ring", "all_reduce", "ring"),
        ("ring", "all_reduce", "bidirectional_ring"),
        ("ring", "broadcast", "ring"),
        ("torus", "all_reduce", "hierarchical"),
        ("switch", "all_reduce", "one_shot"),
        ("switch", "all_reduce", "two_shot"),
        ("switch", "all_reduce", "halving_doubling"),
        ("switch", "all_reduce", "double_tree"),
        ("switch", "broadcast", "tree"),
        ("switch", "all_to_all", "direct"),
        ("mesh", "all_gather", "direct"),
    ],
)
def test_a_message_takes_its_way(kind: str, collective: str, algorithm: str) -> None:
    """None is faster than its α; those that meet no other flit take just that."""
    _, log, topology = run(kind, collective, algorithm, 8, 8)
    left: dict[tuple[int, int], list[int]] = {}
    for record in of_kind(log, "send"):
        left.setdefault((int(record["pe"]), int(record["work"])), []).append(int(record["end_fs"]))
    beyond, n_waited = [], 0
    for record in of_kind(log, "recv"):
        src, dst = int(record["work"]), int(record["pe"])
        sent_fs = left[src, dst].pop(0)
        there_fs = int(record["end_fs"] - record["setup_fs"])
        if there_fs == record["ready_fs"]:
            n_waited += 1  # it was there before it was asked for
            continue
        beyond.append(there_fs - sent_fs - path_fs(topology, dma(src), dma(dst), 2))
    assert not any(left.values())
    assert min(beyond) == 0 and n_waited < len(of_kind(log, "recv"))


def test_a_total_takes_both_ways_and_the_adders() -> None:
    """Up, n / rate and the latency, and down; as long for any number of ranks (ADR-0072 D5)."""
    times = set()
    for size in (2, 3, 5, 8):
        taken_fs, log, topology = run("reducing", "all_reduce", "in_switch", size, 8)
        times.add(taken_fs)
        (sent_fs,) = set(of_kind(log, "send")["end_fs"].tolist())
        up_fs = path_fs(topology, dma(0), "fabric.switch", 1)
        down_fs = path_fs(topology, "fabric.switch", dma(0), 1)
        adding_fs = 8 * 4 * 10_000 + 7_000_000
        for step in of_kind(log, "combine"):
            assert step["ready_fs"] == step["start_fs"] == sent_fs + up_fs
            assert step["end_fs"] == step["start_fs"] + adding_fs
        for taken in of_kind(log, "recv"):
            assert taken["end_fs"] == sent_fs + up_fs + adding_fs + down_fs + COPY_FS
    assert len(times) == 1
