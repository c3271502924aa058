"""Launches: numbers, times, handles, and what goes wrong in kernels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import kernbench as kb
import kernbench.language as tl


@kb.jit
def add(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    total = tl.load(x_ptr + offs, mask=mask) + tl.load(y_ptr + offs, mask=mask)
    tl.store(out_ptr + offs, total, mask=mask)


@kb.jit
def unmasked(x_ptr, out_ptr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offs)
    tl.store(out_ptr + offs, x)


@pytest.fixture
def ctx() -> Iterator[kb.Context]:
    with kb.Context("small") as context:
        yield context


def run_add(ctx: kb.Context, n: int, block: int = 128) -> tuple[Any, Any, Any]:
    x = np.random.default_rng(0).standard_normal(n).astype(np.float32)
    out = ctx.empty(n)
    handle = add[(-(-n // block),)](ctx.tensor(x), ctx.tensor(2 * x), out, n, BLOCK=block)
    return x, out, handle


@pytest.mark.parametrize("n", [1, 127, 128, 1000, 65536])
def test_vector_add(ctx: kb.Context, n: int) -> None:
    x, out, handle = run_add(ctx, n)
    assert np.array_equal(out.numpy(), x + 2 * x)
    assert handle.done and handle.latency_fs > 0 and handle.late_pes == handle.busy_pes == 0
    assert handle.end_fs <= ctx.now_fs


def test_launches_are_asynchronous_and_ordered(ctx: kb.Context) -> None:
    a, b = ctx.tensor(np.ones(256, np.float32)), ctx.zeros(256)
    first = add[(2,)](a, a, b, 256, BLOCK=128)
    second = add[(2,)](b, b, b, 256, BLOCK=128)
    assert "under way" in repr(first) and "under way" in repr(second)
    ctx.synchronize()
    assert first.done and second.done and first.end_fs < second.end_fs
    assert b.numpy().tolist() == [4.0] * 256


def test_same_run_same_log(ctx: kb.Context) -> None:
    """Law L10: bit-identical logs and data, at any number of replay threads."""

    def once(**options: Any) -> tuple[int, bytes]:
        with kb.Context("small", **options) as context:
            _, out, _ = run_add(context, 3000)
            return context.oplog.hash, out.numpy().tobytes() if context.data else b""

    assert once() == once() == once(replay_threads=2)
    assert once(oplog="hash")[0] == once()[0]
    assert once(data=False)[0] != 0


def test_equal_start_on_all_pes(ctx: kb.Context) -> None:
    """Law L7."""
    _, _, handle = run_add(ctx, 4096)
    ctx.wait(handle)
    assert handle.late_pes == handle.busy_pes == 0
    log = ctx.oplog
    programs = log.kind == log.kinds.index("program")
    firsts = {int(pe): int(log.start_fs[programs & (log.pe == pe)].min()) for pe in (0, 1)}
    assert set(firsts.values()) == {handle.target_fs}


def test_reads_of_memory_never_written_where_they_are_allowed() -> None:
    with kb.Context("small", uninit="nan") as other:
        out = other.zeros(128)
        unmasked[(1,)](other.empty(128), out, BLOCK=128)
        assert np.isnan(out.numpy()).all()
    with kb.Context("small", uninit="ignore") as other:
        unmasked[(1,)](other.empty(128), other.zeros(128), BLOCK=128)
        other.synchronize()
        assert other.counters["uninit_reads"] == 128


def test_wrong_arguments_are_type_errors(ctx: kb.Context) -> None:
    x = ctx.zeros(128)
    with pytest.raises(TypeError, match="out_ptr"):
        unmasked[(1,)](x, BLOCK=128)
    with pytest.raises(TypeError, match="BLOK"):
        unmasked[(1,)](x, x, BLOK=128)
    with pytest.raises(TypeError, match="x_ptr"):
        unmasked[(1,)]("x", x, BLOCK=128)
    with pytest.raises(TypeError, match="kernbench tensor"):
        unmasked[(1,)](FakeTensor(), x, BLOCK=128)
    assert unmasked[(0,)](x, x, BLOCK=128) is None
    with pytest.raises(RuntimeError, match=r"unmasked\[grid\]"):
        unmasked(x, x, 128)


class FakeTensor:
    dtype = kb.float32

    def data_ptr(self) -> int:
        return 0


def test_no_allocation_once_warm() -> None:
    with kb.Context("small", data=False, oplog="hash") as ctx:
        x, out = ctx.zeros(4096), ctx.zeros(4096)

        def launch() -> int:
            for _ in range(20):
                add[(32,)](x, x, out, 4096, BLOCK=128)
            ctx.synchronize()
            return ctx.counters["allocations"]

        launch()
        warm = launch()
        assert launch() == warm
