"""Whole collectives of tiny messages take what their law says, to the femtosecond.

From the common start to the last commit: memory, then steps of α (the way of a message and its
tail) with the copy and the arithmetic of each, then memory.  What is added to that is the wait of a
flit for those before it, where two leave, or come, at once.
"""

from __future__ import annotations

from functools import cache

import pytest
from tiny import COPY_FS, LINK_FS, MATH_FS, PORT_FS, dma, machine, of_kind, path_fs, run

import kernbench as kb
from kernbench.ccl.tree import NOBODY, binary

STEP_FS = COPY_FS + MATH_FS
NBYTES = 4  # of a float32


def taken_fs(kind: str, collective: str, algorithm: str, size: int, count: int) -> int:
    """Return the time from the common start of all ranks to the last commit."""
    done = run(kind, collective, algorithm, size, count)
    return int(of_kind(done.log, "write")["end_fs"].max()) - done.start_fs


def alpha_fs(topology: kb.Topology) -> int:
    return path_fs(topology, dma(0), dma(1), 2)


def memory_fs(topology: kb.Topology) -> int:
    """Return what it takes to read an element of a PE's own slice, or to write one."""
    system = topology.system
    assert system is not None
    numerator, denominator = system["hbm.pc"]
    served = system["hbm.request_fs"] + system["hbm.access_fs"] + system["hbm.response_fs"]
    ways = path_fs(topology, dma(0), "sip0.cube0.hbm", 1) + path_fs(
        topology, "sip0.cube0.hbm", dma(0), 1
    )
    return int(ways + served + -(-NBYTES * numerator // denominator))


# --- rings ----------------------------------------------------------------------------------------

COMBINES = {"all_reduce": 1, "reduce_scatter": 1, "reduce": 1}
PASSES_ON = {"all_reduce": 1, "all_gather": 1, "broadcast": 1}


@pytest.mark.parametrize("size", range(2, 10))
@pytest.mark.parametrize(
    "collective", ["all_reduce", "reduce_scatter", "reduce", "all_gather", "broadcast"]
)
def test_a_ring(collective: str, size: int) -> None:
    """``p - 1`` steps each way of use; who passes on what came sends the credit first."""
    topology = machine(size, "ring")
    alpha, steps = alpha_fs(topology), size - 1
    law_fs = 2 * memory_fs(topology)
    law_fs += COMBINES.get(collective, 0) * steps * (alpha + STEP_FS)
    law_fs += PASSES_ON.get(collective, 0) * (steps * (alpha + COPY_FS) + (steps - 1) * PORT_FS)
    count = 1 if collective in ("reduce", "broadcast") else size
    assert taken_fs("ring", collective, "ring", size, count) == law_fs


# --- direct: a switch joins all ------------------------------------------------------------------


@pytest.mark.parametrize("size", range(2, 10))
@pytest.mark.parametrize(
    ("collective", "algorithm"),
    [
        ("all_reduce", "one_shot"),
        ("reduce_scatter", "direct"),
        ("all_gather", "direct"),
        ("all_to_all", "direct"),
    ],
)
def test_direct(collective: str, algorithm: str, size: int) -> None:
    """One step: the last of ``p - 1`` messages of two flits waits for the others."""
    topology = machine(size, "switch")
    law_fs = 2 * memory_fs(topology) + alpha_fs(topology) + (size - 2) * 2 * LINK_FS + COPY_FS
    law_fs += COMBINES.get(collective, 0) * (size - 1) * MATH_FS
    count = 1 if algorithm == "one_shot" else size
    assert taken_fs("switch", collective, algorithm, size, count) == law_fs


@pytest.mark.parametrize("size", range(2, 10))
def test_direct_in_two_steps(size: int) -> None:
    """One element is the first rank's chunk: all tails come behind all data, and totals leave."""
    topology = machine(size, "switch")
    together_fs = (size - 2) * LINK_FS + COPY_FS + (size - 1) * MATH_FS
    back_fs = (size - 2) * 2 * LINK_FS + COPY_FS
    law_fs = 2 * memory_fs(topology) + 2 * alpha_fs(topology) + together_fs + back_fs
    assert taken_fs("switch", "all_reduce", "two_shot", size, 1) == law_fs


# --- trees ----------------------------------------------------------------------------------------


def up_fs(size: int, alpha: int) -> int:
    """Return when the root of a tree has the total, from when all have read."""

    @cache
    def ready_fs(rank: int) -> int:
        _, left, right = binary(rank, size)
        total_fs = 0
        first, second = (
            ready_fs(child) + alpha if child != NOBODY else None for child in (left, right)
        )
        if first is not None:
            if first == second:
                first, second = first + LINK_FS, second + 2 * LINK_FS  # their flits take turns
            total_fs = first + STEP_FS
        if second is not None:
            total_fs = max(total_fs, second + COPY_FS) + MATH_FS
        return total_fs

    return ready_fs(0)


def down_fs(size: int, alpha: int) -> int:
    """Return when the last rank has what the root sends."""

    def last_fs(rank: int) -> int:
        parent, left, right = binary(rank, size)
        leaves_fs = LINK_FS if parent != NOBODY else 0  # behind the credit
        latest_fs = 0
        for child in (left, right):
            if child != NOBODY:
                latest_fs = max(latest_fs, leaves_fs + alpha + COPY_FS + last_fs(child))
                leaves_fs += 2 * LINK_FS
        return latest_fs

    return last_fs(0)


@pytest.mark.parametrize("size", range(2, 10))
@pytest.mark.parametrize(
    ("collective", "algorithm", "ways"),
    [
        ("reduce", "tree", (up_fs,)),
        ("broadcast", "tree", (down_fs,)),
        ("all_reduce", "double_tree", (up_fs, down_fs)),
    ],
)
def test_a_tree(collective: str, algorithm: str, ways: tuple[object, ...], size: int) -> None:
    """``log2 p`` steps each way; one element goes by the first of the two trees."""
    topology = machine(size, "switch")
    alpha = alpha_fs(topology)
    law_fs = 2 * memory_fs(topology) + sum(way(size, alpha) for way in ways)  # type: ignore[operator]
    assert taken_fs("switch", collective, algorithm, size, 1) == law_fs


# --- halving and doubling ------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_halving_and_doubling(steps: int) -> None:
    """``2 log2 p`` steps; between two of them what was combined goes through memory."""
    size = 1 << steps
    topology = machine(size, "switch")
    alpha, memory = alpha_fs(topology), memory_fs(topology)
    law_fs = steps * (alpha + STEP_FS) + steps * (alpha + COPY_FS) + 2 * steps * 2 * memory
    assert taken_fs("switch", "all_reduce", "halving_doubling", size, 1) == law_fs
