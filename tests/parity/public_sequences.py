"""Kernels of sequences: linear attention, rotary embeddings, scans."""

from __future__ import annotations

import numpy as np
from case import whole
from public import indices, numbers, public, room

CHUNKED_LINEAR_ATTENTION = """
@jit
def kernel(q, k, v, out, T, D: tl.constexpr, C: tl.constexpr):
    h = tl.zeros((D, D), tl.float32)
    d = tl.arange(0, D)
    c = tl.arange(0, C)
    causal = c[:, None] >= c[None, :]
    for i in range(0, T, C):
        at = (i + c)[:, None] * D + d[None, :]
        bq, bv = tl.load(q + at), tl.load(v + at)
        bk = tl.load(k + (i + c)[None, :] * D + d[:, None])
        s = tl.where(causal, tl.dot(bq, bk), 0)
        o = tl.dot(s.to(bv.dtype), bv) + tl.dot(bq, h.to(bq.dtype))
        h += tl.dot(bk, bv)
        tl.store(out + at, o)
"""
ROTARY_HALVES = """
@jit
def kernel(q_ptr, out_ptr, cos_ptr, sin_ptr, seq, n_heads, HEAD: tl.constexpr):
    pid = tl.program_id(0)
    row, head = pid // n_heads, pid % n_heads
    half: tl.constexpr = HEAD // 2
    offs = tl.arange(0, HEAD // 2)
    cos = tl.load(cos_ptr + (row % seq) * half + offs)
    sin = tl.load(sin_ptr + (row % seq) * half + offs)
    base = (row * n_heads + head) * HEAD
    q1 = tl.load(q_ptr + base + offs).to(tl.float32)
    q2 = tl.load(q_ptr + base + half + offs).to(tl.float32)
    tl.store(out_ptr + base + offs, (q1 * cos - q2 * sin).to(q_ptr.dtype.element_ty))
    tl.store(out_ptr + base + half + offs, (q2 * cos + q1 * sin).to(q_ptr.dtype.element_ty))
"""
ROTARY_INTERLEAVED = """
@jit
def kernel(x_ptr, out_ptr, cos_ptr, sin_ptr, n_rows, BLOCK_M: tl.constexpr, D: tl.constexpr):
    rows = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    cols = tl.arange(0, D)
    mask = (rows < n_rows)[:, None]
    x = tl.load(x_ptr + rows[:, None] * D + cols[None, :], mask=mask, other=0.0)
    x0, x1 = tl.split(tl.reshape(x, (BLOCK_M, D // 2, 2)))
    k = tl.arange(0, D // 2)
    c = tl.load(cos_ptr + rows[:, None] * (D // 2) + k[None, :], mask=mask, other=1.0)
    s = tl.load(sin_ptr + rows[:, None] * (D // 2) + k[None, :], mask=mask, other=0.0)
    o = tl.interleave(x0 * c - x1 * s, x1 * c + x0 * s)
    tl.store(out_ptr + rows[:, None] * D + cols[None, :], o, mask=mask)
"""
SEGMENTED_SCAN = """
@jit
def combine(va, fa, vb, fb):
    return tl.where(fb != 0, vb, va + vb), fa | fb


@jit
def kernel(x_ptr, flag_ptr, out, N: tl.constexpr):
    offs = tl.arange(0, N)
    x = tl.load(x_ptr + offs)
    flags = tl.load(flag_ptr + offs)
    s, _ = tl.associative_scan((x, flags), 0, combine)
    tl.store(out + offs, s)
"""
SEGMENTED_SUMS_BY_SORTED_IDS = """
@jit
def kernel(x_ptr, id_ptr, out, n, N_SEG: tl.constexpr, BLOCK: tl.constexpr):
    acc = tl.zeros((N_SEG,), tl.float32)
    seg = tl.arange(0, N_SEG)
    for start in range(0, n, BLOCK):
        offs = start + tl.arange(0, BLOCK)
        ids = tl.load(id_ptr + offs, mask=offs < n, other=-1)
        x = tl.load(x_ptr + offs, mask=offs < n, other=0)
        acc += tl.sum(tl.where(ids[:, None] == seg[None, :], x[:, None], 0.0), axis=0)
    tl.store(out + seg, acc)
"""
SELECTIVE_SCAN = """
@jit
def first_order(fl, xl, fr, xr):
    f = fr * fl
    x = fr * xl + xr
    return f, x


@jit
def kernel(gates, tokens, out, T: tl.constexpr, D: tl.constexpr):
    t = tl.arange(0, T)
    d = tl.arange(0, D)
    at = t[:, None] * D + d[None, :]
    f, x = tl.load(gates + at), tl.load(tokens + at)
    out_f, out_x = tl.associative_scan((f, x), axis=0, combine_fn=first_order)
    tl.store(out + at, out_x)
"""
CHUNKED_PREFIX_SUM_OF_ROWS = """
@jit
def kernel(x_ptr, out, n, REVERSE: tl.constexpr, B: tl.constexpr):
    row = tl.program_id(0)
    carry = tl.zeros([1], tl.float32)
    n_blocks = tl.cdiv(n, B)
    for j in range(n_blocks):
        blk = (n_blocks - 1 - j) if REVERSE else j
        offs = blk * B + tl.arange(0, B)
        x = tl.load(x_ptr + row * n + offs, mask=offs < n, other=0.0)
        c = tl.cumsum(x, axis=0, reverse=REVERSE)
        tl.store(out + row * n + offs, c + carry, mask=offs < n)
        carry += tl.sum(x, axis=0, keep_dims=True)
"""

