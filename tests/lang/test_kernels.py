"""Whole kernels, as they are published, against NumPy."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from kir_interpreter import Memory
from running import run, text

import kernbench.language as tl
from kernbench.language import libdevice


@tl.jit
def vector_add(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    pid = tl.program_id(axis=0)
    offs = pid * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    x = tl.load(x_ptr + offs, mask=mask)
    y = tl.load(y_ptr + offs, mask=mask)
    tl.store(out_ptr + offs, x + y, mask=mask)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int32", "int8", ml_dtypes.bfloat16])
def test_vector_add(dtype):
    rng = np.random.default_rng(0)
    x, y = (rng.integers(-9, 9, 1000).astype(dtype) for _ in range(2))
    out = np.zeros_like(x)
    run(vector_add, 4, x, y, out, 1000, BLOCK=256)
    np.testing.assert_array_equal(out, x + y)


@tl.jit
def matmul(
    a_ptr, b_ptr, c_ptr, M, N, K,
    stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr, ACTIVATION: tl.constexpr = None,
):  # fmt: skip
    pid = tl.program_id(axis=0)
    num_pid_m = tl.cdiv(M, BLOCK_M)
    num_pid_n = tl.cdiv(N, BLOCK_N)
    num_pid_in_group = GROUP_M * num_pid_n
    group_id = pid // num_pid_in_group
    first_pid_m = group_id * GROUP_M
    group_size_m = min(num_pid_m - first_pid_m, GROUP_M)
    pid_m = first_pid_m + ((pid % num_pid_in_group) % group_size_m)
    pid_n = (pid % num_pid_in_group) // group_size_m
    tl.assume(pid_m >= 0)
    offs_am = (pid_m * BLOCK_M + tl.arange(0, BLOCK_M)) % M
    offs_bn = (pid_n * BLOCK_N + tl.arange(0, BLOCK_N)) % N
    offs_k = tl.arange(0, BLOCK_K)
    a_ptrs = a_ptr + (offs_am[:, None] * stride_am + offs_k[None, :] * stride_ak)
    b_ptrs = b_ptr + (offs_k[:, None] * stride_bk + offs_bn[None, :] * stride_bn)
    accumulator = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for k in range(0, tl.cdiv(K, BLOCK_K)):
        a = tl.load(a_ptrs, mask=offs_k[None, :] < K - k * BLOCK_K, other=0.0)
        b = tl.load(b_ptrs, mask=offs_k[:, None] < K - k * BLOCK_K, other=0.0)
        accumulator = tl.dot(a, b, accumulator)
        a_ptrs += BLOCK_K * stride_ak
        b_ptrs += BLOCK_K * stride_bk
    if ACTIVATION == "leaky_relu":
        accumulator = leaky_relu(accumulator)
    c = accumulator.to(tl.float16)
    offs_cm = pid_m * BLOCK_M + tl.arange(0, BLOCK_M)
    offs_cn = pid_n * BLOCK_N + tl.arange(0, BLOCK_N)
    c_ptrs = c_ptr + stride_cm * offs_cm[:, None] + stride_cn * offs_cn[None, :]
    c_mask = (offs_cm[:, None] < M) & (offs_cn[None, :] < N)
    tl.store(c_ptrs, c, mask=c_mask)


@tl.jit
def leaky_relu(x):
    return tl.where(x >= 0, x, 0.01 * x)


@pytest.mark.parametrize("activation", [None, "leaky_relu"])
def test_matmul(activation):
    rng = np.random.default_rng(1)
    m, n, k = 40, 24, 50
    a = rng.standard_normal((m, k)).astype(np.float16)
    b = rng.standard_normal((k, n)).astype(np.float16)
    c = np.zeros((m, n), np.float16)
    tile = {"BLOCK_M": 16, "BLOCK_N": 16, "BLOCK_K": 16, "GROUP_M": 2}
    run(matmul, 6, a, b, c, m, n, k, k, 1, n, 1, n, 1, **tile, ACTIVATION=activation)
    expected = a.astype(float) @ b.astype(float)
    if activation:
        expected = np.where(expected >= 0, expected, 0.01 * expected)
    np.testing.assert_allclose(c, expected, rtol=2e-3, atol=1e-3)


@tl.jit
def matmul_plus(a_ptr, b_ptr, c_ptr, steps, B: tl.constexpr):
    i = tl.arange(0, B)
    tile = i[:, None] * B + i[None, :]
    acc = tl.zeros([B, B], dtype=tl.float32)
    for _ in range(steps):
        acc += tl.dot(tl.load(a_ptr + tile), tl.load(b_ptr + tile), input_precision="tf32")
        a_ptr += B * B
        b_ptr += B * B
    tl.store(c_ptr + tile, acc)


def test_an_added_dot_accumulates_in_place():
    rng = np.random.default_rng(2)
    a, b = (rng.standard_normal((3, 16, 16)).astype(np.float32) for _ in range(2))
    c = np.zeros((16, 16), np.float32)
    run(matmul_plus, 1, a, b, c, 3, B=16)
    np.testing.assert_allclose(c, (a @ b).sum(0), rtol=2e-2, atol=2e-2)
    listing = text(matmul_plus, a, b, c, 3, B=16).splitlines()
    dots = [line for line in listing if " dot " in line]
    assert len(dots) == 1 and " tf32 " in dots[0]
    result = dots[0].split("tf32 ")[1].split(":")[0]
    assert dots[0].endswith(f"{result}!")
    assert not any(" math " in line for line in listing)


@tl.jit
def softmax_rows(out_ptr, in_ptr, in_stride, out_stride, n_rows, n_cols, BLOCK: tl.constexpr):
    row_start = tl.program_id(0)
    row_step = tl.num_programs(0)
    for row_idx in tl.range(row_start, n_rows, row_step, num_stages=2):
        cols = tl.arange(0, BLOCK)
        mask = cols < n_cols
        row = tl.load(in_ptr + row_idx * in_stride + cols, mask=mask, other=-float("inf"))
        row_minus_max = row - tl.max(row, axis=0)
        numerator = tl.exp(row_minus_max)
        denominator = tl.sum(numerator, axis=0)
        tl.store(out_ptr + row_idx * out_stride + cols, numerator / denominator, mask=mask)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_softmax():
    x = np.random.default_rng(3).standard_normal((7, 50)).astype(np.float32)
    out = np.zeros_like(x)
    run(softmax_rows, 3, out, x, 50, 50, 7, 50, BLOCK=64)
    np.testing.assert_allclose(out, softmax(x), rtol=1e-5)


@tl.jit
def softmax_library(x_ptr, out_ptr, M: tl.constexpr, N: tl.constexpr):
    offs = tl.arange(0, M)[:, None] * N + tl.arange(0, N)[None, :]
    x = tl.load(x_ptr + offs)
    tl.store(out_ptr + offs, tl.softmax(x, dim=1))


def test_softmax_of_the_library():
    x = np.random.default_rng(3).standard_normal((8, 16)).astype(np.float32)
    out = np.zeros_like(x)
    run(softmax_library, 1, x, out, 8, 16)
    np.testing.assert_allclose(out, softmax(x), rtol=1e-5)


@tl.jit
def layer_norm(x_ptr, y_ptr, w_ptr, b_ptr, mean_ptr, rstd_ptr, stride, n, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    y_ptr += row * stride
    x_ptr += row * stride
    mean = 0
    _mean = tl.zeros([BLOCK], dtype=tl.float32)
    for off in range(0, n, BLOCK):
        cols = off + tl.arange(0, BLOCK)
        a = tl.load(x_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        _mean += a
    mean = tl.sum(_mean, axis=0) / n
    _var = tl.zeros([BLOCK], dtype=tl.float32)
    for off in range(0, n, BLOCK):
        cols = off + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
        x = tl.where(cols < n, x - mean, 0.0)
        _var += x * x
    var = tl.sum(_var, axis=0) / n
    rstd = 1 / tl.sqrt(var + eps)
    tl.store(mean_ptr + row, mean)
    tl.store(rstd_ptr + row, rstd)
    for off in range(0, n, BLOCK):
        cols = off + tl.arange(0, BLOCK)
        mask = cols < n
        w = tl.load(w_ptr + cols, mask=mask)
        b = tl.load(b_ptr + cols, mask=mask)
        x = tl.load(x_ptr + cols, mask=mask, other=0.0).to(tl.float32)
        x_hat = (x - mean) * rstd
        y = x_hat * w + b
        tl.store(y_ptr + cols, y, mask=mask)


def test_layer_norm():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((3, 100)).astype(np.float16)
    w, b = (rng.standard_normal(100).astype(np.float16) for _ in range(2))
    y = np.zeros_like(x)
    mean, rstd = np.zeros(3, np.float32), np.zeros(3, np.float32)
    run(layer_norm, 3, x, y, w, b, mean, rstd, 100, 100, 1e-5, BLOCK=32)
    wide = x.astype(float)
    expected = (wide - wide.mean(1, keepdims=True)) / np.sqrt(wide.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(mean, wide.mean(1), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(y, expected * w + b, rtol=3e-3, atol=3e-3)


@tl.jit
def attention(
    q_ptr, k_ptr, v_ptr, out_ptr, n, scale, M: tl.constexpr, N: tl.constexpr, D: tl.constexpr
):
    """Flash attention's inner loop: several carried tiles of different shapes, trans, exp2."""
    rows = tl.program_id(0) * M + tl.arange(0, M)
    dims = tl.arange(0, D)
    cols = tl.arange(0, N)
    q = tl.load(q_ptr + rows[:, None] * D + dims[None, :])
    m_i = tl.full([M], float("-inf"), tl.float32)
    l_i = tl.full([M], 0.0, dtype=tl.float32)
    acc = tl.zeros([M, D], tl.float32)
    for start in range(0, n, N):
        k = tl.load(k_ptr + (start + cols)[:, None] * D + dims[None, :])
        v = tl.load(v_ptr + (start + cols)[:, None] * D + dims[None, :])
        qk = tl.dot(q, k.T) * (scale * 1.44269504)
        qk = tl.where(rows[:, None] >= (start + cols)[None, :], qk, -1.0e6)
        m_new = tl.maximum(m_i, tl.max(qk, 1))
        p = tl.math.exp2(qk - m_new[:, None])
        alpha = tl.math.exp2(m_i - m_new)
        l_i = l_i * alpha + tl.sum(p, 1)
        acc = acc * alpha[:, None]
        acc += tl.dot(p.to(tl.float16), v)
        m_i = m_new
    acc = acc / l_i[:, None]
    tl.store(out_ptr + rows[:, None] * D + dims[None, :], acc)


