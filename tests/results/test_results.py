"""Roofline, tables and summaries, on op logs made by hand."""

from __future__ import annotations

import doctest
from fractions import Fraction

import pytest
from made_logs import oplog, record

import kernbench as kb
import kernbench.language as tl
from kernbench import _core, tables
from kernbench.results import roofline, summarize
from kernbench.results.roofline import peak_bytes_per_s, peak_flops, peak_math_ops

DTYPES = _core.kir_tables()["dtypes"]
SYSTEM = kb.Topology.preset("default").system
assert SYSTEM is not None


def test_examples_in_docstrings_hold() -> None:
    assert doctest.testmod(tables).failed == 0


@pytest.mark.parametrize(
    ("dtype", "tflops"),
    [
        ("float16", Fraction("1048.576")),
        ("bfloat16", Fraction("1048.576")),
        ("float8e5", Fraction("2097.152")),
        ("int8", Fraction("2097.152")),
        ("float32", Fraction("262.144")),
        ("float64", Fraction("65.536")),
    ],
)
def test_peaks_are_exact(dtype: str, tflops: Fraction) -> None:
    """128 PEs x 64 x 64 multiply-adds x 2 x 1 GHz x the dtype's rate."""
    assert peak_flops(SYSTEM, dtype) == tflops * 10**12
    assert peak_bytes_per_s(SYSTEM) == Fraction("13107.2") * 10**9
    assert peak_math_ops(SYSTEM, "float16") == 128 * 128 * 10**9
    assert peak_math_ops(SYSTEM, "float32") == 128 * 64 * 10**9


def logged() -> list[dict[str, int]]:
    fp16, fp32 = DTYPES.index("float16"), DTYPES.index("float32")
    return [
        record("launch", 0, 10**9, launch=0),
        record("program", 0, 10**9, launch=0, pe=0),
        record("dma_read", 0, 10**8, launch=0, pe=0, dtype=fp16, nbytes=2 * 10**6),
        record("gemm", 0, 10**9, launch=0, pe=0, dtype=fp32, work=10**8),
        record("math", 0, 10**9, launch=0, pe=0, dtype=fp32, work=10**3),
        record("dma_write", 0, 10**8, launch=0, pe=0, dtype=fp32, nbytes=10**6),
    ]


def test_the_roofline_of_a_gemm() -> None:
    line = roofline(oplog(logged()), kb.Topology.preset("default"))
    assert line is not None
    assert (line.engine, line.dtype, line.n_sips) == ("GEMM", "float16", 1)
    assert (line.ops, line.nbytes, line.time_fs) == (2 * 10**8, 3 * 10**6, 10**9)
    assert line.ops_per_s == pytest.approx(2e14) and line.bytes_per_s == pytest.approx(3e12)
    assert line.intensity == pytest.approx(66.67, rel=1e-3) and line.ridge == pytest.approx(80)
    assert line.bound == "memory" and "memory is the roof" in str(line)
    assert "200.0 of 1,049 TFLOPS (19.1%), 3,000 of 13,107 GB/s (22.9%)" in str(line)


def test_the_roofline_counts_sips_and_overlapping_launches_once() -> None:
    second = [
        record("launch", 5 * 10**8, 15 * 10**8, launch=1),
        record("program", 6 * 10**8, 14 * 10**8, launch=1, pe=128),
    ]
    line = roofline(oplog(logged() + second), kb.Topology.preset("default"))
    assert line is not None
    assert (line.n_sips, line.time_fs) == (2, 15 * 10**8)
    assert line.peak_bytes_per_s == pytest.approx(2 * 13107.2e9)


def test_without_a_launch_there_is_no_roofline() -> None:
    assert roofline(oplog([]), kb.Topology.preset("default")) is None


@kb.jit
def scale(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    tl.store(y_ptr + offs, tl.exp(tl.load(x_ptr + offs, mask=mask)), mask=mask)


def test_profiles_of_overlapping_submissions_add_up() -> None:
    n = 50_000
    with kb.Context("small", data=False, uninit="ignore") as ctx:
        x, y = ctx.empty((n,)), ctx.empty((n,))
        launches = [scale[(-(-n // 4096),)](x, y, n, BLOCK=4096) for _ in range(3)]
        ctx.synchronize()
        summary = summarize(ctx, 0.0, "")
        for launch in launches:
            profile = launch.profile()
            assert sum(profile.breakdown_fs.values()) == profile.latency_fs == launch.latency_fs
            assert (profile.n_programs, profile.n_pes) == (13, 2)
            assert profile.nbytes_read == profile.nbytes_written == 4 * n
            assert profile.math_elements == 13 * 4096
    assert sum(summary.breakdown_fs.values()) == summary.simulated_fs
    assert [launch.nbytes for launch in summary.launches] == 3 * [8 * n]
    overlapped = sum(launch.latency_fs for launch in launches)
    in_launches = summary.simulated_fs - summary.breakdown_fs["host"]
    assert in_launches < overlapped
    assert summary.roofline is not None and summary.roofline.time_fs == in_launches


def test_a_summary_agrees_with_its_context() -> None:
    with kb.Context("small", data=False) as ctx:
        ctx.tensor([1.0] * 100)
        ctx.synchronize()
        summary = summarize(ctx, 0.5, "1.2.3")
        assert summary.simulated_fs == ctx.now_fs == sum(summary.breakdown_fs.values())
        assert summary.breakdown_fs["copy"] > 0 and summary.breakdown_fs["host"] == 2 * 10**9
        assert summary.oplog_hash == ctx.oplog.hash
    assert summary.launches == () and summary.roofline is None and summary.longest is None
    assert summary.to_json()["wall_s"] == 0.5 and summary.to_json()["version"] == "1.2.3"
    assert "copy" in str(summary) and "roofline" not in str(summary)


def test_an_op_log_as_a_data_frame() -> None:
    with kb.Context("small") as ctx:
        ctx.tensor([1.0, 2.0])
        frame = ctx.oplog.to_pandas()
        assert list(frame.columns) == list(ctx.oplog.columns)
        assert len(frame) == len(ctx.oplog) > 0
        assert frame["end_fs"].tolist() == ctx.oplog.columns["end_fs"].tolist()
