"""Backward passes of activations and norms, and steps of optimisers."""

from __future__ import annotations

import numpy as np
from case import Tensor, to_storage
from public import floats, public, room

GEGLU_EXACT_BACKWARD = """
@jit
def kernel(dw, e, g, out_h, out_df, out_de, n, B: tl.constexpr):
    block = tl.program_id(0)
    offsets = block * B + tl.arange(0, B)
    mask = offsets < n
    dw_row = tl.load(dw + offsets, mask=mask, other=0)
    e_row = tl.load(e + offsets, mask=mask, other=0).to(tl.float32)
    g_row = tl.load(g + offsets, mask=mask, other=0)
    half = 0.5 * (tl.math.erf(tl.math.rsqrt(2.0) * e_row) + 1.0)
    f_row = (half * e_row).to(dw_row.dtype)
    h_row = f_row * g_row
    df_row = dw_row * f_row
    dg_row = dw_row * g_row
    t = 0.3989422804014327
    df_de = half + t * e_row * tl.exp(-0.5 * e_row * e_row)
    de_row = (dg_row.to(tl.float32) * df_de).to(dw_row.dtype)
    tl.store(out_h + offsets, h_row, mask=mask)
    tl.store(out_df + offsets, df_row, mask=mask)
    tl.store(out_de + offsets, de_row, mask=mask)
"""
DYNAMIC_TANH_BACKWARD = """
@jit
def kernel(dy_ptr, x_ptr, gamma_ptr, out_dx, out_da, out_dg, out_db, alpha_ptr, n_rows,
        N: tl.constexpr,
           ROWS: tl.constexpr, B: tl.constexpr, HAS_BETA: tl.constexpr):
    col = tl.cast(tl.program_id(0), tl.int64) * B + tl.arange(0, B)
    mask = col < N
    first = tl.cast(tl.program_id(1), tl.int64)
    alpha = tl.load(alpha_ptr).to(tl.float32)
    da = 0.0
    gamma = tl.load(gamma_ptr + col, mask=mask, other=0.0).to(tl.float32)
    dg = tl.zeros((B,), dtype=tl.float32)
    if HAS_BETA:
        db = tl.zeros((B,), dtype=tl.float32)
    for row in range(first, n_rows, ROWS):
        x = tl.load(x_ptr + row * N + col, mask=mask, other=0.0).to(tl.float32)
        dy = tl.load(dy_ptr + row * N + col, mask=mask, other=0.0).to(tl.float32)
        tanh = 2 * tl.sigmoid(2 * alpha * x) - 1
        if HAS_BETA:
            db += dy
        dg += dy * tanh
        tmp = (1 - tanh * tanh) * dy * gamma
        da += tl.sum(x * tmp, 0)
        tl.store(out_dx + row * N + col, alpha * tmp, mask=mask)
    tl.store(out_dg + first * N + col, dg, mask=mask)
    if HAS_BETA:
        tl.store(out_db + first * N + col, db, mask=mask)
    tl.store(out_da + first * tl.cdiv(N, B) + tl.program_id(0), da)
"""
POLYNOMIAL_NORM = """
@jit
def kernel(x_ptr, w_ptr, b_ptr, out_y, out_rstd, eps, N, B: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, B)
    mask = cols < N
    x = tl.load(x_ptr + row * N + cols, mask=mask, other=0.0).to(tl.float32)
    w0, w1, w2 = tl.load(w_ptr), tl.load(w_ptr + 1), tl.load(w_ptr + 2)
    bias = tl.load(b_ptr)
    x2 = x * x
    x3 = x2 * x
    r3 = tl.rsqrt(tl.sum(x3 * x3, axis=0) / N + eps)
    r2 = tl.rsqrt(tl.sum(x2 * x2, axis=0) / N + eps)
    r1 = tl.rsqrt(tl.sum(x * x, axis=0) / N + eps)
    tl.store(out_rstd + row * 3, r3)
    tl.store(out_rstd + row * 3 + 1, r2)
    tl.store(out_rstd + row * 3 + 2, r1)
    y = w0 * x3 * r3 + w1 * x2 * r2 + w2 * x * r1 + bias
    tl.store(out_y + row * N + cols, y.to(out_y.dtype.element_ty), mask=mask)
"""
STOCHASTIC_ROUNDING = """
@jit
def round_at_random(x, bits):
    as_int = x.to(tl.uint32, bitcast=True)
    rounded = as_int + (bits & 0xFFFF)
    rounded = rounded & 0xFFFF0000
    special = (as_int & 0x7F800000) == 0x7F800000
    return tl.where(special, as_int, rounded)

@jit
def kernel(p, g, m, bits, out_p, out_m, lr, beta1, beta2, wd, n, B: tl.constexpr):
    offs = tl.program_id(0) * B + tl.arange(0, B)
    mask = offs < n
    w = (tl.load(p + offs, mask=mask, other=0).to(tl.uint32) << 16).to(tl.float32, bitcast=True)
    grad = tl.load(g + offs, mask=mask, other=0.0)
    moment = tl.load(m + offs, mask=mask, other=0.0)
    update = beta1 * moment + (1.0 - beta1) * grad
    sign = tl.where(update > 0, 1.0, tl.where(update < 0, -1.0, 0.0))
    w = w * (1.0 - lr * wd) - lr * sign
    noise = tl.load(bits + offs, mask=mask, other=0)
    tl.store(out_p + offs, (round_at_random(w, noise) >> 16).to(tl.uint16), mask=mask)
    tl.store(out_m + offs, beta2 * moment + (1.0 - beta2) * grad, mask=mask)
"""
FACTORED_SECOND_MOMENT = """
@jit
def kernel(g_ptr, row_ptr, col_ptr, out_u, out_rms, M, N, eps, BM: tl.constexpr, BN: tl.constexpr):
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    row_mask = rows < M
    r = tl.load(row_ptr + rows, mask=row_mask, other=1.0)
    mean = tl.sum(tl.where(tl.arange(0, BM) < M, tl.load(
        row_ptr + tl.arange(0, BM), mask=tl.arange(0, BM) < M, other=0.0), 0.0)) / M
    total = tl.zeros([BM], dtype=tl.float32)
    for n in tl.range(0, N, BN, num_stages=2):
        cols = n + tl.arange(0, BN)
        mask = row_mask[:, None] & (cols < N)[None, :]
        c = tl.load(col_ptr + cols, mask=cols < N, other=1.0)
        g = tl.load(g_ptr + rows[:, None] * N + cols[None, :], mask=mask, other=0.0)
        v = r[:, None] * c[None, :] / mean
        u = g * tl.rsqrt(v + eps)
        total += tl.sum(u * u, axis=1)
        tl.store(out_u + rows[:, None] * N + cols[None, :], u, mask=mask)
    tl.store(out_rms + rows, tl.sqrt(total / N), mask=row_mask)
"""