def test_attention():
    rng = np.random.default_rng(5)
    n, d = 64, 16
    q, k, v = (rng.standard_normal((n, d)).astype(np.float16) for _ in range(3))
    out = np.zeros((n, d), np.float16)
    run(attention, 4, q, k, v, out, n, 0.25, M=16, N=16, D=16)
    scores = q.astype(float) @ k.T.astype(float) * 0.25
    scores[np.triu_indices(n, 1)] = -np.inf
    np.testing.assert_allclose(out, softmax(scores) @ v.astype(float), rtol=1e-2, atol=1e-2)


@tl.jit
def gather_rows(index_ptr, table_ptr, out_ptr, D: tl.constexpr):
    row = tl.program_id(0)
    index = tl.load(index_ptr + row)
    dims = tl.arange(0, D)
    if index >= 0:  # noqa: SIM108 - a branch is what is tested
        values = tl.load(table_ptr + index * D + dims)
    else:
        values = tl.zeros([D], tl.float32)
    tl.store(out_ptr + row * D + dims, values)


def test_gather_by_a_scalar_index():
    index = np.array([2, -1, 0], np.int64)
    table = np.arange(24, dtype=np.float32).reshape(3, 8)
    out = np.ones((3, 8), np.float32)
    run(gather_rows, 3, index, table, out, D=8)
    np.testing.assert_array_equal(out, [table[2], np.zeros(8), table[0]])


