"""The laws of launches, engines and order (ADR-0033): L7, L8, L10, L11, read from the op log."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import kernbench as kb
import kernbench.language as tl

from .chains import FS_PER_NS


@kb.jit
def matmul(a_ptr, b_ptr, c_ptr, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):  # type: ignore[no-untyped-def]
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    cols = tl.program_id(1) * BN + tl.arange(0, BN)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, K, BK):
        ks = k + tl.arange(0, BK)
        a = tl.load(a_ptr + rows[:, None] * K + ks[None, :])
        b = tl.load(b_ptr + ks[:, None] * N + cols[None, :])
        acc = tl.dot(a, b, acc)
    tl.store(c_ptr + rows[:, None] * N + cols[None, :], acc)


@kb.jit
def repeated_dot(
    a_ptr, b_ptr, c_ptr, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr, R: tl.constexpr
):  # type: ignore[no-untyped-def]
    rows, cols, ks = tl.arange(0, M), tl.arange(0, N), tl.arange(0, K)
    a = tl.load(a_ptr + rows[:, None] * K + ks[None, :])
    b = tl.load(b_ptr + ks[:, None] * N + cols[None, :])
    acc = tl.zeros((M, N), dtype=tl.float32)
    for _ in tl.static_range(R):
        acc = tl.dot(a, b, acc)
    tl.store(c_ptr + rows[:, None] * N + cols[None, :], acc)


@kb.jit
def scale(x_ptr, out_ptr, factor, n, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out_ptr + offs, tl.load(x_ptr + offs, offs < n) * factor, offs < n)


@kb.jit
def nothing():  # type: ignore[no-untyped-def]
    pass


def of_kind(ctx: kb.Context, kind: str) -> npt.NDArray[Any]:
    table = ctx.oplog.to_numpy()
    return table[table["kind"] == ctx.oplog.kinds.index(kind)]


# --- L7: the start barrier -----------------------------------------------------------------------


@pytest.mark.parametrize("overrides", [{}, {"system.sip.cubes": [3, 2], "system.cube.pes": 4}])
def test_l7_all_pes_start_at_one_instant(overrides: dict[str, Any]) -> None:
    topology = kb.Topology.preset("small", overrides)
    with kb.Context(topology, data=False) as ctx:
        handle = nothing[kb.each_pe]()
        ctx.wait(handle)
        assert handle.late_pes == handle.busy_pes == 0
        programs = of_kind(ctx, "program")
        system = topology.system
        assert system is not None
        assert len(programs) == system["n_pes"] * system["cubes_x"] * system["cubes_y"]
        assert set(programs["start_fs"].tolist()) == {handle.target_fs}
        assert len(set(programs["pe"].tolist())) == len(programs)


def test_l7_launches_of_a_stream_start_one_after_another() -> None:
    with kb.Context("small", data=False) as ctx:
        x = ctx.zeros(1 << 16)
        handles = [scale[(64,)](x, x, 2.0, 1 << 16, BLOCK=1024) for _ in range(5)]
        ctx.synchronize()
        programs = of_kind(ctx, "program")
        for before, after in pairwise(handles):
            ended = programs["end_fs"][programs["launch"] == before.launch].max()
            assert ended < after.target_fs
        for handle in handles:
            own = programs[programs["launch"] == handle.launch]
            assert set(own["start_fs"][own["program"] % 32 == 0].tolist()) == {handle.target_fs}


# --- L8: the time of a GEMM ----------------------------------------------------------------------


def gemm_fs(system: Any, m: int, n: int, k: int, nbytes: int, rate: Fraction, fills: bool) -> int:
    """Max(compute, operand bytes / TCM bandwidth) + fill, rounded up once."""
    group = {name: system[f"pe_gemm.{name}"] for name in ("m", "n", "k", "fill_cycles")}
    compute = ceil(m / group["m"]) * ceil(n / group["n"]) * ceil(k / group["k"]) / rate
    operands = Fraction((m * k + k * n) * nbytes, system["pe_tcm.bytes_per_cycle"])
    cycles = max(compute, operands) + (group["fill_cycles"] if fills else 0)
    return ceil(cycles * Fraction(*system["pe.clock"]))


@pytest.mark.parametrize("dtype", [kb.float16, kb.float32, kb.float8e5])
@pytest.mark.parametrize("seed", range(8))
def test_l8_time_of_a_gemm(dtype: Any, seed: int) -> None:
    rng = random.Random(seed)
    m, n, k = (rng.choice([16, 32, 64, 128]) for _ in range(3))
    array = {"system.pe.gemm.m": rng.choice([16, 64]), "system.pe.gemm.k": rng.choice([1, 4])}
    topology = kb.Topology.preset("small", array)
    rates = {kb.float16: "rate_fp16", kb.float32: "rate_fp32", kb.float8e5: "rate_fp8"}
    with kb.Context(topology, data=False) as ctx:
        a, b = ctx.zeros(m, k, dtype=dtype), ctx.zeros(k, n, dtype=dtype)
        repeated_dot[(1,)](a, b, ctx.zeros(m, n), M=m, N=n, K=k, R=4)
        ctx.synchronize()
        gemms = of_kind(ctx, "gemm")
        assert topology.system is not None
        rate = Fraction(*topology.system[f"pe_gemm.{rates[dtype]}"])
        times = (gemms["end_fs"] - gemms["start_fs"]).tolist()
        fills = [True, *(gemms["start_fs"][1:] > gemms["end_fs"][:-1]).tolist()]
        expected = [gemm_fs(topology.system, m, n, k, dtype.itemsize, rate, f) for f in fills]
        assert times == expected
        assert gemms["work"].tolist() == [m * n * k] * 4
        assert gemms["nbytes"].tolist() == [(m * k + k * n) * dtype.itemsize] * 4


# --- L10: determinism ----------------------------------------------------------------------------


def run_everything(topology: str | kb.Topology = "small", **options: Any) -> tuple[int, bytes]:
    """Run a matrix product and an element-wise kernel; the log's hash and the values."""
    rng = np.random.default_rng(7)
    with kb.Context(topology, **options) as ctx:
        a = ctx.tensor(rng.standard_normal((96, 128)).astype(np.float16))
        b = ctx.tensor(rng.standard_normal((128, 64)).astype(np.float16))
        c, d = ctx.zeros(96, 64), ctx.zeros(96, 64)
        matmul[(3, 2)](a, b, c, 96, 64, 128, BM=32, BN=32, BK=32)
        scale[(7,)](c, d, 1.7, 96 * 64, BLOCK=1024)
        ctx.synchronize()
        return ctx.oplog.hash, d.numpy().tobytes() if ctx.data else b""


