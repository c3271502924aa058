"""``tl.dot`` of a batch, and ``tl.dot_scaled``, against NumPy: exact, for sums of small numbers."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

import kernbench as kb
import kernbench.language as tl
from kernbench.errors import CompilationError


@tl.jit
def batched(
    a_ptr, b_ptr, c_ptr, out_ptr,
    B: tl.constexpr, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr, FORM: tl.constexpr,
):  # fmt: skip
    i = tl.arange(0, B)[:, None, None]
    m, n, k = tl.arange(0, M), tl.arange(0, N), tl.arange(0, K)
    a = tl.load(a_ptr + i * M * K + m[None, :, None] * K + k[None, None, :])
    b = tl.load(b_ptr + i * K * N + k[None, :, None] * N + n[None, None, :])
    at = i * M * N + m[None, :, None] * N + n[None, None, :]
    c = tl.load(c_ptr + at)
    if FORM == "alone":
        product = tl.dot(a, b)
    elif FORM == "acc":
        product = tl.dot(a, b, c)
    else:
        product = c + tl.dot(a, b)
    tl.store(out_ptr + at, product)


@pytest.mark.parametrize("form", ["alone", "acc", "plus"])
@pytest.mark.parametrize("n_matrices", [1, 2, 8])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int8", "float64"])
def test_a_batch_of_products(dtype, n_matrices, form):
    rng = np.random.default_rng(0)
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    result = {"int8": "int32", "float64": "float64"}.get(dtype, "float32")
    a = rng.integers(-4, 5, (n_matrices, 16, 32)).astype(kind)
    b = rng.integers(-4, 5, (n_matrices, 32, 8)).astype(kind)
    c = rng.integers(-4, 5, (n_matrices, 16, 8)).astype(result)
    with kb.Context("small") as ctx:
        out = ctx.tensor(np.zeros_like(c))
        given = (ctx.tensor(each) for each in (a, b, c))
        batched[(1,)](*given, out, n_matrices, 16, 8, 32, form)
        want = a.astype(float) @ b.astype(float) + (form != "alone") * c
        np.testing.assert_array_equal(out.numpy(), want)


@tl.jit
def scaled(
    a_ptr, sa_ptr, b_ptr, sb_ptr, out_ptr,
    SIZES: tl.constexpr, G: tl.constexpr, FORMATS: tl.constexpr, K_PACK: tl.constexpr,
):  # fmt: skip
    AM, AK, BK, BN, M, N = SIZES
    a = tl.load(a_ptr + tl.arange(0, AM)[:, None] * AK + tl.arange(0, AK)[None, :])
    b = tl.load(b_ptr + tl.arange(0, BK)[:, None] * BN + tl.arange(0, BN)[None, :])
    sa = tl.load(sa_ptr + tl.arange(0, M)[:, None] * G + tl.arange(0, G)[None, :])
    sb = tl.load(sb_ptr + tl.arange(0, N)[:, None] * G + tl.arange(0, G)[None, :])
    c = tl.dot_scaled(
        a, sa, FORMATS[0], b, sb, FORMATS[1], lhs_k_pack=K_PACK[0], rhs_k_pack=K_PACK[1]
    )
    tl.store(out_ptr + tl.arange(0, M)[:, None] * N + tl.arange(0, N)[None, :], c)


E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])
FORMATS = {
    "e4m3": ml_dtypes.float8_e4m3fn,
    "e5m2": ml_dtypes.float8_e5m2,
    "bf16": ml_dtypes.bfloat16,
    "fp16": np.float16,
}
M, N, K = 16, 32, 128


def elements(kind, shape, packed_axis, rng):
    """Return a tensor of this format, and what its elements are worth."""
    if kind != "e2m1":
        stored = rng.integers(-8, 9, shape).astype(FORMATS[kind])
        return stored, stored.astype(float)
    codes = rng.integers(0, 16, shape).astype(np.uint8)
    first, second = (np.take(codes, range(i, shape[packed_axis], 2), packed_axis) for i in (0, 1))
    return first | (second << 4), np.where(codes & 8, -1, 1) * E2M1[codes & 7]


def scales(kind, shape, rng):
    if kind == "e8m0":
        stored = rng.integers(125, 130, shape).astype(np.uint8)
        return stored, 2.0 ** (stored.astype(float) - 127)
    stored = rng.integers(1, 5, shape).astype(ml_dtypes.float8_e4m3fn)
    return stored, stored.astype(float)


@pytest.mark.parametrize(
    ("formats", "k_pack", "scale"),
    [
        (("e2m1", "e2m1"), (True, True), "e8m0"),
        (("e2m1", "e2m1"), (False, False), "e8m0"),
        (("e2m1", "e2m1"), (True, True), "e4m3"),
        (("e4m3", "e2m1"), (True, True), "e8m0"),
        (("e5m2", "e4m3"), (True, True), "e8m0"),
        (("bf16", "e2m1"), (True, False), "e8m0"),
        (("fp16", "e4m3"), (True, True), "e8m0"),
    ],
)
def test_products_in_microscaling_formats(formats, k_pack, scale):
    rng = np.random.default_rng(1)
    size = 32 if scale == "e8m0" else 16
    a, a_values = elements(formats[0], (M, K), 1 if k_pack[0] else 0, rng)
    b, b_values = elements(formats[1], (K, N), 0 if k_pack[1] else 1, rng)
    sa, sa_values = scales(scale, (M, K // size), rng)
    sb, sb_values = scales(scale, (N, K // size), rng)
    want = (a_values * np.repeat(sa_values, size, 1)) @ (b_values * np.repeat(sb_values, size, 1).T)
    with kb.Context("small") as ctx:
        out = ctx.zeros((M, N))
        given = (ctx.tensor(each) for each in (a, sa, b, sb))
        scaled[(1,)](*given, out, (*a.shape, *b.shape, M, N), K // size, formats, k_pack)
        np.testing.assert_array_equal(out.numpy(), want)


@tl.jit
def powers(scale_ptr, out_ptr, FAST: tl.constexpr):
    i, j = tl.arange(0, 32)[:, None], tl.arange(0, 32)[None, :]
    ones = tl.where(i == j, 1.0, 0.0).to(tl.bfloat16)
    scale = tl.load(scale_ptr + i)
    c = tl.dot_scaled(ones, scale, "bf16", ones, None, "bf16", fast_math=FAST)
    tl.store(out_ptr + tl.arange(0, 32), tl.sum(tl.where(i == j, c, 0.0), 1))


def test_the_least_and_the_greatest_scale_and_nan():
    """Scale 0 is 2 ** -127, a subnormal of fp32; 255 is NaN, and so is all its row."""
    with kb.Context("small") as ctx:
        scale, out = np.full(32, 127, np.uint8), ctx.zeros((32,))
        scale[:4] = 0, 1, 254, 255
        powers[(1,)](ctx.tensor(scale), out, False)
        assert out.numpy()[:3].tolist() == [2.0**-127, 2.0**-126, 2.0**127]
        assert np.isnan(out.numpy()[3])
        assert (out.numpy()[4:] == 1).all()


@tl.jit
def wrong(CASE: tl.constexpr):
    x = tl.zeros((16, 64), tl.uint8)
    y = tl.zeros((64, 16), tl.float8e4nv)
    s = tl.zeros((16, 2), tl.uint8)
    if CASE == "format":
        tl.dot_scaled(x, s, "e3m2", y, s, "e4m3")
    elif CASE == "packed":
        tl.dot_scaled(x, s, "e4m3", y, s, "e2m1")
    elif CASE == "k":
        tl.dot_scaled(x, s, "e2m1", y, s, "e4m3")
    elif CASE == "scale":
        tl.dot_scaled(x, tl.zeros((2, 16), tl.uint8), "e4m3", y, s, "e4m3")
    elif CASE == "k_pack":
        tl.dot_scaled(x, s, "e4m3", y, s, "e4m3", lhs_k_pack=False)
    elif CASE == "ranks":
        tl.dot(tl.zeros((2, 16, 16), tl.float16), tl.zeros((16, 16), tl.float16))
    else:
        tl.dot(tl.zeros((2, 16, 16), tl.float16), tl.zeros((4, 16, 16), tl.float16))


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("format", "lhs_format one of e2m1, e4m3, e5m2, bf16, fp16, got 'e3m2'"),
        ("packed", "rhs of e2m1 to be packed into uint8, got a tile fp8e4nv"),
        ("k", r"expected \(M, K\) and \(K, N\), got \[16, 128\] and \[64, 16\] elements"),
        ("scale", r"lhs_scale to be a uint8 or float8e4nv of \[16, 2\], one for each 32 elements"),
        ("k_pack", "lhs_k_pack=False is for e2m1 alone"),
        ("ranks", r"of 2 dimensions, \(M, K\) and \(K, N\), or of 3"),
        ("batch", "expected one number of matrices"),
    ],
)
def test_products_that_do_not_fit(case, message):
    with kb.Context("small"), pytest.raises(CompilationError, match=message):
        wrong[(1,)](case)