@tl.jit
def gather_block(index_ptr, x_ptr, out_ptr, N: tl.constexpr):
    offs = tl.arange(0, N)
    index = tl.load(index_ptr + offs)
    tl.store(out_ptr + offs, tl.load(x_ptr + index, mask=index < 5, other=7))


def test_gather_by_a_block_of_indices():
    index = np.array([3, 0, 6, 1, 4, 4, 2, 9], np.int32)
    x = np.arange(10, 20, dtype=np.int16)
    out = np.zeros(8, np.int16)
    run(gather_block, 1, index, x, out, N=8)
    np.testing.assert_array_equal(out, np.where(index < 5, x[index], 7))


@tl.jit
def pointwise(x_ptr, out_ptr, N: tl.constexpr):
    offs = tl.arange(0, N)
    x = tl.load(x_ptr + offs)
    gelu = 0.5 * x * (1 + libdevice.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))
    silu = x * tl.sigmoid(x)
    erf = tl.math.erf(x) + tl.floor(x) - x.abs().sqrt()
    clamped = tl.clamp(x, -1.0, 1.0) + tl.fma(x, x, 2.0) + tl.minimum(x, 0.5)
    tl.store(out_ptr + offs, gelu + silu + erf + clamped + libdevice.pow(tl.abs(x), 1.5))


def test_mathematical_functions():
    from math import erf

    x = np.linspace(-3, 3, 64).astype(np.float32)
    out = np.zeros_like(x)
    run(pointwise, 1, x, out, N=64)
    w = x.astype(float)
    gelu = 0.5 * w * (1 + np.tanh(0.7978845608 * (w + 0.044715 * w**3)))
    expected = gelu + w / (1 + np.exp(-w)) + np.vectorize(erf)(w) + np.floor(w) - np.sqrt(abs(w))
    expected += np.clip(w, -1, 1) + w * w + 2 + np.minimum(w, 0.5) + abs(w) ** 1.5
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)


