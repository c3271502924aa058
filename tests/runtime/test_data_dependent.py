"""Kernels that decide by what they load: with data, and in timing alone (`data=False`)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import kernbench as kb
import kernbench.language as tl


@kb.jit
def collatz(x_ptr, out_ptr):  # type: ignore[no-untyped-def]
    """Loops and branches on a loaded integer, as long as it takes."""
    program = tl.program_id(0)
    x = tl.load(x_ptr + program)
    steps = 0
    while x != 1:
        if x % 2 == 0:  # noqa: SIM108 - the branch is what is tested
            x = x // 2
        else:
            x = 3 * x + 1
        steps += 1
    tl.store(out_ptr + program, steps)


@kb.jit
def ragged_sum(starts_ptr, x_ptr, out_ptr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Loop bounds and addresses from memory: row i is x[starts[i] : starts[i + 1]]."""
    row = tl.program_id(0)
    begin = tl.load(starts_ptr + row)
    end = tl.load(starts_ptr + row + 1)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for at in range(begin, end, BLOCK):
        offs = at + tl.arange(0, BLOCK)
        total += tl.load(x_ptr + offs, mask=offs < end, other=0.0)
    tl.store(out_ptr + row, tl.sum(total, axis=0))


@kb.jit
def follow(next_ptr, out_ptr, HOPS: tl.constexpr):  # type: ignore[no-untyped-def]
    """Follow a chain of loads, each at the address that a store before it gave."""
    at = tl.load(next_ptr)
    for _ in tl.static_range(HOPS):
        tl.store(out_ptr, at)
        at = tl.load(next_ptr + tl.load(out_ptr))
    tl.store(out_ptr, at)


@kb.jit
def overwrite(x_ptr):  # type: ignore[no-untyped-def]
    tl.store(x_ptr, 5)


@kb.jit
def positive(x_ptr, out_ptr):  # type: ignore[no-untyped-def]
    if tl.load(x_ptr) > 0.5:
        tl.store(out_ptr, 1)


def steps_of(x: int) -> int:
    steps = 0
    while x != 1:
        x, steps = (x // 2 if x % 2 == 0 else 3 * x + 1), steps + 1
    return steps


@pytest.mark.parametrize("data", [True, False])
def test_control_flow_by_loaded_integers(data: bool) -> None:
    values = np.array([1, 2, 3, 7, 9, 27, 6, 97], np.int32)
    with kb.Context("small", data=data) as ctx:
        out = ctx.zeros(len(values), dtype=kb.int32)
        handle = collatz[(len(values),)](ctx.tensor(values), out)
        ctx.wait(handle)
        log = ctx.oplog
        programs = log.kind == log.kinds.index("program")
        executed = dict(
            zip(log.program[programs].tolist(), log.work[programs].tolist(), strict=True)
        )
        assert executed[7] > executed[5] > executed[4] > executed[0]  # 118, 111, 19, 0 steps
        if data:
            assert out.numpy().tolist() == [steps_of(int(x)) for x in values]


def test_timing_alone_takes_the_same_time() -> None:
    """Decisions by host values of integers: the same op log with and without data."""
    starts = np.array([0, 40, 41, 300, 300, 1000], np.int32)
    values = np.random.default_rng(1).standard_normal(1000).astype(np.float32)
    hashes = []
    for data in (True, False):
        with kb.Context("small", data=data) as ctx:
            out = ctx.zeros(5)
            ragged_sum[(5,)](ctx.tensor(starts), ctx.tensor(values), out, BLOCK=64)
            ctx.synchronize()
            hashes.append((ctx.now_fs, ctx.oplog.hash))
            if data:
                parts = [values[a:b].sum() for a, b in pairwise(starts)]
                assert np.allclose(out.numpy(), parts, atol=1e-4)
    assert hashes[0] == hashes[1]


def test_what_a_kernel_stores_is_seen_by_its_loads() -> None:
    with kb.Context("small") as ctx:
        chain = ctx.tensor(np.array([3, 0, 5, 2, 9, 4, 1, 7, 6, 8], np.int32))
        out = ctx.zeros(1, dtype=kb.int32)
        follow[(1,)](chain, out, HOPS=4)
        assert out.item() == 9  # 3 -> 2 -> 5 -> 4 -> 9


def test_host_values_last_until_a_kernel_writes_them() -> None:
    with kb.Context("small", data=False) as ctx:
        x, out = ctx.tensor(np.array([3], np.int32)), ctx.zeros(1, dtype=kb.int32)
        assert x.numpy().tolist() == [3]
        collatz[(1,)](x, out)
        ctx.synchronize()
        assert ctx.counters["store_nbytes"] == x.nbytes
        overwrite[(1,)](x)
        ctx.synchronize()
        assert ctx.counters["store_nbytes"] == 0
        with pytest.raises(kb.DataUnavailableError, match=r"host read.*data=True"):
            x.numpy()
        collatz[(1,)](x, out)
        where = r"^collatz:6: a value from memory .*expected .*keep=True, got .*data=True"
        with pytest.raises(kb.DataUnavailableError, match=where) as caught:
            ctx.synchronize()
        assert isinstance(caught.value, RuntimeError)
        with pytest.raises(kb.KernbenchError, match=r"failed.*reset"):
            ctx.tensor([1])
        ctx.reset()
        assert ctx.tensor(np.array([4])).numpy().tolist() == [4]


def test_floats_decide_without_data_only_if_they_are_kept() -> None:
    with kb.Context("small", data=False) as ctx:
        kept = ctx.tensor(np.array([0.75], np.float32), keep=True)
        out = ctx.zeros(1, dtype=kb.int32)
        positive[(1,)](kept, out)
        ctx.synchronize()
        writes = ctx.oplog.kind == ctx.oplog.kinds.index("dma_write")
        assert writes.sum() == 1
        positive[(1,)](ctx.tensor(np.array([0.75], np.float32)), out)
        with pytest.raises(kb.DataUnavailableError, match=r"^positive:2: "):
            ctx.synchronize()


def test_values_that_kernels_made_do_not_decide_without_data() -> None:
    with kb.Context("small", data=False) as ctx:
        out = ctx.zeros(1, dtype=kb.int32)
        collatz[(1,)](ctx.tensor(np.array([8], np.int32)), out)
        collatz[(1,)](out, out)
        with pytest.raises(kb.DataUnavailableError, match=r"^collatz:6: "):
            ctx.synchronize()


def test_timing_alone_takes_no_memory_for_values() -> None:
    with kb.Context("small", data=False, oplog="hash") as ctx:
        before = ctx.counters["peak_nbytes"]
        x = ctx.zeros(1 << 29)  # 2 GiB of the machine's
        ctx.tensor(np.zeros(1 << 20, np.float32))
        ctx.synchronize()
        assert x.nbytes == 1 << 31
        assert ctx.counters["peak_nbytes"] - before < 1 << 20
        assert ctx.counters["store_nbytes"] == 0
