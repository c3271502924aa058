"""Whole collectives of tiny messages take what their law says, to the femtosecond.

From the common start to the last commit: memory, then steps of α (the way of a message and its
tail) with the copy and the arithmetic of each, then memory.  What is added to that is the wait of a
flit for those before it, where two leave, or come, at once.
"""

from __future__ import annotations

from functools import cache

import pytest
from tiny import (
    ADDER_FS,
    ADDER_LATENCY_FS,
    COPY_FS,
    LINK_FS,
    MATH_FS,
    PORT_FS,
    dma,
    machine,
    of_kind,
    path_fs,
    run,
)

import kernbench as kb
from kernbench.ccl.tree import NOBODY, binary

STEP_FS = COPY_FS + MATH_FS
NBYTES = 4  # of a float32


def taken_fs(
    kind: str,
    collective: str,
    algorithm: str,
    size: int,
    count: int,
    dims: tuple[int, int] | None = None,
) -> int:
    """Return the time from the common start of all ranks to the last commit."""
    done = run(kind, collective, algorithm, size, count, dims)
    return int(of_kind(done.log, "write")["end_fs"].max()) - done.start_fs


def alpha_fs(topology: kb.Topology) -> int:
    return path_fs(topology, dma(0), dma(1), 2)


def memory_fs(topology: kb.Topology, count: int = 1) -> int:
    """Return what it takes to read elements of a PE's own slice, or to write them."""
    system = topology.system
    assert system is not None
    numerator, denominator = system["hbm.pc"]
    served = system["hbm.request_fs"] + system["hbm.access_fs"] + system["hbm.response_fs"]
    ways = path_fs(topology, dma(0), "sip0.cube0.hbm", 1) + path_fs(
        topology, "sip0.cube0.hbm", dma(0), 1
    )
    return int(ways + served + -(-count * NBYTES * numerator // denominator))


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


@pytest.mark.parametrize("size", range(2, 10))
@pytest.mark.parametrize("collective", ["all_reduce", "reduce_scatter", "all_gather"])
@pytest.mark.parametrize("ways", [1, 2])
def test_a_ring_both_ways(ways: int, collective: str, size: int) -> None:
    """An element of each chunk goes forth; of two, the second turns back, behind the first.

    Where values are combined, the one that turns back is as much later as that takes.  So its
    credit meets the other way's data on their link, late by that flit at every second step.
    """
    topology = machine(size, "ring")
    alpha, steps = alpha_fs(topology), size - 1
    law_fs = 2 * memory_fs(topology)
    law_fs += COMBINES.get(collective, 0) * steps * (alpha + STEP_FS)
    law_fs += PASSES_ON.get(collective, 0) * (steps * (alpha + COPY_FS) + (steps - 1) * PORT_FS)
    if ways == 2 and collective in COMBINES:
        law_fs += MATH_FS + (steps - 1) // 2 * LINK_FS
    elif ways == 2:
        law_fs += COPY_FS if size > 2 else 2 * LINK_FS  # of two, both ways are one link
    assert taken_fs("ring", collective, "bidirectional_ring", size, ways * size) == law_fs


# --- rows and columns -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "rows"), [(2, 2), (3, 2), (4, 2), (2, 4), (3, 3), (5, 2), (4, 3), (4, 4)]
)
def test_rings_of_rows_and_of_columns(columns: int, rows: int) -> None:
    """Combined along the row, combined and passed on along the column, passed on along the row.

    A rank's element of the column lies in its chunk of the row, of one for each row; in between,
    what was combined goes through memory.
    """
    size = columns * rows
    topology = machine(size, "torus", (columns, rows))
    alpha = alpha_fs(topology)
    one, chunk = memory_fs(topology), memory_fs(topology, rows)

    def passed_on_fs(ranks: int) -> int:
        return (ranks - 1) * (alpha + COPY_FS) + (ranks - 2) * PORT_FS

    row_fs = chunk + (columns - 1) * (alpha + STEP_FS) + chunk
    column_fs = one + (rows - 1) * (alpha + STEP_FS) + passed_on_fs(rows) + one
    back_fs = chunk + passed_on_fs(columns) + chunk
    found_fs = taken_fs("torus", "all_reduce", "hierarchical", size, size, (columns, rows))
    assert found_fs == row_fs + column_fs + back_fs


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


def halving_and_doubling_fs(size: int, alpha: int, memory: int) -> int:
    """Return when the last rank has the total of one element, from when all begin.

    What was combined, or came, goes through memory.  Messages that leave a rank together, or come
    to it, are two flits apart.
    """
    power = 1 << (size.bit_length() - 1)
    beyond, half = size - power, power // 2
    there_fs = [0] * size  # when a rank's value is in its memory
    for rank in range(beyond):  # the ranks beyond the power of 2 give theirs first
        meets = rank < half and rank + half >= beyond  # and so does who comes first in the halving
        there_fs[rank] = memory + alpha + 2 * LINK_FS * meets + STEP_FS + memory
    bit = half
    while bit:
        for rank in range(bit):
            came_fs = there_fs[rank + bit] + memory + alpha + COPY_FS
            there_fs[rank] = max(came_fs, there_fs[rank] + memory) + MATH_FS + memory
        bit //= 2
    gives = [
        (src, src + (1 << step)) for step in range(half.bit_length()) for src in range(1 << step)
    ]
    n_left = [0] * power
    for src, dst in gives + [(rank, rank + power) for rank in range(beyond)]:
        leaves_fs = there_fs[src] + memory + n_left[src] * 2 * LINK_FS
        there_fs[dst] = leaves_fs + alpha + COPY_FS + memory
        n_left[src] += 1
    return max(there_fs)


@pytest.mark.parametrize("size", range(2, 18))
def test_halving_and_doubling(size: int) -> None:
    """``2 log2 p`` steps; ranks beyond a power of 2 cost what those with a partner wait."""
    topology = machine(size, "switch")
    alpha, memory = alpha_fs(topology), memory_fs(topology)
    law_fs = halving_and_doubling_fs(size, alpha, memory)
    steps = size.bit_length() - 1
    if size == 1 << steps:
        assert law_fs == steps * (alpha + STEP_FS + alpha + COPY_FS + 4 * memory)
    assert taken_fs("switch", "all_reduce", "halving_doubling", size, 1) == law_fs


# --- in the switch --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", range(2, 10))
@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize("collective", ["all_reduce", "reduce"])
def test_in_the_switch(collective: str, count: int, size: int) -> None:
    """Up, ``n / rate`` and the adders' latency, and down: as long for any number of ranks."""
    topology = machine(size, "reducing")
    up_fs = path_fs(topology, dma(0), "fabric.switch", 1)
    down_fs = path_fs(topology, "fabric.switch", dma(0), 1)
    adding_fs = count * NBYTES * ADDER_FS + ADDER_LATENCY_FS
    law_fs = 2 * memory_fs(topology, count) + up_fs + adding_fs + down_fs + COPY_FS
    assert taken_fs("reducing", collective, "in_switch", size, count) == law_fs