@tl.jit
def reductions(x_ptr, out_ptr, M: tl.constexpr, N: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, M)[:, None] * N + tl.arange(0, N))
    rows = tl.arange(0, M)
    tl.store(out_ptr + rows, tl.sum(x, axis=1))
    tl.store(out_ptr + M + rows, tl.max(x, 1))
    value, index = tl.min(x, axis=-1, return_indices=True)
    tl.store(out_ptr + 2 * M + rows, value)
    tl.store(out_ptr + 3 * M + rows, index)
    tl.store(out_ptr + 4 * M + rows, x.argmax(1))
    tl.store(out_ptr + 5 * M + rows, (x - x.max(1, keep_dims=True)).min(axis=1))
    tl.store(out_ptr + 6 * M, tl.sum(x))
    tl.store(out_ptr + 6 * M + 1, tl.xor_sum(x.to(tl.int32), 1).sum())
    tl.store(out_ptr + 6 * M + 2, tl.sum(x > 0))
    tl.store(out_ptr + 6 * M + 3, tl.max(tl.trans(x), axis=0).sum())


def test_reductions():
    x = np.random.default_rng(6).integers(-50, 50, (4, 8)).astype(np.float32)
    out = np.zeros(28, np.float32)
    run(reductions, 1, x, out, M=4, N=8)
    xors = np.bitwise_xor.reduce(x.astype(np.int32), axis=1).sum()
    parts = [
        x.sum(1),
        x.max(1),
        x.min(1),
        x.argmin(1),
        x.argmax(1),
        (x - x.max(1, keepdims=True)).min(1),
    ]
    scalars = [x.sum(), xors, (x > 0).sum(), x.max(1).sum()]
    np.testing.assert_array_equal(out, np.concatenate([*parts, scalars]))


@tl.jit
def shapes(x_ptr, out_ptr, N: tl.constexpr):
    offs = tl.arange(0, N * N)
    x = tl.load(x_ptr + offs).reshape(N, N)
    y = tl.permute(tl.trans(x).view([N, N, 1]), (2, 1, 0))
    z = tl.expand_dims(tl.ravel(y), 0) + tl.broadcast_to(tl.load(x_ptr), (1, N * N))
    tl.store(out_ptr + tl.reshape(offs, (N, N)), z.reshape((N, N)) + tl.arange(0, N)[:, None])


def test_shapes():
    x = np.random.default_rng(7).standard_normal((4, 4)).astype(np.float32)
    out = np.zeros_like(x)
    run(shapes, 1, x, out, N=4)
    np.testing.assert_allclose(out, x.T.T + x[0, 0] + np.arange(4)[:, None], rtol=1e-6)


@tl.jit
def fp8(x_ptr, y_ptr, out_ptr, N: tl.constexpr):
    i = tl.arange(0, N)
    tile = i[:, None] * N + i[None, :]
    x, y = tl.load(x_ptr + tile), tl.load(y_ptr + tile)
    tl.store(out_ptr + tile, tl.dot(x, y, out_dtype=tl.float32).to(tl.float8e5))


def test_fp8():
    rng = np.random.default_rng(8)
    x = rng.standard_normal((16, 16)).astype(ml_dtypes.float8_e4m3fn)
    y = rng.standard_normal((16, 16)).astype(ml_dtypes.float8_e5m2)
    out = np.zeros((16, 16), ml_dtypes.float8_e5m2)
    run(fp8, 1, x, y, out, N=16)
    expected = (x.astype(float) @ y.astype(float)).astype(np.float32).astype(out.dtype)
    np.testing.assert_array_equal(out.astype(float), expected.astype(float))


@tl.jit
def pointer_cast(out_ptr, x_ptr, address_ptr, N: tl.constexpr):
    """Triton's grouped GEMM keeps pointers in int64 tensors."""
    base = tl.load(address_ptr).to(tl.pointer_type(tl.float16))
    offs = tl.arange(0, N)
    tl.store(out_ptr + offs, tl.load(base + offs))


def test_pointers_from_integers():
    x = np.arange(8, dtype=np.float16)
    out = np.zeros_like(x)
    places = Memory()
    places.place(out), places.place(x)
    address = np.array([next(va for va, array in places.tensors.items() if array is x)])
    run(pointer_cast, 1, out, x, address, N=8, engine=False)
    np.testing.assert_array_equal(out, x)
