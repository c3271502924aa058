"""Idioms of public kernels, one by one."""

from __future__ import annotations

import numpy as np
from running import run

import kernbench.language as tl

LOG2E: tl.constexpr = 1.44269504


@tl.jit
def idioms(x_ptr, y_ptr, bias_ptr, out_ptr, scale, M, HAS_BIAS: tl.constexpr, B: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    offs = tl.arange(0, B)
    mask = (offs < M) & (row >= 0)
    x = tl.load(x_ptr + row * M + offs, mask, 0.0).to(tl.float32)
    y = tl.load(y_ptr + row * M + tl.max_contiguous(tl.multiple_of(offs, B), B), mask, other=0)
    if HAS_BIAS:
        x += tl.load(bias_ptr + row).to(tl.float32)
    elif bias_ptr is not None:
        tl.static_assert(False, "not reached")
    z = tl.where(mask, x * scale, float("-inf"))
    m = tl.max(z, axis=0, keep_dims=True)
    p = tl.exp2((z - m) * LOG2E)
    total = tl.sum(p)[None]
    result = p / total + 1.0 / (1 + tl.cast(y, tl.float32)) ** 2.0
    if row % 2 == 1:
        result = -result
    tl.store(out_ptr + row * M + offs, result.to(out_ptr.dtype.element_ty), mask=mask)
    tl.static_assert(x_ptr.type.element_ty == tl.float16 and result.type.scalar == tl.float32)
    tl.static_assert(result.shape[0] == B and result.numel == B and len(result.shape) == 1)


def test_idioms():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 10)).astype(np.float16)
    y = rng.integers(0, 5, (3, 10)).astype(np.uint8)
    bias = rng.standard_normal(3).astype(np.float32)
    for has_bias in (True, False):
        out = np.zeros((3, 10), np.float32)
        run(idioms, 3, x, y, bias if has_bias else None, out, 0.5, 10, HAS_BIAS=has_bias, B=16)
        z = (x.astype(float) + (bias[:, None] if has_bias else 0)) * 0.5
        p = np.exp(z - z.max(1, keepdims=True))
        expected = p / p.sum(1, keepdims=True) + 1 / (1 + y.astype(float)) ** 2
        expected[1] *= -1
        np.testing.assert_allclose(out, expected, rtol=1e-5)


@tl.jit
def grouped_order(out_ptr, SIZE_M: tl.constexpr, SIZE_N: tl.constexpr, GROUP: tl.constexpr):
    pid = tl.program_id(0)
    i, j = tl.swizzle2d(pid // SIZE_N, pid % SIZE_N, SIZE_M, SIZE_N, GROUP)
    tl.store(out_ptr + pid, i * 10 + j)


def test_swizzle2d():
    out = np.zeros(16, np.int32)
    run(grouped_order, 16, out, SIZE_M=4, SIZE_N=4, GROUP=2)
    expected = [0, 10, 1, 11, 2, 12, 3, 13, 20, 30, 21, 31, 22, 32, 23, 33]
    np.testing.assert_array_equal(out, expected)


@tl.jit
def two_dimensional_grid(out_ptr, N: tl.constexpr):
    i, j, k = tl.program_id(0), tl.program_id(1), tl.program_id(axis=2)
    place = (i * tl.num_programs(1) + j) * tl.num_programs(2) + k
    tl.store(out_ptr + place, place + N)


def test_grids_of_three_axes():
    out = np.zeros(24, np.int32)
    run(two_dimensional_grid, (2, 3, 4), out, N=100)
    np.testing.assert_array_equal(out, np.arange(24) + 100)


@tl.jit
def int8_dot(a_ptr, b_ptr, out_ptr, N: tl.constexpr):
    i = tl.arange(0, N)
    tile = i[:, None] * N + i
    acc = tl.zeros((N, N), tl.int32)
    for _ in range(2):
        acc += tl.dot(tl.load(a_ptr + tile), tl.load(b_ptr + tile))
    tl.store(out_ptr + tile, acc)


def test_an_accumulator_of_integers_starts_as_an_index_block():
    rng = np.random.default_rng(1)
    a, b = (rng.integers(-128, 128, (16, 16)).astype(np.int8) for _ in range(2))
    out = np.zeros((16, 16), np.int32)
    run(int8_dot, 1, a, b, out, N=16)
    np.testing.assert_array_equal(out, 2 * (a.astype(np.int32) @ b.astype(np.int32)))


@tl.jit
def casts_of_booleans(mask_ptr, x_ptr, out_ptr, N: tl.constexpr):
    offs = tl.arange(0, N)
    mask = tl.load(mask_ptr + offs)
    x = tl.load(x_ptr + offs, mask=mask & (offs != 2), other=-1)
    tl.store(out_ptr + offs, tl.where(~mask, x * 2, x) + mask)
    tl.store(mask_ptr + offs, x > 3)


def test_masks_from_memory():
    mask = np.array([1, 0, 1, 1, 0, 1, 1, 0], np.bool_)
    x = np.arange(8, dtype=np.int32)
    out = np.zeros(8, np.int32)
    run(casts_of_booleans, 1, before := mask.copy(), x, out, N=8)
    loaded = np.where(mask & (x != 2), x, -1)
    np.testing.assert_array_equal(out, np.where(~mask, loaded * 2, loaded) + mask)
    np.testing.assert_array_equal(before, loaded > 3)


@tl.jit
def masked_sum(x, offs: tl.constexpr, n: tl.constexpr):
    return tl.sum(tl.where(offs < n, x, 0.0))


@tl.jit
def annotated(x_ptr, out_ptr, n, B: tl.constexpr):
    offs = tl.arange(0, B)
    tl.store(out_ptr, masked_sum(tl.load(x_ptr + offs), offs, n))
    count = tl.full((), 3000000000, tl.uint32)
    tl.store(out_ptr + 1, (count + n).to(tl.float32))


def test_annotations_of_inlined_functions_bind_nothing():
    """Triton's own flash attention passes blocks to parameters that it calls constexpr."""
    x, out = np.arange(16, dtype=np.float32), np.zeros(2, np.float32)
    run(annotated, 1, x, out, 5, B=16)
    assert out.tolist() == [10.0, 3000000000.0]
