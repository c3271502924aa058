"""Timing alone goes through the machine SIP by SIP (ADR-0069); with data, in order of time.

Both have one op log, to the femtosecond.
"""

from __future__ import annotations

from typing import Any

import pytest

import kernbench as kb
import kernbench.language as tl
from kernbench import ccl


def machine(sips: int, kind: str, mode: str, pes: int, standard: str) -> kb.Topology:
    """Return SIPs joined by a fabric; ``"reducing"`` is a switch that reduces (ADR-0072)."""
    fabric: dict[str, Any] = {"kind": kind, "GBps": 100, "latency_ns": 150}
    if kind == "reducing":
        fabric |= {"kind": "switch", "reduction": {"unit": "switch"}}
    return kb.Topology.from_dict(
        {
            "kernbench": 1,
            "fabric": {"mode": mode},
            "system": {
                "sips": sips,
                "fabric": fabric,
                "sip": {"cubes": [1, 1]},
                "cube": {
                    "pes": pes,
                    "noc": {"dims": [1, pes]},
                    "hbm": {"remote_ports": 1, "standard": standard},
                },
            },
        }
    )


@kb.jit
def double(x_ptr, B: tl.constexpr):
    offs = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(x_ptr + offs, 2 * tl.load(x_ptr + offs))


def run(topology: kb.Topology, collective: str, algorithm: str, data: bool) -> Any:
    """Run a collective on all SIPs beside a kernel; say what the log and the handles do."""
    with kb.Context(topology, data=data, oplog="hash", uninit="ignore") as ctx:
        size = int(topology.system["n_sips"]) if topology.system else 0
        group = ccl.Group(range(size))
        count = size * 700
        handles = []
        for rank in range(size):
            x = ctx.empty(count // size if collective == "all_gather" else count, sip=rank)
            y = ctx.empty(count // size if collective == "reduce_scatter" else count, sip=rank)
            handles.append(
                ccl.launch(
                    ctx, collective, group=group, rank=rank, input=x, output=y, algorithm=algorithm
                )
            )
        z = ctx.empty(4096)
        handles.append(double[(16,)](z, B=256))
        ctx.synchronize()
        times = [(handle.target_fs, handle.end_fs) for handle in handles]
        return ctx.oplog.hash, ctx.counters["records"], times


CASES = [
    ("ring", "train", 1, "none", "all_reduce", "ring"),
    ("ring", "flit", 2, "none", "all_reduce", "bidirectional_ring"),
    ("torus", "train", 2, "HBM3", "all_reduce", "hierarchical"),
    ("switch", "train", 1, "HBM3", "all_reduce", "halving_doubling"),
    ("switch", "train", 2, "none", "all_reduce", "double_tree"),
    ("reducing", "train", 2, "HBM3", "all_reduce", "in_switch"),
    ("reducing", "flit", 2, "none", "reduce", "in_switch"),
    ("switch", "flit", 1, "none", "all_to_all", "direct"),
    ("switch", "train", 2, "HBM3", "reduce_scatter", "direct"),
    ("ring", "train", 2, "HBM3", "all_gather", "ring"),
]


@pytest.mark.parametrize(("kind", "mode", "pes", "standard", "collective", "algorithm"), CASES)
def test_the_log_is_that_of_going_in_order_of_time(
    kind: str, mode: str, pes: int, standard: str, collective: str, algorithm: str
) -> None:
    """ADR-0069 D1, D4."""
    topology = machine(4, kind, mode, pes, standard)
    in_order = run(topology, collective, algorithm, data=True)
    assert run(topology, collective, algorithm, data=False) == in_order