def bits_of(shape, rng):
    """Return random words."""
    return Tensor("uint32", rng.integers(0, 1 << 32, shape, dtype=np.uint32))


def small_bf16(n, rng):
    """Return the bits of bf16 numbers."""
    return Tensor("uint16", to_storage(rng.standard_normal(n), "bfloat16"))


CASES = [
    public(
        "exact geglu, backward",
        GEGLU_EXACT_BACKWARD,
        lambda rng: {
            "dw": floats(100, rng, "float16"),
            "e": floats(100, rng, "float16", -3, 3),
            "g": floats(100, rng, "float16"),
            "out_h": room(100, "float16"),
            "out_df": room(100, "float16"),
            "out_de": room(100, "float16"),
            "n": 100,
            "B": 64,
        },
        grid=(2,),
        ulps=1,
    ),
    public(
        "dynamic tanh, backward",
        DYNAMIC_TANH_BACKWARD,
        lambda rng: {
            "dy_ptr": floats((5, 40), rng),
            "x_ptr": floats((5, 40), rng),
            "gamma_ptr": floats(40, rng),
            "out_dx": room((5, 40)),
            "out_da": room((2, 2)),
            "out_dg": room((2, 40)),
            "out_db": room((2, 40)),
            "alpha_ptr": floats(1, rng, a=0.5),
            "n_rows": 5,
            "N": 40,
            "ROWS": 2,
            "B": 32,
            "HAS_BETA": True,
        },
        grid=(2, 2),
        ulps=64,
        scale=1.0,
    ),
    public(
        "norm of three powers",
        POLYNOMIAL_NORM,
        lambda rng: {
            "x_ptr": floats((3, 50), rng),
            "w_ptr": floats(3, rng),
            "b_ptr": floats(1, rng),
            "out_y": room((3, 50), "float16"),
            "out_rstd": room((3, 3)),
            "eps": 1e-6,
            "N": 50,
            "B": 64,
        },
        grid=(3,),
        ulps=8,
    ),
    public(
        "lion with weights rounded at random",
        STOCHASTIC_ROUNDING,
        lambda rng: {
            "p": small_bf16(70, rng),
            "g": floats(70, rng),
            "m": floats(70, rng),
            "bits": bits_of(70, rng),
            "out_p": room(70, "uint16"),
            "out_m": room(70),
            "lr": 0.01,
            "beta1": 0.9,
            "beta2": 0.99,
            "wd": 0.1,
            "n": 70,
            "B": 32,
        },
        grid=(3,),
        ulps=16,
    ),
    public(
        "factored second moment",
        FACTORED_SECOND_MOMENT,
        lambda rng: {
            "g_ptr": floats((10, 24), rng),
            "row_ptr": floats(10, rng, a=0.1),
            "col_ptr": floats(24, rng, a=0.1),
            "out_u": room((10, 24)),
            "out_rms": room(10),
            "M": 10,
            "N": 24,
            "eps": 1e-30,
            "BM": 16,
            "BN": 16,
        },
        ulps=16,
    ),
]