def instruction_sets() -> list[str]:
    found = []
    for isa in ("portable", "avx2", "avx512", "neon"):
        try:
            kb.Context("small", isa=isa)
            found.append(isa)
        except ValueError:
            continue
    return found


def test_l10_the_same_log_and_data() -> None:
    log, values = run_everything()
    assert (log, values) == run_everything()
    for threads in (1, 2, 5):
        assert (log, values) == run_everything(replay_threads=threads)
    sets = instruction_sets()
    assert "portable" in sets and len(sets) >= 1
    for isa in sets:
        assert (log, values) == run_everything(isa=isa, replay_threads=2)
    assert (log, values) == run_everything(kb.Topology.preset("small", {"fabric.mode": "flit"}))
    assert run_everything(data=False)[0] == log
    assert run_everything(oplog="hash")[0] == log


def test_l10_in_another_process_and_under_another_instruction_set() -> None:
    root = Path(__file__).parents[2]
    script = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from model.test_engine_laws import run_everything\n"
        "import kernbench as kb\n"
        "log, values = run_everything()\n"
        "print(log, values.hex(), kb.Context('small')._engine.isa)\n"
    )
    environment = {**os.environ, "KERNBENCH_ISA": "portable", "PYTHONHASHSEED": "1"}
    out = subprocess.run(
        [sys.executable, "-c", script, str(root / "tests"), str(root)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    log, values, isa = out.split()
    assert isa == "portable"
    assert (int(log), bytes.fromhex(values)) == run_everything()


def test_l10_the_hash_sees_what_was_run() -> None:
    hashes = set()
    for n in (1024, 1025, 2048):
        with kb.Context("small", data=False) as ctx:
            scale[(2,)](ctx.zeros(2048), ctx.zeros(2048), 2.0, n, BLOCK=1024)
            ctx.synchronize()
            hashes.add(ctx.oplog.hash)
    assert len(hashes) == 3


# --- L11: order ----------------------------------------------------------------------------------


def test_l11_two_kernels_over_one_range_of_tcm_replayed_at_the_end() -> None:
    """The second kernel's tiles lie where the first one's did; values are computed after both."""
    x = np.random.default_rng(2).standard_normal(4096).astype(np.float32)
    with kb.Context("small") as ctx:
        source, once, twice = ctx.tensor(x), ctx.zeros(4096), ctx.zeros(4096)
        scale[(4,)](source, once, 3.0, 4096, BLOCK=1024)
        last = scale[(4,)](once, twice, 5.0, 4096, BLOCK=1024)
        ctx.wait(last)  # timing alone so far: nothing is replayed
        assert len(ctx.oplog) > 20
        ctx.replay()
        assert np.array_equal(once.numpy(), x * np.float32(3))
        assert np.array_equal(twice.numpy(), x * np.float32(3) * np.float32(5))


@kb.jit
def increment(x_ptr, times, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Increment in memory: each load must see the store before it."""
    offs = tl.arange(0, BLOCK)
    for i in range(times):
        at = x_ptr + offs + (i % 3)
        tl.store(at, tl.load(at) + 1)


def test_l11_loads_see_the_stores_before_them() -> None:
    expected = np.zeros(130, np.int32)
    for i in range(50):
        expected[i % 3 : i % 3 + 128] += 1
    with kb.Context("small") as ctx:
        x = ctx.zeros(130, dtype=kb.int32)
        increment[(1,)](x, 50, BLOCK=128)
        assert np.array_equal(x.numpy(), expected)
        reads, writes = of_kind(ctx, "dma_read"), of_kind(ctx, "dma_write")
        assert (reads["start_fs"][1:] >= writes["end_fs"][:-1]).all()


def test_l11_records_are_in_order_of_completion() -> None:
    with kb.Context("small") as ctx:
        x = ctx.tensor(np.ones(8192, np.float32))
        scale[(32,)](x, x, 2.0, 8192, BLOCK=256)
        ctx.synchronize()
        table = ctx.oplog.to_numpy()
        assert (np.diff(table["end_fs"]) >= 0).all()
        assert (table["start_fs"] <= table["end_fs"]).all()
        moved = table[np.isin(table["kind"], [ctx.oplog.kinds.index(k) for k in ("dma_read",)])]
        assert moved["nbytes"].sum() == x.nbytes
        assert (np.diff(moved["end_fs"]) >= 0).all()


def test_raw_traffic_starts_at_its_time() -> None:
    with kb.Context("small") as ctx:
        handle = ctx.transfer("host", "sip0.io.cpu", nbytes=64, at_fs=7 * FS_PER_NS)
        assert handle.start_fs == 7 * FS_PER_NS
