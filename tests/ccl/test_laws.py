"""The laws of collectives: 64 MiB within 5 % of n / B, on the idle fabric that each is made for.

B is what a rank's ports that the algorithm uses carry.  The PEs of this machine keep up with the
fabric: what is measured is the algorithm.  No result is below the lower bound.
"""

from __future__ import annotations

import itertools

import pytest
from one_pe import RATE, of_one_pe

import kernbench as kb
from kernbench import ccl

NBYTES = 64 << 20
RANKS = 8


def machine(sips: int, kind: str, miss_ns: int = 0, call_ns: int = 0) -> kb.Topology:
    pe = {
        "clock_ghz": 2,
        "comm_tcm": 1 << 21,
        "dma": {"window": 65536},
        "mmu": {"miss_ns": miss_ns},
    }
    return of_one_pe(sips, kind, pe, call_ns=call_ns)


def simulated_ns(
    kind: str,
    collective: str,
    algorithm: str,
    size: int,
    nbytes: int,
    miss_ns: int = 0,
    call_ns: int = 0,
) -> float:
    """Return the time from the last rank's start to the last response, timing alone."""
    with kb.Context(machine(size, kind, miss_ns, call_ns), data=False, oplog="hash") as ctx:
        group = ccl.Group(range(size))
        count = nbytes // 4
        part = count // size
        handles = []
        for rank in range(size):
            small_in = collective in ("all_gather", "gather")
            small_out = collective in ("reduce_scatter", "scatter")
            x = ctx.empty(part if small_in else count, sip=rank)
            y = ctx.empty(part if small_out else count, sip=rank)
            rooted = collective in ("gather", "scatter") and rank != 0
            handles.append(
                ccl.launch(
                    ctx,
                    collective,
                    group=group,
                    rank=rank,
                    input=None if rooted and collective == "scatter" else x,
                    output=None if rooted and collective == "gather" else y,
                    algorithm=algorithm,
                )
            )
        ctx.synchronize()
        first = max(handle.target_fs for handle in handles)
        return (max(handle.end_fs for handle in handles) - first) / 1e6


P = RANKS
LAWS = [
    ("ring", "all_reduce", "ring", 2 * (P - 1) / P, 1),
    ("ring", "all_gather", "ring", (P - 1) / P, 1),
    ("ring", "reduce_scatter", "ring", (P - 1) / P, 1),
    ("ring", "broadcast", "ring", 1, 1),
    ("ring", "reduce", "ring", 1, 1),
    ("ring", "all_reduce", "bidirectional_ring", 2 * (P - 1) / P, 2),
    ("ring", "all_gather", "bidirectional_ring", (P - 1) / P, 2),
    ("ring", "reduce_scatter", "bidirectional_ring", (P - 1) / P, 2),
    ("switch", "all_reduce", "halving_doubling", 2 * (P - 1) / P, 1),
    ("switch", "all_reduce", "two_shot", 2 * (P - 1) / P, 1),
    ("switch", "all_reduce", "double_tree", 2, 1),
    ("torus", "all_reduce", "hierarchical", 2 * (P - 1) / P, 1),
    ("reducing", "all_reduce", "in_switch", 1, 1),
    ("reducing", "reduce", "in_switch", 1, 1),
    ("switch", "all_gather", "direct", (P - 1) / P, 1),
    ("switch", "reduce_scatter", "direct", (P - 1) / P, 1),
    ("switch", "all_to_all", "direct", (P - 1) / P, 1),
    ("switch", "all_reduce", "one_shot", P - 1, 1),
    ("switch", "gather", "direct", (P - 1) / P, 1),
    ("switch", "scatter", "direct", (P - 1) / P, 1),
    ("switch", "broadcast", "tree", 2, 1),  # who has two children sends all of it twice
    ("switch", "reduce", "tree", 2, 1),  # or takes it twice
]


def test_every_algorithm_has_its_law() -> None:
    known = {(collective, name) for _, collective, name, *_ in LAWS}
    every = {(each, name) for each in ccl.COLLECTIVES for name in ccl.algorithms(each)}
    assert every - known == {("send", "direct"), ("recv", "direct")}  # law L9 is theirs


@pytest.mark.parametrize(("kind", "collective", "algorithm", "share", "ports"), LAWS)
def test_64_mib_take_their_bytes_over_the_rate(
    kind: str, collective: str, algorithm: str, share: float, ports: int
) -> None:
    law_ns = share * NBYTES / (RATE * ports)
    found_ns = simulated_ns(kind, collective, algorithm, RANKS, NBYTES)
    assert law_ns <= found_ns <= 1.05 * law_ns


@pytest.mark.parametrize(("miss_ns", "call_ns"), [(5, 0), (20, 0), (300, 0), (0, 200), (0, 2000)])
def test_who_starts_a_little_later_does_not_slow_an_exchange_down(
    miss_ns: int, call_ns: int
) -> None:
    """ADR-0066 D5: credits wait behind data, and a rank that is late finds slots all the same."""
    law_ns = 2 * (P - 1) / P * NBYTES / RATE
    found_ns = simulated_ns(
        "switch", "all_reduce", "halving_doubling", RANKS, NBYTES, miss_ns, call_ns
    )
    assert law_ns <= found_ns <= 1.05 * law_ns


def test_each_step_of_a_ring_adds_its_latency() -> None:
    """Of tiny messages: ``2 (p - 1)`` steps, so two more for each rank, of one length."""
    times = [simulated_ns("ring", "all_reduce", "ring", size, 4 * size) for size in range(4, 8)]
    steps = {round((b - a) * 1e6) for a, b in itertools.pairwise(times)}
    assert max(steps) - min(steps) <= 2_000_000  # two nanoseconds: who is told of its start when
