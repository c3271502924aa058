"""Random small kernels against NumPy: shapes, strides, masks, dtypes, placements, machines.

Values are small integers, so that every operation on floats is exact in both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kernbench as kb
import kernbench.language as tl

OPERATIONS = ("add", "sub", "mul", "max", "min", "where", "swap", "abs", "negate", "clip")


@kb.jit
def pipeline(  # type: ignore[no-untyped-def]
    x_ptr, y_ptr, out_ptr, sums_ptr, rows, cols, x_row, x_col, y_row, y_col, limit,
    OPS: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr,
):  # fmt: skip
    """Load two strided tiles, apply OPS, store the result and its column maxima."""
    i = tl.program_id(0) * BM + tl.arange(0, BM)
    j = tl.program_id(1) * BN + tl.arange(0, BN)
    mask = (i[:, None] < rows) & (j[None, :] < cols)
    x = tl.load(x_ptr + i[:, None] * x_row + j[None, :] * x_col, mask=mask, other=1)
    y = tl.load(y_ptr + i[:, None] * y_row + j[None, :] * y_col, mask=mask, other=2)
    for k in tl.static_range(len(OPS)):
        if OPS[k] == 0:
            x = x + y
        elif OPS[k] == 1:
            x = x - y
        elif OPS[k] == 2:
            x = tl.minimum(tl.maximum(x, -8), 8) * tl.minimum(tl.maximum(y, -8), 8)
        elif OPS[k] == 3:
            x = tl.maximum(x, y)
        elif OPS[k] == 4:
            x = tl.minimum(x, y)
        elif OPS[k] == 5:
            x = tl.where(x < y, x, y + 1)
        elif OPS[k] == 6:
            x, y = y, x
        elif OPS[k] == 7:
            x = tl.abs(x)
        elif OPS[k] == 8:
            y = -y
        else:
            x = tl.where(j[None, :] < limit, x, 3)
    tl.store(out_ptr + i[:, None] * cols + j[None, :], x, mask=mask)
    highest = tl.max(tl.where(mask, x, -100), axis=0)
    tl.store(sums_ptr + tl.program_id(0) * cols + j, highest, mask=j < cols)


def expected(
    x: npt.NDArray[Any], y: npt.NDArray[Any], ops: list[int], limit: int
) -> npt.NDArray[Any]:
    for op in ops:
        match OPERATIONS[op]:
            case "add":
                x = x + y
            case "sub":
                x = x - y
            case "mul":
                x = np.clip(x, -8, 8) * np.clip(y, -8, 8)
            case "max":
                x = np.maximum(x, y)
            case "min":
                x = np.minimum(x, y)
            case "where":
                x = np.where(x < y, x, y + 1)
            case "swap":
                x, y = y, x
            case "abs":
                x = np.abs(x)
            case "negate":
                y = -y
            case "clip":
                x = np.where(np.arange(x.shape[1]) < limit, x, 3)
        x = x.astype(y.dtype)
    return x


placements = st.sampled_from(
    [kb.Blocked(), kb.Interleaved(256), kb.Replicated(), kb.Sharded(0), kb.Sharded(1), kb.Local(1)]
)
machines = st.fixed_dictionaries(
    {},
    optional={
        "system.pe.contexts": st.sampled_from([1, 2]),
        "system.pe.sched.queue": st.sampled_from([1, 3, 64]),
        "system.cube.pes": st.sampled_from([2, 4]),
        "system.pe.dma.window": st.sampled_from([64, 1024, 16384]),
    },
)


@settings(
    max_examples=50,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    rows=st.integers(1, 40),
    cols=st.integers(1, 40),
    tile=st.tuples(st.sampled_from([1, 4, 16]), st.sampled_from([8, 16, 32])),
    ops=st.lists(st.integers(0, len(OPERATIONS) - 1), max_size=6),
    dtype=st.sampled_from([np.float32, np.float16, np.int32, np.float64]),
    transposed=st.booleans(),
    step=st.sampled_from([1, 2, 3]),
    placed=placements,
    overrides=machines,
    threads=st.sampled_from([1, 2]),
    seed=st.integers(0, 1000),
)
def test_random_kernels_equal_numpy(
    rows: int,
    cols: int,
    tile: tuple[int, int],
    ops: list[int],
    dtype: Any,
    transposed: bool,
    step: int,
    placed: kb.Placement,
    overrides: dict[str, Any],
    threads: int,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    x_all = rng.integers(-9, 10, (cols, rows) if transposed else (rows, cols)).astype(dtype)
    y_all = rng.integers(-9, 10, (rows * step, cols)).astype(dtype)
    topology = kb.Topology.preset("small", overrides)
    limit = int(rng.integers(0, cols + 1))
    bm, bn = tile
    grid = (-(-rows // bm), -(-cols // bn))
    with kb.Context(topology, replay_threads=threads) as ctx:
        x = ctx.tensor(x_all, placement=placed)
        x = x.T if transposed else x
        y = ctx.tensor(y_all)[::step]
        out = ctx.empty(rows, cols, dtype=x.dtype, placement=kb.Sharded(0))
        highest = ctx.empty(grid[0], cols, dtype=x.dtype)
        pipeline[grid](
            x, y, out, highest, rows, cols, *x.stride(), *y.stride(), limit,
            OPS=tuple(ops), BM=bm, BN=bn,
        )  # fmt: skip
        result = expected(x_all.T if transposed else x_all, y_all[::step], ops, limit)
        assert np.array_equal(out.numpy(), result)
        tops = [result[at * bm : (at + 1) * bm].max(axis=0) for at in range(grid[0])]
        assert np.array_equal(highest.numpy(), tops)