CASES = [
    public(
        "chunked linear attention",
        CHUNKED_LINEAR_ATTENTION,
        lambda rng: {
            "q": whole("float16", (48, 16), rng, -2, 3),
            "k": whole("float16", (48, 16), rng, -2, 3),
            "v": whole("float16", (48, 16), rng, -2, 3),
            "out": room((48, 16)),
            "T": 48,
            "D": 16,
            "C": 16,
        },
    ),
    public(
        "rotary halves",
        ROTARY_HALVES,
        lambda rng: {
            "q_ptr": numbers((8, 2, 32), rng, "float16"),
            "out_ptr": room((8, 2, 32), "float16"),
            "cos_ptr": numbers((4, 16), rng),
            "sin_ptr": numbers((4, 16), rng),
            "seq": 4,
            "n_heads": 2,
            "HEAD": 32,
        },
        grid=(16,),
    ),
    public(
        "rotary interleaved",
        ROTARY_INTERLEAVED,
        lambda rng: {
            "x_ptr": numbers((10, 16), rng),
            "out_ptr": room((10, 16)),
            "cos_ptr": numbers((10, 8), rng),
            "sin_ptr": numbers((10, 8), rng),
            "n_rows": 10,
            "BLOCK_M": 4,
            "D": 16,
        },
        grid=(3,),
    ),
    public(
        "segmented scan",
        SEGMENTED_SCAN,
        lambda rng: {
            "x_ptr": numbers(128, rng),
            "flag_ptr": indices(rng.integers(0, 5, 128) == 0),
            "out": room(128),
            "N": 128,
        },
    ),
    public(
        "segmented sums by sorted ids",
        SEGMENTED_SUMS_BY_SORTED_IDS,
        lambda rng: {
            "x_ptr": numbers(100, rng),
            "id_ptr": indices(np.sort(rng.integers(0, 8, 100))),
            "out": room(8),
            "n": 100,
            "N_SEG": 8,
            "BLOCK": 32,
        },
    ),
    public(
        "selective scan",
        SELECTIVE_SCAN,
        lambda rng: {
            "gates": whole("float32", (32, 8), rng, 0, 2),
            "tokens": numbers((32, 8), rng),
            "out": room((32, 8)),
            "T": 32,
            "D": 8,
        },
    ),
    public(
        "chunked prefix sum of rows",
        CHUNKED_PREFIX_SUM_OF_ROWS,
        lambda rng: {
            "x_ptr": numbers((3, 50), rng),
            "out": room((3, 50)),
            "n": 50,
            "REVERSE": True,
            "B": 16,
        },
        grid=(3,),
    ),
]
